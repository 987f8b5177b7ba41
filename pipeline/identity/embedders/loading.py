"""One door to every embedder: `dlib`, the ONNX file of a user, or changes of dlib's network."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data.errors import ModelError
from pipeline.identity.embedders.base import FaceEmbedder
from pipeline.identity.embedding import load_embedder

__all__ = ["CHANGES", "DLIB", "find_embedder"]

DLIB: Final = "dlib"
CHANGES: Final = ".safetensors"
"""Suffix of what `benchmarks.tools.tune_embedder` writes."""


def find_embedder(name_or_file: str = DLIB) -> FaceEmbedder:
    """Load an embedder once per process.

    Raises `ModelError` on one line for an unknown name, and where a file, its card or a library is
    missing or does not fit.
    """
    if name_or_file == DLIB:
        return load_embedder()
    path = Path(name_or_file)
    if path.suffix == CHANGES:
        from pipeline.identity.embedders.tuned_file import load_tuned_embedder

        return load_tuned_embedder(path)
    if path.suffix.lower() != ".onnx":
        raise ModelError(f"an embedder is {DLIB} or an .onnx file, not {name_or_file!r}")
    from pipeline.identity.embedders.onnx_file import load_onnx_embedder

    return load_onnx_embedder(path)

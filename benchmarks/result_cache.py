"""Results by what they depend on: a second run computes nothing, a changed weight only its rows."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.atomic import whole_file
from pipeline.environment.provenance import library_versions

Parts = Mapping[str, object]
"""What a result depends on, JSON-ready."""

_ROOT: Final = Path(__file__).resolve().parent.parent
_CODE: Final = (
    "benchmarks/measuring/distances.py",
    "benchmarks/measuring/compare_rows.py",
    "benchmarks/image_sets.py",
    "benchmarks/protocols.py",
    "benchmarks/measuring/real_faces.py",
    "benchmarks/rivals/bulat/network.py",
    "benchmarks/rivals/cyclegan/network.py",
    "benchmarks/rivals/srgan/network.py",
    "benchmarks/rivals/provider.py",
    "benchmarks/rivals/wavelet_srnet/network.py",
    "benchmarks/measuring/whole_images.py",
    "data/prepared.py",
    "pipeline/identity/dlib_in_torch.py",
    "data/datasets/scene_faces.py",
    "data/datasets/base.py",
    "data/datasets/widerface.py",
    "data/boxes.py",
    "pipeline/jobs/compare.py",
    "pipeline/jobs/degrade.py",
    "pipeline/detection/detect.py",
    "pipeline/metrics/features.py",
    "pipeline/metrics/set_distance.py",
    "pipeline/identity/identity.py",
    "data/images/files.py",
    "pipeline/metrics/image_quality.py",
    "pipeline/upscalers/inference/batched.py",
    "pipeline/upscalers/interpolation.py",
    "pipeline/upscalers/inference/network.py",
    "pipeline/upscalers/oracle.py",
    "pipeline/upscalers/inference/batch_plan.py",
    "pipeline/upscalers/base.py",
    "pipeline/upscalers/gflmser.py",
    "pipeline/upscalers/spandrel_models.py",
    "pipeline/upscalers/inference/tiles.py",
    "gflmser/degradation.py",
    "gflmser/gating.py",
    "gflmser/network.py",
    "gflmser/restore.py",
)
"""The files that a figure depends on: one of them changed, and nothing old is used."""


class Cache:
    """A folder of results, each in a file called by the hash of its parts.

    The versions of the libraries and the code that measures are parts of every result. `computed`
    and `reused` count what this run did.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.computed = 0
        self.reused = 0
        self._counting: Final = threading.Lock()
        self._always: Final = {"libraries": library_versions(), "code": code_digest(_CODE)}

    def json(self, parts: Parts, compute: Callable[[], Any]) -> Any:  # noqa: ANN401
        """The JSON value of these parts; computed and kept where there is none."""
        found = self.find(parts)
        return self.put(parts, compute()) if found is None else found

    def find(self, parts: Parts) -> Any | None:  # noqa: ANN401
        """The JSON value of these parts, or None."""
        path = self._path(parts, ".json")
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        self._count(computed=False)
        return value

    def put(self, parts: Parts, value: Any) -> Any:  # noqa: ANN401
        """Keep a JSON value; returns it as it will be read again."""
        text = json.dumps(value, ensure_ascii=False)
        with whole_file(self._path(parts, ".json")) as temporary:
            temporary.write_text(text, encoding="utf-8")
        self._count(computed=True)
        return json.loads(text)

    def array(
        self, parts: Parts, compute: Callable[[], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """The array of these parts; computed and kept where there is none."""

        def saved() -> bytes:
            file = io.BytesIO()
            np.save(file, compute())
            return file.getvalue()

        kept = self.bytes(parts, ".npy", saved)
        return np.asarray(np.load(io.BytesIO(kept), allow_pickle=False), np.float64)

    def bytes(self, parts: Parts, suffix: str, compute: Callable[[], bytes]) -> bytes:
        """The content of a file of these parts; computed and kept where there is none."""
        path = self._path(parts, suffix)
        if path.is_file():
            self._count(computed=False)
            return path.read_bytes()
        content = compute()
        with whole_file(path) as temporary:
            temporary.write_bytes(content)
        self._count(computed=True)
        return content

    def _count(self, *, computed: bool) -> None:
        """Methods are measured by several threads."""
        with self._counting:
            self.computed += computed
            self.reused += not computed

    def _path(self, parts: Parts, suffix: str) -> Path:
        digest = digest_of({**self._always, **parts})
        return self.folder / digest[:2] / f"{digest}{suffix}"


def digest_of(parts: Parts) -> str:
    """SHA-256 of JSON-ready parts, whatever their order."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def code_digest(names: Iterable[str]) -> str:
    """SHA-256 of files of this repository, by their paths below its root."""
    digest = hashlib.sha256()
    for name in names:
        path = _ROOT / name
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()

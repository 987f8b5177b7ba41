"""LS3D-W: about 230,000 faces with 3D landmarks, a landmark file beside each picture."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data.cache import Picture
from data.readers import Dataset, Report, file_picture, guarded, image_files, need, report

_PARTS: Final = ("300VW-3D", "300W-Testset-3D", "AFLW2000-3D-Reannotated", "Menpo-3D")
_LANDMARKS: Final = (".t7", ".mat", ".pts")


def pictures(root: Path) -> list[Picture]:
    """Every picture below `root`; the part it belongs to is the first folder of its key."""
    need(root, "the folder of the dataset")
    return [file_picture(path, root) for path in image_files(root)]


@guarded
def _check(root: Path) -> Report:
    found = pictures(root)
    absent = [part for part in _PARTS if not (root / part).is_dir()]
    problems = [f"{root / part} is missing: a part of the dataset" for part in absent]
    bare = [p.key for p in found if not _has_landmarks(root / p.key)]
    problems += [f"{key}: no landmark file ({', '.join(_LANDMARKS)}) beside it" for key in bare[:5]]
    return report(found, problems)


def _has_landmarks(path: Path) -> bool:
    return any(path.with_suffix(suffix).is_file() for suffix in _LANDMARKS)


DATASET: Final = Dataset(
    name="ls3d_w",
    layout="ROOT/AFLW2000-3D-Reannotated/image00002.jpg with image00002.t7 (or .mat) beside it",
    pictures=pictures,
    check=_check,
)

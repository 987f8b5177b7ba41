"""Folders of images: DIV2K, BSDS (200 to train, 100 to test), LFW, and any folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from data.datasets.base import (
    Dataset,
    Report,
    by_identity_folder,
    few,
    file_image,
    guarded,
    image_files,
    need,
    report,
)
from data.datasets.integrity import size
from data.prepared import DatasetImage


def folder_images(root: Path) -> list[DatasetImage]:
    """Every image below `root`."""
    need(root, "the folder of images")
    return [file_image(path, root) for path in image_files(root)]


@guarded
def _check_folder(root: Path) -> Report:
    return report(folder_images(root), [])


def div2k_images(root: Path) -> list[DatasetImage]:
    """The 800 images of `DIV2K_train_HR` (0001.png on), or those of `root` itself."""
    train = root / "DIV2K_train_HR"
    return folder_images(train if train.is_dir() else root)


@guarded
def _check_div2k(root: Path) -> Report:
    found = div2k_images(root)
    names = {Path(p.key).stem for p in found}
    missing = [f"{n:04d}.png is missing" for n in range(1, 801) if f"{n:04d}" not in names]
    problems = few(missing, "images more are missing")
    return report(found, problems, expected=800)


@guarded
def _check_bsds100(root: Path) -> Report:
    return _check_bsds(root, 100)


@guarded
def _check_bsds200(root: Path) -> Report:
    return _check_bsds(root, 200)


def _check_bsds(root: Path, expected: int) -> Report:
    found = folder_images(root)
    odd = [
        f"{image.key}: {shape[0]}x{shape[1]}, not 481x321: not an original image"
        for image in found
        if (shape := size(root / image.key)) and sorted(shape) not in ([321, 481], [320, 480])
    ]
    problems = few(odd, "images more are not 481x321")
    return report(found, problems, expected=expected)


@guarded
def _check_lfw(root: Path) -> Report:
    found = by_identity_folder(root)
    misnamed = [
        f"{image.key}: not called {image.identity}_0001.jpg after its folder"
        for image in found
        if not Path(image.key).name.startswith(f"{image.identity}_")
    ]
    problems = few(misnamed, "images more are not called after their folder")
    # Copies are of one size: the first image that can be opened tells which.
    shapes = ((image.key, size(root / image.key)) for image in found)
    key, shape = next(((key, shape) for key, shape in shapes if shape), ("", None))
    if shape is not None and shape != (250, 250):
        problems.append(f"{key}: {shape[0]}x{shape[1]}, not 250x250")
    return report(found, problems, expected=13_233)


FOLDER: Final = Dataset(
    name="folder",
    layout="any folder of images",
    images=folder_images,
    check=_check_folder,
)
DIV2K: Final = Dataset(
    name="div2k",
    layout="ROOT/DIV2K_train_HR/0001.png to 0800.png",
    images=div2k_images,
    check=_check_div2k,
    side=512,
)
BSDS200: Final = Dataset(
    name="bsds200",
    layout="ROOT/100075.jpg and 199 more, 481x321: the training images of BSDS500",
    images=folder_images,
    check=_check_bsds200,
    side=321,
)
BSDS100: Final = Dataset(
    name="bsds100",
    layout="ROOT/101085.png and 99 more, 481x321",
    images=folder_images,
    check=_check_bsds100,
    side=321,
    test_only=True,
)
LFW: Final = Dataset(
    name="lfw",
    layout="ROOT/Aaron_Eckhart/Aaron_Eckhart_0001.jpg, 250x250",
    images=by_identity_folder,
    check=_check_lfw,
    side=250,
    test_only=True,
)

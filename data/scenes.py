"""Folders of pictures: DIV2K, BSDS (200 to train, 100 to test), LFW, and any folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PIL import Image

from data.cache import Picture
from data.readers import (
    Dataset,
    Report,
    by_identity_folder,
    file_picture,
    guarded,
    image_files,
    need,
    report,
)


def folder_pictures(root: Path) -> list[Picture]:
    """Every picture below `root`."""
    need(root, "the folder of pictures")
    return [file_picture(path, root) for path in image_files(root)]


@guarded
def _check_folder(root: Path) -> Report:
    return report(folder_pictures(root), [])


def div2k_pictures(root: Path) -> list[Picture]:
    """The 800 pictures of `DIV2K_train_HR` (0001.png on), or those of `root` itself."""
    train = root / "DIV2K_train_HR"
    return folder_pictures(train if train.is_dir() else root)


@guarded
def _check_div2k(root: Path) -> Report:
    found = div2k_pictures(root)
    names = {Path(p.key).stem for p in found}
    missing = [f"{n:04d}.png" for n in range(1, 801) if f"{n:04d}" not in names]
    problems = [f"{name} is missing" for name in missing[:5]]
    if len(missing) > 5:
        problems.append(f"and {len(missing) - 5} pictures more are missing")
    return report(found, problems, expected=800)


@guarded
def _check_bsds100(root: Path) -> Report:
    return _check_bsds(root, 100)


@guarded
def _check_bsds200(root: Path) -> Report:
    return _check_bsds(root, 200)


def _check_bsds(root: Path, expected: int) -> Report:
    found = folder_pictures(root)
    problems = []
    for picture in found:
        with Image.open(root / picture.key) as image:
            if sorted(image.size) not in ([321, 481], [320, 480]):
                size = f"{image.width}x{image.height}"
                problems.append(f"{picture.key}: {size}, not 481x321: not an original picture")
    return report(found, problems[:5], expected=expected)


@guarded
def _check_lfw(root: Path) -> Report:
    found = by_identity_folder(root)
    problems = []
    for picture in found:
        expected = f"{picture.identity}_"
        if not Path(picture.key).name.startswith(expected):
            problems.append(f"{picture.key}: not called {expected}0001.jpg after its folder")
    if found:
        with Image.open(root / found[0].key) as image:
            if image.size != (250, 250):
                problems.append(f"{found[0].key}: {image.width}x{image.height}, not 250x250")
    return report(found, problems[:5], expected=13_233)


FOLDER: Final = Dataset(
    name="folder",
    layout="any folder of pictures",
    pictures=folder_pictures,
    check=_check_folder,
)
DIV2K: Final = Dataset(
    name="div2k",
    layout="ROOT/DIV2K_train_HR/0001.png to 0800.png",
    pictures=div2k_pictures,
    check=_check_div2k,
    side=512,
)
BSDS200: Final = Dataset(
    name="bsds200",
    layout="ROOT/100075.jpg and 199 more, 481x321: the training pictures of BSDS500",
    pictures=folder_pictures,
    check=_check_bsds200,
    side=321,
)
BSDS100: Final = Dataset(
    name="bsds100",
    layout="ROOT/101085.png and 99 more, 481x321",
    pictures=folder_pictures,
    check=_check_bsds100,
    side=321,
    test_only=True,
)
LFW: Final = Dataset(
    name="lfw",
    layout="ROOT/Aaron_Eckhart/Aaron_Eckhart_0001.jpg, 250x250",
    pictures=by_identity_folder,
    check=_check_lfw,
    side=250,
    test_only=True,
)

"""The images of the tables: found below --data, listed in a fixed order, known by their hash."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from data.datasets.base import DatasetError, file_image, image_files
from data.datasets.registry import dataset
from data.datasets.scene_faces import small_faces
from data.errors import ImageError, UsageError
from data.prepared import DatasetImage, square
from pipeline.inputs.sources import Listing, Source

_BOXED_SIDE: Final = 250
"""Side of a face that is cut out by its box: CASIA-WebFace's."""


class MissingDataError(UsageError):
    """A table needs images that are not below --data."""


@dataclass(frozen=True)
class ImageSet:
    """Images in the order in which they are measured."""

    name: str
    images: tuple[DatasetImage, ...]
    scenes: Path | None = None
    """The folder of scenes and annotations that the images are cut out of, if they are."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names, boxes and contents, or of all the files that they are cut out of."""
        # A face whose square leaves its scene cannot be read, and a scene holds many: so its files.
        digest = hashlib.sha256(_contents(self.scenes) if self.scenes is not None else b"")
        for image in self.images:
            content = b"" if self.scenes is not None else hashlib.sha256(image.read()).digest()
            edges = image.box and astuple(image.box)
            digest.update(f"{image.key}\0{edges}\0".encode() + content)
        return digest.hexdigest()

    def first(self, count: int | None) -> ImageSet:
        """The first so many of them."""
        return self if count is None else replace(self, images=self.images[:count])

    def only(self, keys: Sequence[str] | frozenset[str]) -> ImageSet:
        """Those with these keys, in the order of this set."""
        wanted = frozenset(keys)
        return replace(self, images=tuple(p for p in self.images if p.key in wanted))

    def shuffled(self, seed: int, *, one_of_each: bool = False) -> ImageSet:
        """In seeded order; with `one_of_each` the first of each person alone."""
        order = np.random.default_rng(seed).permutation(len(self.images))
        drawn = [self.images[i] for i in order]
        if one_of_each:
            people: dict[str, DatasetImage] = {}
            for image in drawn:
                people.setdefault(image.identity or image.key, image)
            drawn = list(people.values())
        return replace(self, images=tuple(drawn))


@dataclass(frozen=True)
class SetListing(Listing):
    """A `ImageSet` as the engine reads it."""

    images: tuple[DatasetImage, ...] = ()

    def __iter__(self) -> Iterator[Source]:
        """Yield the images, decoded one at a time."""
        return (source_of(image) for image in self.images)

    def total(self) -> int:
        """Count the images."""
        return len(self.images)

    def wanted(self) -> str:
        """Say what is missing."""
        return "the set is empty"


def source_of(image: DatasetImage) -> Source:
    """An image as a source; one that cannot be read becomes an error row."""
    source = Source(image.key, Path(image.key), output=f"{image.key}.png")
    try:
        return replace(source, pixels=_decode(image))
    except (OSError, ValueError, ImageError) as error:
        return replace(source, problem=" ".join(str(error).split()))


def paired_faces(data: Path) -> ImageSet:
    """Faces of tables 1 and 2: LS3D-W's balanced part where it is there, else LFW's test people.

    The paper's 7,144 images fit the balanced part of 7,200. It is a download of its own, so it is
    looked for beside LS3D-W and below it; without it the whole dataset is taken.
    """
    root = data / "ls3d_w"
    beside = [data / "ls3d_w_balanced"]
    below = [p for p in sorted(root.glob("*")) if "balanced" in p.name.lower()]
    for part in (*beside, *below):
        if part.is_dir():
            return replace(_registered("ls3d_w", part), name="ls3d_w-balanced")
    return _registered("ls3d_w", root) if root.is_dir() else lfw_test(data)


def table4_faces(data: Path, seed: int) -> ImageSet:
    """One image of each person in seeded order: CASIA-WebFace, else LFW's test people.

    Where `splits/lfw-test-table4.csv` is there, its images come first and in its order.
    """
    if (data / "casia_webface").is_dir():
        whole = _registered("casia_webface", data / "casia_webface")
        return whole.shuffled(seed, one_of_each=True)
    whole = lfw_test(data)
    drawn = whole.shuffled(seed, one_of_each=True).images
    by_key = {image.key: image for image in whole.images}
    listed = [by_key[k] for k in _listed(data / "splits" / "lfw-test-table4.csv") if k in by_key]
    people = {image.identity for image in listed}
    rest = [image for image in drawn if image.identity not in people]
    return replace(whole, images=(*listed, *rest))


def lfw_test(data: Path) -> ImageSet:
    """LFW's images of the people of `splits/lfw-test.csv`; without that list all images."""
    root = data / "lfw"
    if not root.is_dir():
        raise MissingDataError(f"needs {root}: {dataset('lfw').layout}")
    listed = _listed(data / "splits" / "lfw-test.csv")
    if not listed:
        return _registered("lfw", root)
    there = [root / name for name in listed if (root / name).is_file()]
    if not there:
        raise MissingDataError(f"none of the images of splits/lfw-test.csv is in {root}")
    return ImageSet("lfw-test", tuple(file_image(p, root, p.parent.name) for p in there))


def lfw_split(data: Path, name: str) -> ImageSet:
    """LFW's images that `splits/NAME.csv` lists; raises MissingDataError where there are none."""
    root, listed = data / "lfw", _listed(data / "splits" / f"{name}.csv")
    there = [root / key for key in listed if (root / key).is_file()]
    if not there:
        raise MissingDataError(f"needs {root} and {data / 'splits' / name}.csv")
    return ImageSet(name, tuple(file_image(path, root, path.parent.name) for path in there))


def scenes(data: Path, name: str) -> ImageSet:
    """The images of a folder such as bsds100, sorted."""
    root = data / name
    found = tuple(file_image(p, root) for p in image_files(root)) if root.is_dir() else ()
    if not found:
        raise MissingDataError(f"needs {root}: the images of {name}")
    return ImageSet(name, found)


def real_faces(data: Path) -> tuple[ImageSet, ...]:
    """Faces of WIDER FACE and of crowd_voc at their true size, where there.

    Of WIDER FACE the original scenes, or `wider_lr16`: its faces below 37 px as 16x16. Raises
    MissingDataError where neither set is.
    """
    sets = []
    if (data / "widerface").is_dir():
        sets.append(_wider(data / "widerface"))
    elif (data / "wider_lr16").is_dir():
        sets.append(_wider_lr16(data / "wider_lr16"))
    if (data / "crowd_voc").is_dir():
        sets.append(_crowd(data / "crowd_voc"))
    if not sets:
        raise MissingDataError(f"needs {data / 'wider_lr16'} or {data / 'widerface'}: WIDER FACE")
    return tuple(sets)


def _crowd(root: Path) -> ImageSet:
    """Its faces without a mask."""
    from data.annotations.annotations import read_truth

    truth = read_truth(root / "annotations", classes=frozenset({"without_mask"}))
    faces = {
        path.name: truth[key]
        for path in image_files(root / "images")
        if (key := truth.find(path.name)) is not None
    }
    found = tuple(small_faces(root / "images", faces))
    return ImageSet(root.name, found, root)


def _wider(root: Path) -> ImageSet:
    found = _registered("widerface", root)
    return replace(found, name=root.name, scenes=root)


def _wider_lr16(root: Path) -> ImageSet:
    """Those that are neither dark nor flat."""
    with (root / "images.csv").open(newline="", encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["usable"] == "1"]
    return ImageSet(root.name, tuple(file_image(root / name, root) for name in names))


def _contents(root: Path) -> bytes:
    """Names and hashes of every file below `root`, annotations too."""
    lines = []
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{path.relative_to(root).as_posix()} {content}\n")
    return "".join(lines).encode()


def _registered(name: str, root: Path) -> ImageSet:
    try:
        found = tuple(dataset(name).images(root))
    except DatasetError as error:
        raise MissingDataError(str(error)) from error
    if not found:
        raise MissingDataError(f"no image in {root}: {dataset(name).layout}")
    return ImageSet(name, found)


def _decode(image: DatasetImage) -> np.ndarray:
    from io import BytesIO

    from PIL import Image

    encoded = image.read()
    if image.box is not None:
        return np.array(square(encoded, _BOXED_SIDE, 0.5, image.box))
    with Image.open(BytesIO(encoded)) as opened:
        return np.array(opened.convert("RGB"))


def _listed(path: Path) -> list[str]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row["image"] for row in csv.DictReader(file)]

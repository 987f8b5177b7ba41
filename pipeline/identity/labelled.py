"""Labelled images of faces, and how they look from far away through a poor camera."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
from PIL import Image, ImageFilter

from data.errors import ImageError, UsageError
from data.images.files import IMAGE_SUFFIXES, load_rgb
from data.images.rgb import RGB
from data.regular_files import paths_below, read_text
from data.safe_text import one_line
from pipeline.identity.embedding import Face

__all__ = ["DEGRADATIONS", "Degradation", "Subject", "far_away", "labelled_images", "subjects"]

Degradation = Literal["clean", "noise10", "blur1", "jpeg40", "mixed"]
DEGRADATIONS: Final[tuple[Degradation, ...]] = get_args(Degradation)
_BLUR: Final = {"blur1": 1.0, "mixed": 0.8}
"""Deviation of the blur in pixels of the small image."""
_NOISE: Final = {"noise10": 10.0, "mixed": 6.0}
"""Deviation of the noise in levels of 255."""
_JPEG: Final = {"jpeg40": 40, "mixed": 60}
_GRID: Final = 16
_CONTEXT: Final = 1.45
"""Side of the crop in face widths of CenterFace's box: `--crop 0.55` of LFW has as much."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A labelled image and the face in its middle."""

    image: str
    identity: str
    face: Face


def labelled_images(
    folder: Path, split: Path | None, most: int | None
) -> Iterator[tuple[str, str]]:
    """Yield image and identity: the rows of a CSV, or a folder of a folder for each person.

    At most `most` images of a person. Raises `UsageError` when the CSV lacks its columns.
    """
    seen: Counter[str] = Counter()
    for image, identity in _rows(split) if split else _tree(folder):
        seen[identity] += 1
        if most is None or seen[identity] <= most:
            yield image, identity


def subjects(
    folder: Path, labels: Sequence[tuple[str, str]], progress: Callable[[], object] | None = None
) -> Iterator[Subject]:
    """Yield the images that show a face; the face nearest to the middle is taken."""
    for image, identity in labels:
        found = _subject(folder, image, identity)
        if progress is not None:
            progress()
        if found is not None:
            yield found


def far_away(face: Face, width: float, kind: Degradation, rng: np.random.Generator) -> Face:
    """Return the face as `width` pixels show it, cut out as a detector's crop would be.

    The image is blurred, reduced with Pillow's antialiased bicubic, and given noise and JPEG 4:2:0
    on a frame with a grid at random. Place and size of the crop shake by a few per cent.
    """
    factor = face.box.width / width
    side = max(8, round(_CONTEXT * width))
    x = (face.box.left + face.box.right) / 2 + rng.normal(0, 0.02 * face.box.width)
    y = (face.box.top + face.box.bottom) / 2 + rng.normal(0, 0.02 * face.box.width)
    pad = 8 + int(rng.integers(_GRID)) if kind in _JPEG else 0
    cells = side + 2 * pad + (_GRID if kind in _JPEG else 0)
    left, top = x - (side / 2 + pad) * factor, y - (side / 2 + pad) * factor
    small = _reduced(face.rgb, left, top, cells, factor, _BLUR.get(kind, 0.0))
    if kind in _NOISE:
        noisy = small + rng.normal(0, _NOISE[kind], small.shape)
        small = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    if kind in _JPEG:
        small = _coded(small, _JPEG[kind])[pad : pad + side, pad : pad + side]
    shift = -(left + pad * factor), -(top + pad * factor)
    return face.on(np.ascontiguousarray(small), shift=shift, scale=(1 / factor, 1 / factor))


def _reduced(rgb: RGB, left: float, top: float, cells: int, factor: float, blur: float) -> RGB:
    """A square of `cells` pixels, `factor` source pixels each, from `left`, `top`; edges repeat."""
    span = cells * factor
    height, width = rgb.shape[:2]
    margin = int(max(0.0, -left, -top, left + span - width, top + span - height) + 3 * factor) + 1
    image = Image.fromarray(np.pad(rgb, ((margin, margin), (margin, margin), (0, 0)), mode="edge"))
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(float(blur * factor)))
    x, y = left + margin, top + margin
    size = (cells, cells)
    return np.array(image.resize(size, Image.Resampling.BICUBIC, box=(x, y, x + span, y + span)))


def _coded(rgb: RGB, quality: int) -> RGB:
    file = BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality, subsampling=2)
    with Image.open(file) as opened:
        return np.array(opened.convert("RGB"))


def _rows(split: Path) -> Iterator[tuple[str, str]]:
    try:
        rows = csv.DictReader(StringIO(read_text(split), newline=""))
        if not {"image", "identity"} <= set(rows.fieldnames or ()):
            raise UsageError(f"{split}: needs the columns image and identity")
        for row in rows:
            yield row["image"], row["identity"]
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"{split} cannot be read: {one_line(error)}") from error


def _tree(folder: Path) -> Iterator[tuple[str, str]]:
    for path in paths_below(folder, IMAGE_SUFFIXES):
        parts = path.relative_to(folder).parts
        if len(parts) > 1 and path.is_file():
            yield "/".join(parts), parts[0]


def _subject(folder: Path, image: str, identity: str) -> Subject | None:
    from pipeline.identity.faces_of_people import central_face

    try:
        face = central_face(load_rgb(folder / image))
    except ImageError:
        return None
    return None if face is None else Subject(image, identity, face)

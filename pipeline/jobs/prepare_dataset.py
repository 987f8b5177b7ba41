"""From a copy of a dataset to a cache that training reads, without anyone of the test set."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from data.boxes import Box
from data.datasets.base import DatasetError, text_of
from data.datasets.joined import Part, joined
from data.images.files import open_image
from data.prepared import BROKEN, CacheReport, DatasetImage, build, check_unwritten


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` made."""

    cache: CacheReport
    dropped: int
    """Images closer than 0.40 to an image of the test set, left out of training."""


def prepare(
    parts: Sequence[Part],
    out: Path,
    *,
    side: int | None = None,
    corners: int | None = None,
    seed: int = 0,
    listing: Path | None = None,
    away_from: Path | None = None,
    away_listing: Path | None = None,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Prepared:
    """Write the cache of one or several datasets into `out`.

    `seed` draws the images of a part that has a limit. `listing` is a CSV (`image`, perhaps
    `identity`) of the images to take, by path below the root. Of several datasets the path begins
    with the dataset's name.
    With `corners` the four corners of each image, squares of so many pixels, are taken instead.
    They are faceless backgrounds where faces fill the middle.
    `away_from` is a folder of test images, `away_listing` a CSV of those that count. Training
    images that show the same people are recorded as excluded. Raises DatasetError, and
    FileExistsError where `out` holds a cache (unless `overwrite`) or one of its files is an input.
    """
    inputs = [path for path in (listing, away_listing) if path is not None]
    check_unwritten(out, overwrite=overwrite, inputs=inputs)
    dataset, images = joined(parts, seed=seed)
    if listing is not None:
        images = chosen(images, listing)
    if not images:
        raise DatasetError(f"{listing} lists no image")
    if corners is not None:
        images = [corner for image in images for corner in _corners(image, corners)]
    made = build(
        images,
        out,
        name=dataset.name,
        side=side or dataset.side,
        anchor=dataset.anchor,
        test_only=dataset.test_only,
        progress=None if progress is None else lambda n, of: progress("cache", n, of),
    )
    dropped = 0
    if away_from is not None:
        unreadable = set(made.unreadable)
        kept = [p for p in images if p.key not in unreadable]
        dropped = _keep_away(kept, out, away_from, away_listing, progress)
    return Prepared(made, dropped)


def chosen(images: list[DatasetImage], listing: Path) -> list[DatasetImage]:
    """The images that a CSV lists, in its order and with its identities.

    Raises DatasetError for a listed image that the dataset does not hold.
    """
    known = {p.key: p for p in images}
    made = []
    for number, row in enumerate(csv.DictReader(StringIO(text_of(listing, "utf-8"))), 2):
        key = row.get("image")
        if key is None or key not in known:
            raise DatasetError(f"{listing}:{number}: '{key}' is not in the dataset")
        identity = row.get("identity") or known[key].identity
        made.append(dataclasses.replace(known[key], identity=identity))
    return made


def _corners(image: DatasetImage, edge: int) -> list[DatasetImage]:
    """Squares at the four corners of an image; itself where it is none, for `build` to say so."""
    try:
        with open_image(image.read()) as opened:
            right, bottom = opened.width - edge, opened.height - edge
    except BROKEN:
        return [image]
    return [
        dataclasses.replace(
            image, key=f"{image.key}#{name}", box=Box(left, top, left + edge, top + edge)
        )
        for name, left, top in (
            ("upper-left", 0, 0),
            ("upper-right", right, 0),
            ("lower-left", 0, bottom),
            ("lower-right", right, bottom),
        )
    ]


def _keep_away(
    images: list[DatasetImage],
    out: Path,
    test: Path,
    listing: Path | None,
    progress: Callable[[str, int, int], None] | None,
) -> int:
    from data.datasets.folders import folder_images
    from data.leakage import exclude, near
    from pipeline.identity.dlib_in_torch import embed

    test_images = folder_images(test)
    if listing is not None:
        test_images = chosen(test_images, listing)
    total = len(images) + len(test_images)
    told = None if progress is None else lambda n: progress("faces", n, total)
    test_keys, test_vectors = embed(test_images, progress=told)
    keys, vectors = embed(images, progress=told)
    return exclude(out, near(keys, vectors, test_keys, test_vectors))

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
from data.prepared import BROKEN, CacheReport, Picture, build, check_unwritten


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` made."""

    cache: CacheReport
    dropped: int
    """Pictures closer than 0.40 to a picture of the test set, left out of training."""


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
    `away_from` is a folder of test pictures, `away_listing` a CSV of those that count. Training
    pictures that show the same people are recorded as excluded. Raises DatasetError, and
    FileExistsError where `out` holds a cache (unless `overwrite`) or one of its files is an input.
    """
    inputs = [path for path in (listing, away_listing) if path is not None]
    check_unwritten(out, overwrite=overwrite, inputs=inputs)
    dataset, pictures = joined(parts, seed=seed)
    if listing is not None:
        pictures = chosen(pictures, listing)
    if not pictures:
        raise DatasetError(f"{listing} lists no image")
    if corners is not None:
        pictures = [corner for picture in pictures for corner in _corners(picture, corners)]
    made = build(
        pictures,
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
        kept = [p for p in pictures if p.key not in unreadable]
        dropped = _keep_away(kept, out, away_from, away_listing, progress)
    return Prepared(made, dropped)


def chosen(pictures: list[Picture], listing: Path) -> list[Picture]:
    """The pictures that a CSV lists, in its order and with its identities.

    Raises DatasetError for a listed picture that the dataset does not hold.
    """
    known = {p.key: p for p in pictures}
    made = []
    for number, row in enumerate(csv.DictReader(StringIO(text_of(listing, "utf-8"))), 2):
        key = row.get("image")
        if key is None or key not in known:
            raise DatasetError(f"{listing}:{number}: '{key}' is not in the dataset")
        identity = row.get("identity") or known[key].identity
        made.append(dataclasses.replace(known[key], identity=identity))
    return made


def _corners(picture: Picture, edge: int) -> list[Picture]:
    """Squares at the four corners of a picture; itself where it is none, for `build` to say so."""
    try:
        with open_image(picture.read()) as image:
            right, bottom = image.width - edge, image.height - edge
    except BROKEN:
        return [picture]
    return [
        dataclasses.replace(
            picture, key=f"{picture.key}#{name}", box=Box(left, top, left + edge, top + edge)
        )
        for name, left, top in (
            ("upper-left", 0, 0),
            ("upper-right", right, 0),
            ("lower-left", 0, bottom),
            ("lower-right", right, bottom),
        )
    ]


def _keep_away(
    pictures: list[Picture],
    out: Path,
    test: Path,
    listing: Path | None,
    progress: Callable[[str, int, int], None] | None,
) -> int:
    from data.datasets.folders import folder_pictures
    from data.leakage import exclude, near
    from pipeline.identity.dlib_in_torch import embed

    test_pictures = folder_pictures(test)
    if listing is not None:
        test_pictures = chosen(test_pictures, listing)
    total = len(pictures) + len(test_pictures)
    told = None if progress is None else lambda n: progress("faces", n, total)
    test_keys, test_vectors = embed(test_pictures, progress=told)
    keys, vectors = embed(pictures, progress=told)
    return exclude(out, near(keys, vectors, test_keys, test_vectors))

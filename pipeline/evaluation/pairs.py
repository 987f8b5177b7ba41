"""Verification pairs: SR of one image against HR of another one."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from data.errors import TruthError
from data.regular_files import read_text, separator_of
from data.safe_text import one_line
from pipeline.engine.journal import Row
from pipeline.evaluation.summary import HR_METHOD
from pipeline.metrics.verification import Verification, verification

Embeddings = Mapping[tuple[str, str], NDArray[np.float32]]
"""By method and image key; an image without a face has none."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of images and whether they show the same person."""

    a: tuple[str, ...]
    b: tuple[str, ...]
    same: tuple[bool, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a CSV with the columns a, b, same (1 or 0), cells ended by `,`, `;` or a tab.

        Raises TruthError, with the line where one is wrong.
        """
        try:
            text = read_text(path)
            separator = separator_of(text.partition("\n")[0])
            reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
            names = [name.strip().lower() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            numbered = [(reader.line_num, row) for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise TruthError(f"{path} cannot be read as CSV: {one_line(error)}") from error
        rows = [row for _, row in numbered]
        missing = {"a", "b", "same"} - set(names)
        if missing:
            raise TruthError(f"{path} lacks the column(s) {', '.join(sorted(missing))}")
        if not rows:
            raise TruthError(f"{path} has the columns a, b, same and no pair")
        for line, row in numbered:
            if row["a"] is None or row["b"] is None:
                raise TruthError(f"{path}: line {line} has too few cells")
            if row["same"] not in ("0", "1"):
                raise TruthError(f"{path}: line {line}: same must be 0 or 1, not {row['same']!r}")
        return cls(
            tuple(row["a"] for row in rows),
            tuple(row["b"] for row in rows),
            tuple(row["same"] == "1" for row in rows),
        )

    def keys(self) -> frozenset[str]:
        """Every image that occurs."""
        return frozenset(self.a + self.b)

    def judgeable(self, seen: frozenset[str]) -> bool:
        """Whether at least one same and one different pair have both images in `seen`."""
        return {self.same[i] for i in self._within(seen)} == {True, False}

    def _within(self, seen: frozenset[str]) -> list[int]:
        return [i for i in range(len(self.same)) if self.a[i] in seen and self.b[i] in seen]

    def verify(self, method: str, embeddings: Embeddings, seen: frozenset[str]) -> Verification:
        """Judge SR of `a` by `method` against HR of `b`, over the pairs whose images were `seen`.

        A pair in which a face could not be embedded has an infinite distance: it is rejected.
        """
        chosen = self._within(seen)
        distances = [self._distance(i, method, embeddings) for i in chosen]
        return verification(distances, [self.same[i] for i in chosen])

    def _distance(self, index: int, method: str, embeddings: Embeddings) -> float:
        probe = embeddings.get((method, self.a[index]))
        known = embeddings.get((HR_METHOD, self.b[index]))
        return inf if probe is None or known is None else float(np.linalg.norm(probe - known))


def collect_embeddings(rows: Iterable[Row]) -> dict[tuple[str, str], NDArray[np.float32]]:
    """Embeddings out of the rows of a compare run."""
    return {
        (str(row["method"]), str(row["image"])): np.asarray(row["embedding"], dtype=np.float32)
        for row in rows
        if row.get("embedding") is not None
    }

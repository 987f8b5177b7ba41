"""Names and numbers of people in the .mat lists of TinyFace and QMUL-SurvFace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.datasets.base import DatasetError, Report, few, need, report
from data.prepared import DatasetImage

__all__ = ["listed_people", "report_of_listed"]


def listed_people(path: Path, names: str, numbers: str) -> list[tuple[str, str]]:
    """File name and person of each image that a list names, in its order.

    `names` and `numbers` are the variables of the file. Raises DatasetError naming the file where
    it is missing or holds something else.
    """
    need(path, "the list of images and people")
    try:
        from scipy.io import loadmat

        content = loadmat(path)
        files = [str(np.ravel(cell)[0]) for cell in np.ravel(content[names])]
        people = [str(int(number)) for number in np.ravel(content[numbers])]
        return list(zip(files, people, strict=True))
    # scipy and numpy raise almost anything on files that are something else.
    except Exception as error:
        why = " ".join(str(error).split())
        raise DatasetError(f"{path} holds no {names} and {numbers}: {why}") from error


def report_of_listed(images: Sequence[DatasetImage], root: Path, problems: Sequence[str]) -> Report:
    """A report over images that lists name: those without a file are problems too."""
    there = [one for one in images if (root / one.key).is_file()]
    known = {one.key for one in there}
    absent = [one.key for one in images if one.key not in known]
    lines = [f"{root / key} is missing: a list names it" for key in absent]
    return report(there, [*problems, *few(lines, "images more of the lists are missing")])

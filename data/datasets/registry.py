"""Every dataset by its name: ours, then those of other packages."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Final

from data.datasets import (
    aflw,
    casia_webface,
    celeba,
    folders,
    ijb_templates,
    ls3d_w,
    qmul_survface,
    scface,
    tinyface,
    vggface2,
    widerface,
)
from data.datasets.base import Dataset, DatasetError

GROUP: Final = "sr_pipeline.datasets"
"""Entry points by which other packages add datasets."""

OURS: Final = (
    casia_webface.DATASET,
    celeba.DATASET,
    aflw.DATASET,
    ls3d_w.DATASET,
    vggface2.DATASET,
    widerface.DATASET,
    folders.DIV2K,
    folders.BSDS200,
    folders.BSDS100,
    folders.LFW,
    tinyface.DATASET,
    scface.DATASET,
    qmul_survface.DATASET,
    ijb_templates.DATASET,
    folders.FOLDER,
)


@functools.cache
def datasets() -> Mapping[str, Dataset]:
    """Name -> dataset, ours first.

    Raises DatasetError when an entry point is no `Dataset`, or two have one name.

    >>> "lfw" in datasets()
    True
    """
    found = {own.name: own for own in OURS}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        own = entry.load()
        if not isinstance(own, Dataset):
            raise DatasetError(f"entry point {GROUP}: {entry.value} is no Dataset")
        if own.name in found:
            raise DatasetError(f"entry point {GROUP}: two datasets are called {own.name!r}")
        found[own.name] = own
    return found


def dataset(name: str) -> Dataset:
    """The dataset of that name; raises DatasetError naming the nearest otherwise."""
    if name in datasets():
        return datasets()[name]
    near = get_close_matches(name, datasets(), n=1, cutoff=0.0)[0]
    raise DatasetError(f"no dataset called '{name}'; the nearest is '{near}'")

"""Every dataset by its name."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from data.datasets import aflw, casia_webface, celeba, folders, ls3d_w, vggface2, widerface
from data.datasets.base import Dataset, DatasetError

DATASETS: Final[Mapping[str, Dataset]] = {
    dataset.name: dataset
    for dataset in (
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
        folders.FOLDER,
    )
}


def dataset(name: str) -> Dataset:
    """The dataset of that name; raises DatasetError naming the nearest otherwise."""
    if name in DATASETS:
        return DATASETS[name]
    near = get_close_matches(name, DATASETS, n=1, cutoff=0.0)[0]
    raise DatasetError(f"no dataset called '{name}'; the nearest is '{near}'")

"""The published weights of Bulat et al.: jingyang2017's `model.pkl`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from torch import Tensor

from benchmarks.rivals.bulat.network import BulatNetwork
from pipeline.origins import Names, Origin, renamed

_NAMES: Final[Names] = (
    (r"layers_in\.weight", r"head.weight"),
    (r"layers_set_final\.0\.(\d+)\.(conv\d|bn\d)\.(\w+)", r"stage1.\1.\2.\3"),
    (r"layers_set_final\.1\.(\d+)\.(conv\d|bn\d|skip)\.(\w+)", r"stage2.\1.\2.\3"),
    (r"layers_set_final_up\.0\.([13])\.(\w+)", r"up1.\1.\2"),
    (r"layers_set_final_up\.1\.([13])\.(\w+)", r"up2.\1.\2"),
    (r"a1\.0\.(\w+)", r"bypass2.\1"),
    (r"main\.([024])\.(\w+)", r"tail.\1.\2"),
)
_DEAD: Final = re.compile(r"a2\.0\.\w+")
"""Declared by the original, used by none of its layers."""


def _translate(state: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    return {renamed(key, _NAMES, origin): tensor for key, tensor in state.items()}


BULAT: Final = Origin(
    method="bulat", network=lambda _: BulatNetwork(), translate=_translate, dead=_DEAD
)

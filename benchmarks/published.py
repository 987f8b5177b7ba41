"""What the paper prints, to stand beside our figures and never to be mixed with them.

Its GFLmser rows were made with the ground truth in view. Its FID has another preprocessing than
today's. Two figures of Table 3 belong to protocols that it does not describe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Family = Literal[
    "bicubic", "srgan", "cyclegan", "bulat", "wavelet-srnet", "no skip", "no gating", "full", ""
]
"""The row of the paper that a method belongs to; empty where it has none."""

_TABLE1: Final[Mapping[str, tuple[float, float]]] = {
    "bicubic": (22.10, 241.76),
    "srgan": (23.19, 104.80),
    "cyclegan": (16.10, 19.01),
    "bulat": (19.30, 14.89),
    "wavelet-srnet": (23.98, 149.46),
    "no skip": (25.19, 51.62),
    "no gating": (26.76, 33.19),
    "full": (26.87, 33.52),
}
_TABLE3: Final = {"bicubic": 24.30, "srgan": 12.19, "bulat": 18.00, "full": 24.49}
_TABLE3_DIV2K: Final = {"bicubic": 25.96, "full": 26.40}
_TABLE4: Final[Mapping[str, tuple[float, float]]] = {
    "srgan": (0.52, 0.545),
    "bicubic": (0.531, 0.561),
    "bulat": (0.73, 0.793),
    "no gating": (0.994, 0.997),
    "full": (0.998, 0.999),
}
_TABLE2: Final = {("full", "no gating"): (2.77, 0.0057)}
"""t from the printed means and variances (unpaired), and the printed p."""
RIVALS: Final = ("srgan", "cyclegan", "bulat", "wavelet-srnet")
NOTE: Final = (
    "Published figures are the paper's, on its own images and protocol: GFLmser's were made with "
    "the ground truth in view, so that they are to be read beside oracle rows alone."
)


def table1(family: str, trained_on: str) -> dict[str, float]:
    """`published_psnr` (channel not said) and `published_fid`; none for what saw no faces."""
    return _of_faces(("published_psnr", "published_fid"), _TABLE1, family, trained_on)


def table2(family_a: str, family_b: str) -> dict[str, float]:
    """`published_t` of A - B and `published_p`, of full against no gating alone."""
    names = ("published_t", "published_p")
    if (family_b, family_a) in _TABLE2:
        t, p = _TABLE2[family_b, family_a]
        return _named(names, (-t, p))
    return _named(names, _TABLE2.get((family_a, family_b)))


def table3(family: str, trained_on: str) -> dict[str, float]:
    """`published_psnr` of BSDS100 for what is trained on faces, `published_div2k` for general.

    What is not trained (`trained_on` a dash) has both; where the training is not known, neither.
    """
    figures = {
        "published_psnr": _TABLE3.get(family) if trained_on in ("faces", "–") else None,
        "published_div2k": _TABLE3_DIV2K.get(family) if trained_on in ("general", "–") else None,
    }
    return {name: value for name, value in figures.items() if value is not None}


def table4(family: str, trained_on: str) -> dict[str, float]:
    """`published_iou` and `published_accuracy`, which means found; none for what saw no faces."""
    return _of_faces(("published_iou", "published_accuracy"), _TABLE4, family, trained_on)


def _of_faces(
    names: tuple[str, str],
    table: Mapping[str, tuple[float, float]],
    family: str,
    trained_on: str,
) -> dict[str, float]:
    return _named(names, None if trained_on == "general" else table.get(family))


def _named(names: tuple[str, str], values: tuple[float, float] | None) -> dict[str, float]:
    return dict(zip(names, values, strict=True)) if values is not None else {}

"""Who is looked for in which images: what datasets of low-resolution recognition state.

A protocol picks gallery and probes out of them, and says by what the literature measures it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data.prepared import DatasetImage

__all__ = ["Identification", "Protocol", "Seen"]

Role = Literal["gallery", "probe"]


@dataclass(frozen=True, slots=True)
class Seen:
    """An image of a person, and what it is for.

    `image.identity` is empty for a stranger: nobody of the other role is the same person.
    """

    image: DatasetImage
    role: Role
    distance: str = ""
    """From the camera, as the dataset names it: `d1` of SCface is 4.2 m."""
    camera: str = ""
    template: str = ""
    """Images of one template are compared as one; empty where each stands alone."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """One published experiment on a dataset."""

    name: str
    figures: tuple[str, ...]
    """What is published: `rank-1`, or `TPIR at FPIR 20 %`."""
    source: str
    takes: Callable[[Seen], bool] = lambda _one: True
    """Whether an image, of the gallery or a probe, belongs to it."""

    def split(self, seen: Sequence[Seen]) -> tuple[list[Seen], list[Seen]]:
        """Gallery and probes, in the order given."""
        taken = [one for one in seen if self.takes(one)]
        gallery = [one for one in taken if one.role == "gallery"]
        return gallery, [one for one in taken if one.role == "probe"]


@dataclass(frozen=True, slots=True)
class Identification:
    """How a dataset is read for identification, and the published protocols on it."""

    seen: Callable[[Path], list[Seen]]
    """Gallery and probes below a root; raises DatasetError where the layout is another one."""
    protocols: tuple[Protocol, ...]

    def images(self, root: Path) -> list[DatasetImage]:
        """All images, those of strangers without an identity."""
        return [one.image for one in self.seen(root)]

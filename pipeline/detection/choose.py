"""Which of the faces found in an image are kept."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from data.boxes import Box
from pipeline.names import FacesWanted

Face = TypeVar("Face", bound="HasBox")


class HasBox(Protocol):
    """Anything with the box of a face."""

    @property
    def box(self) -> Box:
        """In pixels of the image."""


def choose_faces(faces: Sequence[Face], wanted: FacesWanted, width: int, height: int) -> list[Face]:
    """Keep all faces, the largest, or the one nearest to the middle of a `width` x `height`."""
    if wanted == "all" or not faces:
        return list(faces)
    if wanted == "largest":
        return [max(faces, key=lambda face: face.box.area)]

    def from_middle(face: Face) -> float:
        box = face.box
        return abs(box.left + box.right - width) ** 2 + abs(box.top + box.bottom - height) ** 2

    return [min(faces, key=from_middle)]

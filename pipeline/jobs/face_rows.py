"""The rows of detections.csv, and which of the faces found in an image become rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from data.boxes import Box
from data.images.rgb import RGB
from pipeline.names import AS_IT_IS

Status = Literal["none", "one", "many", "error"]
UNTOUCHED: Final = AS_IT_IS
"""Name in the `upscaler` column of an image that was large enough to be left alone."""


@dataclass(frozen=True, slots=True)
class FaceRow:
    """One row of detections.csv: a face, a dropped candidate, or an image without a face.

    The box is in pixels of the image that the user gave, whose size is `width` x `height`.
    `scale` is how much the image was enlarged before the search. `identity` is the closest person
    of a gallery; `name` is given only where `accepted`, and `reason` says why it is not.
    """

    image: str
    status: Status
    face: int | None = None
    left: float | None = None
    top: float | None = None
    right: float | None = None
    bottom: float | None = None
    score: float | None = None
    width: int | None = None
    height: int | None = None
    upscaler: str | None = None
    scale: int | None = None
    detector: str | None = None
    passes: int | None = None
    identity: str | None = None
    distance: float | None = None
    threshold: float | None = None
    accepted: bool | None = None
    name: str | None = None
    similarity: float | None = None
    margin: float | None = None
    reason: str | None = None
    degradation: str | None = None
    track: int | None = None
    fpir: float | None = None
    """Share of strangers who get some name at the threshold; None without a threshold."""
    frames: int | None = None
    """Frames that the answer rests on: those of the track, else one."""
    face_px: float | None = None
    """Width of the face in pixels of the image given."""
    dori: str | None = None
    """Class of EN 62676-4 for that width: identification, recognition, observation, detection."""
    fp_rate: float | None = None
    """Rate of false boxes that the score stands for; None where it was not calibrated."""
    fp_per: str | None = None
    """What `fp_rate` counts: the share of faceless `crop`s, or false boxes per `frame`."""
    found_at: float | None = None
    """Scale of the image at which the face was found."""
    landmarks: str | None = None
    """`x,y` of both eyes, nose and both corners of the mouth, in pixels of the image given."""
    turned: float | None = None
    """Degrees by which the face was turned upright before it was restored."""
    spread: float | None = None
    """Mean change of the restored face when its input is mirrored, in grey levels."""
    sigma: float | None = None
    """Expected error of the restored face in grey levels; None where it was not calibrated."""
    quality: float | None = None
    """Chance that the restored face's embedding stays within 0.45 of the original's."""
    unusual: float | None = None
    """Share of the training faces whose input is more usual than this one's."""
    grey: bool | None = None
    """Whether the image has no colour."""
    dropped: str = ""
    """Why a candidate is no face; such a row has no box and no number."""
    candidate: str | None = None
    """Left, top, right and bottom of a dropped candidate."""
    error: str = ""
    path: str = ""
    """The plain path of the image; `image` is its unique name in this run."""
    note: str = ""
    seconds: float | None = None
    """Time of a frame in its video."""
    time: str | None = None
    """Time of day of a frame: `--start-time`, else the file's own, plus its seconds."""

    def box(self) -> Box | None:
        """The face's box; None for an image without one."""
        left, top, right, bottom = self.left, self.top, self.right, self.bottom
        if left is None or top is None or right is None or bottom is None:
            return None
        return Box(left, top, right, bottom)

    def as_row(self) -> dict[str, object]:
        """By column; every value is plain, so nothing is copied deeply as `asdict` does."""
        return {name: getattr(self, name) for name in self.__slots__}

    def label(self) -> str:
        """What is written above the box: the score, and the name when it passed."""
        score = f"{self.score:.2f}"
        return f"{self.name} {score}" if self.name else score


def with_degradation(rows: Sequence[FaceRow], boxes: Sequence[Box], image: RGB) -> list[FaceRow]:
    """The rows with how degraded each face looks; boxes are in pixels of `image`."""
    from pipeline.identity.quality import looks

    return [
        replace(row, degradation=looks(image, box).bucket)
        for row, box in zip(rows, boxes, strict=True)
    ]

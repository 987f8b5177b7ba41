"""What a face of so many pixels is good for, by EN 62676-4 (DORI)."""

from typing import Final, Literal

DoriClass = Literal["identification", "recognition", "observation", "detection", "below detection"]
FACE_METRES: Final = 0.16
PX_PER_METRE: Final[tuple[tuple[float, DoriClass], ...]] = (
    (250, "identification"),
    (125, "recognition"),
    (62, "observation"),
    (25, "detection"),
)


def dori_class(face_px: float) -> DoriClass:
    """The class of a face `face_px` wide, taken to be 0.16 m wide.

    Examples:
        >>> dori_class(18)
        'observation'
    """
    density = face_px / FACE_METRES
    return next((name for least, name in PX_PER_METRE if density >= least), "below detection")

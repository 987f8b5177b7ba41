"""The fixed texts of the PDF: what it is, what it is not, whose practice it follows."""

from typing import Final

PURPOSE: Final = (
    "This document records what was done to the images of one run, so that another professional "
    "can make the same outputs again from the originals (`sr-pipeline replay`)."
)
LIMITS: Final = (
    "A restored image is a guess. The network was trained on other people's faces and adds detail "
    "that the original does not hold.",
    "Whether two images show the same person is decided on the originals, never on restored "
    "images.",
    "A name means that the closest person meets a measured rule for a gallery of this size. It is "
    "a lead to check, not an identification. The closest strangers seen were mostly East Asian "
    "or Black people; rates by group are unknown.",
    "Where no name is given, the reason stands beside the face. No conclusion follows from it.",
    "False-positive rates were measured on other images than these. Other cameras can do worse.",
    "Sigma is the expected error in grey levels. It was calibrated on photographs of LFW that were "
    "degraded by computer; other cameras can do worse.",
    "The spread says where a restoration changes when its input is mirrored. It is not calibrated: "
    "two restorations can be wrong alike.",
    "The size class says what EN 62676-4 expects of a face of that width. It is no measure of this "
    "image's sharpness.",
)
PRACTICE: Final = (
    "ASTM E30.12, practice for processing images for facial recognition search (WK74632): the "
    "original is kept, each step is noted, and any decision rests on the unprocessed image.",
    "SWGDE 15-M-002, 16-I-002, 17-I-001 and 22-V-001, best practices for image processing: the "
    "original is preserved, processing is logged and can be repeated, and the result is presented "
    "as enhanced.",
    "ASTM E2825, forensic digital image processing; ENFSI-BPM-DI-01, validation and uncertainty.",
)
NO_CLAIM: Final = (
    "This document follows these texts in keeping originals by hash, logging every step and "
    "stating limits. It is not a certificate of conformity."
)

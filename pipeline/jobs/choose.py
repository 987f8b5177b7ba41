"""Which job `detect` runs: the search for small faces, or the paper's chain of whole images."""

import logging
from pathlib import Path
from typing import Any, Final

from data.errors import UsageError
from pipeline.identity.embedders.loading import DLIB
from pipeline.jobs.detect import FindFaces
from pipeline.jobs.search_faces import SearchFaces
from pipeline.names import AUTO

log = logging.getLogger(__name__)
_CHAIN_ONLY: Final = {"passes": None, "pad": 0.0, "yunet_model": None, "spread": False}
"""Settings of the chain, and the values that ask for nothing; auto writes every spread."""
_SEARCH_ONLY: Final = {"min_face": None, "max_face": None}

DetectJob = FindFaces | SearchFaces


def detect_job(out: Path, *, detector: str, **settings: Any) -> DetectJob:  # noqa: ANN401
    """The job for `detector`; settings of the other one are left out, with a warning if set.

    Raises `UsageError` for tracks with another embedder than dlib's.
    """
    search = detector == AUTO
    identifier = settings.get("identifier")
    if settings.get("tracks") and identifier and identifier.gallery.embedder != DLIB:
        raise UsageError("tracks are linked by dlib's network: leave out --tracks or --embedder")
    foreign = _CHAIN_ONLY if search else _SEARCH_ONLY
    for name, nothing in foreign.items():
        if settings.pop(name, nothing) != nothing:
            option = f"--{name.replace('_', '-')}"
            log.warning("%s does nothing with --detector %s", option, detector)
    return SearchFaces(out, **settings) if search else FindFaces(out, detector=detector, **settings)

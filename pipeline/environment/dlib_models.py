"""dlib and the models of face_recognition_models, found without importing that package."""

import importlib.util
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from data.atomic import cache_folder, whole_file
from data.errors import ModelError, OutputError
from data.regular_files import stamp_of

_FRONTAL_SHA256: Final = {
    "20.0.1": "f3f7aa833fb4a14a46fc48689f45b98d85ef72d6dfaf8bdc012b7d3c522a5426",
}
"""What `get_frontal_face_detector().save` writes, by dlib's version."""
_LARGEST_DETECTOR: Final = 1 << 20
_MODEL_FILES: Final = {
    "cnn": "mmod_human_face_detector.dat",
    "landmarks5": "shape_predictor_5_face_landmarks.dat",
    "landmarks68": "shape_predictor_68_face_landmarks.dat",
    "embedding": "dlib_face_recognition_resnet_model_v1.dat",
}


def model_file(key: str) -> Path:
    """Path of a model of face_recognition_models: cnn, landmarks5, landmarks68, embedding.

    Looks the package up without importing it, so a missing `pkg_resources` does not matter.
    Raises ModelError when the package or the file is absent.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise ModelError(
            "the dlib models are missing: pip install face-recognition-models (see README, Install)"
        )
    path = Path(spec.origin).parent / "models" / _MODEL_FILES[key]
    if not path.is_file():
        raise ModelError(f"face_recognition_models is incomplete: {path} is missing")
    return path


def import_dlib() -> Any:  # noqa: ANN401 - dlib has no type information
    """Return the dlib module; raises ModelError that says what to install."""
    try:
        import dlib
    except ImportError as error:
        raise ModelError(f"dlib cannot be imported ({error}): pip install dlib-bin") from error
    return dlib


def frontal_face_detector() -> Any:  # noqa: ANN401
    """dlib's HOG detector: unpacking the one inside dlib takes 0.4 s, reading it back 2 ms.

    The cached file is used only when its SHA-256 is the one known for this dlib: anybody may have
    put another detector there.
    """
    dlib = import_dlib()
    known = _FRONTAL_SHA256.get(dlib.__version__)
    if known is None:
        return dlib.get_frontal_face_detector()
    cached = cache_folder() / f"frontal_face_detector-{dlib.__version__}.svm"
    with suppress(RuntimeError, OSError):  # absent, or not whole
        if stamp_of(cached, limit=_LARGEST_DETECTOR).sha256 == known:
            return dlib.fhog_object_detector(str(cached))
    detector = dlib.get_frontal_face_detector()
    with suppress(OutputError), whole_file(cached) as temporary:
        detector.save(str(temporary))
    return detector

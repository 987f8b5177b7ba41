"""dlib and the models of face_recognition_models, found without importing that package."""

import importlib.util
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from data.atomic import cache_folder, whole_file
from data.errors import ModelError, OutputError

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
    """dlib's HOG detector: unpacking the one inside dlib takes 0.4 s, reading it back 2 ms."""
    dlib = import_dlib()
    cached = cache_folder() / f"frontal_face_detector-{dlib.__version__}.svm"
    with suppress(RuntimeError):  # absent, or not whole
        return dlib.fhog_object_detector(str(cached))
    detector = dlib.get_frontal_face_detector()
    with suppress(OutputError), whole_file(cached) as temporary:
        detector.save(str(temporary))
    return detector

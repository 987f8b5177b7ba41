"""What `sr-pipeline doctor` looks at: versions, devices, models, weights, each detector."""

import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import data
from data.errors import SrPipelineError
from data.images.files import load_rgb
from pipeline.detection.passes import auto_passes
from pipeline.detection.registry import load_detector
from pipeline.environment.dlib_models import import_dlib, model_file
from pipeline.environment.provenance import library_versions, version
from pipeline.names import DetectorName

State = Literal["ok", "note", "fail"]
SAMPLE: Final = Path(data.__file__).parent / "samples" / "obama.jpg"
PKG_RESOURCES_PROBE: Final = "import pkg_resources"
_OPENCV_WHEELS: Final = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `advice` says what to do when `state` is not ok."""

    name: str
    state: State
    found: str
    advice: str = ""


def examine() -> Iterator[Check]:
    """Look at the installation, one check after the other; never raises."""
    for look in (_python, _libraries, _torch, _dlib, _models, _pkg_resources, _opencv, _weights):
        yield from _guarded(look)
    yield from _detectors()


def _guarded(look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from look()
    except SrPipelineError as error:
        yield Check(look.__name__.strip("_"), "fail", str(error), "make env installs everything")
    except Exception as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        yield Check(look.__name__.strip("_"), "fail", text, "install it again: make clean env")


def _python() -> Iterator[Check]:
    yield Check("sr-pipeline", "ok", f"{version()}, Python {platform.python_version()}")
    yield Check("platform", "ok", platform.platform())


def _libraries() -> Iterator[Check]:
    found = library_versions()
    yield Check("libraries", "ok", ", ".join(f"{name} {v}" for name, v in found.items()))


def _torch() -> Iterator[Check]:
    import torch

    devices = [
        f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())
    ]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    shown = ", ".join([*devices, f"cpu ({torch.get_num_threads()} threads)"])
    yield Check("devices", "ok", shown)


def _dlib() -> Iterator[Check]:
    dlib = import_dlib()
    cuda = bool(dlib.DLIB_USE_CUDA)
    advice = "" if cuda else "the cnn detector runs on the CPU; README, Install: dlib with CUDA"
    state: State = "ok" if cuda else "note"
    yield Check("dlib", state, f"{dlib.__version__}, {'with' if cuda else 'without'} CUDA", advice)


def _models() -> Iterator[Check]:
    for key in ("landmarks5", "embedding", "cnn"):
        path = model_file(key)
        yield Check("dlib model", "ok", f"{path.name}, {path.stat().st_size / 1e6:.1f} MB")


def _pkg_resources() -> Iterator[Check]:
    # In a process of its own: a broken face_recognition prints and calls quit().
    command = [sys.executable, "-W", "ignore", "-c", PKG_RESOURCES_PROBE]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode == 0:
        yield Check("pkg_resources", "ok", f"setuptools {importlib.metadata.version('setuptools')}")
        return
    yield Check(
        "pkg_resources",
        "note",
        "missing; sr-pipeline works without it, the face_recognition package does not",
        "pip install 'setuptools<81' (face_recognition then stops asking for its models)",
    )


def _opencv() -> Iterator[Check]:
    wheels = [name for name in _OPENCV_WHEELS if _installed(name)]
    if len(wheels) > 1:
        advice = f"pip uninstall {' '.join(wheels)}; then pip install opencv-python-headless"
        yield Check("OpenCV", "fail", f"{len(wheels)} wheels share one folder", advice)
        return
    import cv2

    yield Check("OpenCV", "ok", f"{cv2.__version__} ({wheels[0] if wheels else 'own build'})")


def _installed(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


def _weights() -> Iterator[Check]:
    from gflmser.weights import list_weights
    from pipeline.methods import verify_trained

    cards = list_weights()
    if not cards:
        yield Check("weights", "fail", "none found", "install from a whole checkout: data/weights")
    for card in cards:
        kind = "oracle, for tables only" if card.oracle else "deployable"
        wrong = "; ".join(verify_trained(card.name))
        if wrong:
            advice = "git checkout data/weights, or install sr-pipeline again"
            yield Check(f"weights {card.name}", "fail", wrong, advice)
        else:
            yield Check(f"weights {card.name}", "ok", f"{kind}, verified")


def _detectors() -> Iterator[Check]:
    names: tuple[DetectorName, ...] = ("hog", "cnn", "centerface")
    for name in names:
        yield from _guarded(lambda name=name: _detector(name))  # type: ignore[misc]
    yield Check("yunet", "note", "needs your own model file", "--yunet-model FILE.onnx")


def _detector(name: DetectorName) -> Iterator[Check]:
    rgb = load_rgb(SAMPLE)
    passes = auto_passes(rgb.shape[1], rgb.shape[0])
    faces = load_detector(name)(rgb, passes if name == "hog" else 0)
    found = f"{len(faces)} face(s) in {SAMPLE.name}, 1 expected"
    advice = "" if len(faces) == 1 else "the models are damaged: make clean env"
    yield Check(f"{name} detector", "ok" if len(faces) == 1 else "fail", found, advice)

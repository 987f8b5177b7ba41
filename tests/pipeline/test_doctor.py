"""`sr-pipeline doctor` on a healthy installation and on the ones users have."""

import importlib.metadata
import json

import pytest

from data.errors import ModelError
from pipeline import doctor
from tests.pipeline.conftest import Run


def test_a_healthy_installation_passes(run: Run) -> None:
    done = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert done.exit_code == 0
    assert not [name for name, check in checks.items() if check["state"] == "fail"]
    assert {"dlib", "devices", "OpenCV", "hog detector", "cnn detector"} <= checks.keys()
    assert "CUDA" in checks["dlib"]["found"]
    assert "verified" in checks["weights gflmser"]["found"]
    assert checks["hog detector"]["found"].startswith("1 face")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out what takes seconds: hashes of all weights, and a search by each detector."""
    for slow in ("_weights", "_detectors"):
        monkeypatch.setattr(doctor, slow, lambda: iter(()))


@pytest.mark.usefixtures("quick")
def test_missing_dlib_models_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(key: str) -> None:
        raise ModelError(f"face_recognition_models is incomplete: {key}.dat is missing")

    monkeypatch.setattr(doctor, "model_file", missing)
    done = run("doctor")
    assert done.exit_code == 1
    assert "fail  models: face_recognition_models is incomplete" in done.stdout
    assert "-> make env" in done.stdout


@pytest.mark.usefixtures("quick")
def test_two_opencv_wheels_are_a_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.metadata.version

    def version(name: str) -> str:
        return "4.10.0" if name == "opencv-python" else known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    done = run("doctor")
    assert done.exit_code == 1
    assert "pip uninstall opencv-python opencv-python-headless" in done.stdout


@pytest.mark.usefixtures("quick")
def test_a_missing_pkg_resources_is_explained(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PKG_RESOURCES_PROBE", "raise ImportError")
    done = run("doctor")
    assert done.exit_code == 0
    assert "pip install 'setuptools<81'" in done.stdout

"""Fixtures of every test: where the images are, and how many processes a run has."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Each core runs a pytest of its own: more threads of torch would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def no_workers() -> Iterator[None]:
    """No worker process or thread beside: each process would load its models anew."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("engine.run", "jobs.run_folder"):
            patch.setattr(f"pipeline.{module}.default_workers", lambda: 0)
        for module in ("upscale", "compare_to_folder"):
            patch.setattr(f"pipeline.jobs.{module}.usable_cores", lambda: 1)
        yield


@pytest.fixture(scope="session")
def samples() -> Path:
    return ROOT / "data" / "samples"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not on this machine")
    return SHARED

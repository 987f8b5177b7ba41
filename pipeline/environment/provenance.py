"""Where a result comes from: versions, platform, commit, command; it stands in every summary."""

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

NOTICE: Final = "Restored images are not evidence of identity."
_LIBRARIES: Final = (
    *("dlib-bin", "dlib", "numpy", "pillow", "torch", "opencv-python-headless"),
    *("scikit-image", "scipy", "torch-fidelity"),
)
_WRITTEN: Final = ("benchmarks/results", "README.md", "docs")
"""What runs themselves write: it changes no figure, so it does not make a checkout differ."""


def version() -> str:
    """Version of sr-pipeline."""
    try:
        return importlib.metadata.version("sr-pipeline")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def commit() -> str | None:
    """Commit of the checkout the code runs from, `+` behind it when files differ; else None.

    Results, docs and the README do not count: the tables of one run would mark those of the next.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        but = [f":(exclude){name}" for name in _WRITTEN]
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *but)
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}+" if changed else head


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=10
    ).stdout.strip()


def library_versions() -> dict[str, str]:
    """Versions of the libraries that can change a figure, those that are installed."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def provenance() -> dict[str, object]:
    """What the settings do not say about how a result was made, JSON-ready."""
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "version": version(),
        "commit": commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "libraries": library_versions(),
        "notice": NOTICE,
    }

"""The paper's package stands alone: it imports nothing of the application."""

import subprocess
import sys
from pathlib import Path

import gflmser


def test_gflmser_imports_nothing_of_ours() -> None:
    folder = Path(gflmser.__file__).parent
    names = [f"gflmser.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"]
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'pipeline', 'data', 'benchmarks'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

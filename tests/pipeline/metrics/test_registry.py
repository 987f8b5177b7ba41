"""A metric is one file and an entry point: everything else follows from its declaration."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from tests.pipeline.conftest import Run

METRIC = '''
"""The darkest pixel of the restored image."""
from pipeline.metrics.base import Metric

DARKEST = Metric(
    key="darkest", title="Darkest", hint="grey level of the darkest pixel",
    compute=lambda images: float(images.sr.min()), digits=1, higher_is_better=False,
)
'''
ENTRY = "[sr_pipeline.metrics]\ndarkest = darkest_metric:DARKEST\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with one metric, installed as pip would: a module and its metadata."""
    (tmp_path / "darkest_metric.py").write_text(METRIC)
    info = tmp_path / "darkest-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: darkest\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_metric_of_another_package_has_its_column(
    installed: None, samples: Path, tmp_path: Path
) -> None:
    import subprocess
    import sys

    words = ["compare", str(samples / "obama.jpg"), "--out", str(tmp_path / "out")]
    words += ["--upscalers", "bicubic,nearest", "--crop", "0.9", "--quiet", "--workers", "0"]
    code = f"from pipeline.cli import cli; cli({words!r}, standalone_mode=False)"
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({root!r}); {code}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "out" / "table.md").read_text()
    assert "Darkest" in table.splitlines()[0]
    assert '"darkest_lo"' in (tmp_path / "out" / "summary.json").read_text()


def test_two_metrics_of_one_key_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    from data.errors import UsageError
    from pipeline.metrics import registry

    twin = EntryPoint("ssim", "pipeline.metrics.image_quality:SSIM", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [twin])
    registry.image_metrics.cache_clear()
    with pytest.raises(UsageError, match="two metrics are called 'ssim'"):
        registry.image_metrics()
    registry.image_metrics.cache_clear()


@pytest.mark.parametrize("name", ["base", "registry", "matching"])
def test_the_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"pipeline.metrics.{name}")).failed == 0

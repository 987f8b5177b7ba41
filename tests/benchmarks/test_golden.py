"""Figures of three samples are stored beside the versions of the functions that measure them.

A figure that moves without its version would let `benchmarks.result_cache` return old results.
After a change that is meant, raise the VERSION and run `python -m tests.benchmarks.test_golden`.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks.context import Bench
from benchmarks.image_sets import lfw_test, scenes
from benchmarks.measuring import compare_rows, distances, identity, real_faces, whole_images
from benchmarks.methods import find_entrants
from benchmarks.protocols import TABLE4
from benchmarks.result_cache import Cache
from tests.benchmarks.benchmark_data import make_data

GOLDEN: Final = Path(__file__).with_name("golden.json")
METHODS: Final = ("bicubic", "gflmser", "srresnet", "gflmser+", "gflmser-oracle")
VERSIONS: Final = {
    module.__name__.rpartition(".")[2]: module.VERSION
    for module in (compare_rows, distances, identity, real_faces, whole_images)
}
FIGURES: Final = ("psnr_rgb", "psnr_y", "ssim", "lr_consistency", "iou")
# Another CPU rounds a few pixels of a network's output to the neighbouring grey level.
TOLERANCE: Final = {"psnr_rgb": 0.02, "psnr_y": 0.02, "ssim": 1e-3, "lr_consistency": 0.05}


def measured(samples: Path, folder: Path) -> dict[str, Any]:
    """Figures of three images by every method of METHODS, and of a scene by bicubic."""
    make_data(folder / "data", samples)
    bench = Bench(
        folder / "data", Cache(folder / "cache"), find_entrants(METHODS), "golden", workers=0,
        quiet=True,
    )  # fmt: skip
    robust = next(p for p in TABLE4 if p.name == "robust" and p.crop < 1)
    rows = compare_rows.measure(bench, robust, lfw_test(bench.data).first(3))
    faces = {
        f"{row['method']}/{row['image']}": {f: row[f] for f in FIGURES if row.get(f) is not None}
        for row in rows
    }
    images = scenes(bench.data, "bsds100")
    whole = whole_images.measure_scenes(bench, bench.entrants[0], images, "whole")
    kept = {row["image"]: {f: row[f] for f in FIGURES if f in row} for row in whole}
    return {"versions": VERSIONS, "faces": faces, "scenes": kept}


def test_no_figure_moves_without_its_version(samples: Path, tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text("utf-8"))
    now = measured(samples, tmp_path)
    assert now["versions"] == golden["versions"], "the versions moved: store the figures again"
    for part in ("faces", "scenes"):
        assert now[part].keys() == golden[part].keys()
        for name, figures in now[part].items():
            assert figures.keys() == golden[part][name].keys()
            for figure, value in figures.items():
                expected = pytest.approx(
                    golden[part][name][figure], abs=TOLERANCE.get(figure, 0.02)
                )
                assert value == expected, f"{name}: {figure} moved, its VERSION did not"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        samples_folder = Path(__file__).resolve().parents[2] / "data" / "samples"
        GOLDEN.write_text(
            json.dumps(measured(samples_folder, Path(made)), indent=1) + "\n", "utf-8"
        )

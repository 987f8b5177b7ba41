"""The command for a lent GPU, on a CPU and in little; and the pack that is sent."""

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from benchmarks.gpu import main
from benchmarks.measuring.packed_faces import pack, unpack
from data.prepared import DatasetImage, build
from gflmser.load import build_gflmser
from gflmser.weights import verify_weights


def invoke(*words: str | Path) -> None:
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_one_command_checks_measures_and_trains(tmp_path: Path) -> None:
    invoke("run", "--device", "cpu", "--quick", "--minutes", "1", "--out", tmp_path)
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert set(found["checks"].values()) == {"ok"}, found["checks"]
    assert all(row["fp32_per_s"] > 0 and row["bf16_per_s"] > 0 for row in found["crops"])
    assert found["paper_step"]["median_s"]["gate"] > 0
    assert found["paper_training"]["images_per_s"] > 0
    assert found["trainings"]["large"]["steps"] >= 1
    assert (
        verify_weights(tmp_path / "large" / found["trainings"]["large"]["weights"], build_gflmser)
        == []
    )


def test_faces_survive_the_pack(samples: Path, tmp_path: Path) -> None:
    images = [DatasetImage(p.name, p.stem, p.read_bytes) for p in sorted(samples.glob("*.jpg"))]
    build(images, tmp_path / "a", name="samples", side=80)
    (tmp_path / "a" / "excluded.csv").write_text("image,nearest,distance\nbiden.jpg,x,0.1\n")
    assert pack(tmp_path / "a", tmp_path / "a.zip", side=64) < 20_000
    assert unpack(tmp_path / "a.zip", tmp_path / "b") == len(images) - 1
    assert np.load(tmp_path / "b" / "images.npy").shape == (len(images) - 1, 64, 64, 3)


def test_a_pack_holds_code_the_named_weights_and_faces(samples: Path, tmp_path: Path) -> None:
    images = [DatasetImage(p.name, p.stem, p.read_bytes) for p in sorted(samples.glob("*.jpg"))]
    build(images, tmp_path / "set", name="samples", side=80)
    invoke("pack", tmp_path / "out", "--faces", f"wild={tmp_path / 'set'}:80")
    out = tmp_path / "out"
    assert (out / "benchmarks" / "gpu.py").is_file()
    assert (out / "faces" / "wild.zip").is_file()
    weights = sorted(p.name for p in (out / "data" / "weights").glob("*.safetensors"))
    assert weights == ["gflmser.safetensors"]

"""`train`, `weights` and `export` as a user calls them, and what a training measures of itself."""

import json
import signal
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

import gflmser
from gflmser.load import load_gflmser
from gflmser.network import enlarge
from gflmser.training.logs import TrainingLog
from pipeline.commands.datasets import command as datasets
from pipeline.commands.export import command as export
from pipeline.commands.train import command as train
from pipeline.commands.weights import command as weights
from pipeline.evaluation.validation import Validator, largest_face, reduced

TINY = """
name = "tiny"
[network]
widths = {{ r64 = 4, r32 = 4, r16 = 8, r8 = 8, r4 = 8 }}
groups = 1
blocks = 1
source = "internal"
bicubic_residual = true
[data]
sources = [{{ path = "{cache}", crop = [0.8, 1.0] }}]
validation = "{cache}"
validation_images = 3
[training]
batch = 2
ema = 0.5
phases = [
    {{ name = "pixel", length = 1, trains = ["h2l"], lr_pixel = 1.0 }},
    {{ name = "restore", length = 2, trains = ["l2h"], hr_pixel = 1.0 }},
]
"""


def run(command: click.Command, *words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(command, [str(w) for w in words], standalone_mode=False)
    if result.exception is not None:
        return 2, str(result.exception)
    return int(result.return_value or 0), result.output


@pytest.fixture
def toml(cache: Path, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.format(cache=cache))
    return path


def test_train_writes_weights_card_checkpoint_and_curves(toml: Path, tmp_path: Path) -> None:
    code, text = run(train, toml, "--out", tmp_path / "out")
    assert code == 0
    assert "step 3, finished" in text
    model, card = load_gflmser(tmp_path / "out" / "tiny.safetensors")
    assert card.steps == 3
    assert card.wall_seconds > 0
    assert card.data[0]["name"] == "samples"
    assert card.metrics["crop1/psnr_rgb_lo"] <= card.metrics["crop1/psnr_rgb"]
    assert {"crop0.55/ssim", "crop0.55/lr_consistency", "crop1/accuracy"} <= set(card.metrics)
    assert (tmp_path / "out" / "checkpoint.pt").is_file()
    events = EventAccumulator(str(tmp_path / "out" / "events"))
    tags = events.Reload().Tags()
    assert {"loss/hr_pixel", "rate/l2h", "val/crop1/psnr_rgb"} <= set(tags["scalars"])
    assert set(tags["images"]) == {"crop1", "crop0.55"}
    assert sum(p.numel() for p in model.parameters()) > 1000


def test_train_names_a_wrong_key_and_a_missing_checkpoint(toml: Path, tmp_path: Path) -> None:
    code, text = run(train, toml, "--out", tmp_path / "out", "--set", "training.bach=3")
    assert (code, text) == (2, "unknown key 'training.bach'; the nearest known one is 'batch'")
    code, text = run(train, toml, "--out", tmp_path / "out", "--resume")
    assert code == 2
    assert text.startswith("nothing to resume")


def test_train_names_a_device_that_is_not_here(toml: Path, tmp_path: Path) -> None:
    code, text = run(train, toml, "--out", tmp_path / "out", "--device", "foo")
    assert (code, text) == (2, "device 'foo' is not one of auto, cpu, cuda, cuda:N, mps")


def test_train_goes_on_where_the_time_was_up(toml: Path, tmp_path: Path) -> None:
    code, text = run(train, toml, "--out", tmp_path / "out", "--max-minutes", "0", "--quiet")
    assert (code, "step 0, cut short" in text) == (0, True)
    code, text = run(train, toml, "--out", tmp_path / "out", "--resume", "--quiet")
    assert "step 3, finished" in text


def test_train_ends_in_order_at_ctrl_c(
    toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml.write_text(toml.read_text().replace("length = 2", "length = 30"))
    words = (toml, "--out", tmp_path / "out", "--quiet")
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(TrainingLog, "progress", lambda *_: signal.raise_signal(signal.SIGINT))
        code, text = run(train, *words)
    assert (code, "step 20, cut short" in text) == (130, True)
    assert load_gflmser(tmp_path / "out" / "tiny.safetensors")[1].steps == 20
    assert signal.getsignal(signal.SIGINT) is before
    code, text = run(train, *words, "--resume", "--json")
    done = json.loads(text)
    assert (code, done["step"], done["finished"], done["interrupted"]) == (0, 31, True, False)
    assert done["weights"] == str(tmp_path / "out" / "tiny.safetensors")
    assert done["metrics"]["crop1/psnr_rgb"] > 0


def test_weights_are_listed_and_verified() -> None:
    code, text = run(weights, "list")
    assert code == 0
    assert "gflmser  deployable  skips internal" in text
    code, text = run(weights, "list", "--json")
    assert "gflmser" in {card["name"] for card in json.loads(text)}
    code, text = run(weights, "verify")
    assert code == 0
    assert "gflmser: ok" in text


def test_verify_exits_1_for_a_broken_file(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    code, text = run(weights, "verify", broken)
    assert code == 1
    assert "not a safetensors file" in text
    code, text = run(weights, "verify", broken, "gflmser", "--json")
    assert code == 1
    assert {name: len(problems) for name, problems in json.loads(text).items()} == {
        str(broken): 1,
        "gflmser": 0,
    }


def test_export_writes_a_file_and_an_unknown_name_is_one_line(tmp_path: Path) -> None:
    code, _ = run(export, "gflmser", "--onnx", tmp_path / "g.onnx")
    assert code == 0
    assert (tmp_path / "g.onnx").stat().st_size > 100_000
    assert [p.name for p in tmp_path.iterdir()] == ["g.onnx"]
    code, text = run(export, "gflmsr", "--onnx", tmp_path / "x.onnx")
    assert code == 2
    assert "no weights called 'gflmsr'" in text


class TestValidator:
    @pytest.fixture
    def faces(self, samples: Path) -> list[np.ndarray]:
        with Image.open(samples / "obama.jpg") as image:
            square = image.convert("RGB").crop((100, 20, 400, 320)).resize((250, 250))
        return [np.asarray(square)]

    def test_images_follow_the_protocol(self, faces: list[np.ndarray]) -> None:
        hr, lr = reduced(faces[0], 0.55)
        assert (hr.shape, lr.shape) == ((64, 64, 3), (16, 16, 3))
        middle = Image.fromarray(faces[0]).crop((56, 56, 194, 194))
        expected = np.asarray(middle.resize((64, 64), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(hr, expected)
        assert largest_face(reduced(faces[0], 1.0)[0]) is not None

    def test_truth_itself_is_perfect_and_bicubic_is_not(self, faces: list[np.ndarray]) -> None:
        measure = Validator(faces, [1.0])

        def truth(lr: Tensor, hr: Tensor | None) -> Tensor:
            assert hr is not None
            return hr

        perfect = measure(truth, 0)
        assert perfect["crop1/accuracy"] == 1
        assert perfect["crop1/ssim"] == pytest.approx(1)
        bicubic = measure(lambda lr, hr: enlarge(lr), 0)
        assert bicubic["crop1/psnr_rgb"] < perfect["crop1/psnr_rgb"]
        assert 15 < bicubic["crop1/psnr_rgb"] < 40

    def test_a_wrong_image_has_no_face(self, faces: list[np.ndarray]) -> None:
        measure = Validator(faces, [1.0])
        blank = measure(lambda lr, hr: torch.zeros(len(lr), 3, 64, 64), 0)
        assert blank["crop1/accuracy"] == 0

    def test_without_any_face_there_is_no_accuracy(self) -> None:
        blank = Validator([np.zeros((250, 250, 3), np.uint8)], [1.0])
        figures = blank.with_intervals(lambda lr, hr: enlarge(lr))
        assert "crop1/accuracy" not in figures
        assert "crop1/psnr_rgb" in figures


def test_the_samples_train_at_once(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two commands of the configuration's head, from a folder beside its cache."""
    configuration = Path(gflmser.__file__).parent / "configs" / "samples.toml"
    here = tmp_path / "repository"
    here.mkdir()
    monkeypatch.chdir(here)
    words = ("--out", "runs/samples", "--max-steps", "2", "--device", "cpu", "--quiet")
    code, said = run(train, configuration, *words)
    assert code == 2
    assert "sr-pipeline datasets prepare NAME PATH --out ../cache/samples" in said
    made = ("--out", "../cache/samples", "--side", "160", "--quiet")
    assert run(datasets, "prepare", "folder", samples, *made)[0] == 0
    assert run(train, configuration, *words)[0] == 0
    code, said = run(train, configuration, *words[:2], "--resume", "--max-steps", "3", "--json")
    assert code == 0
    assert json.loads(said[said.index("{") :])["step"] == 3
    assert (here / "runs" / "samples" / "samples.safetensors").is_file()


@pytest.mark.parametrize("words", [(), ("prepare",), ("check",)])
def test_the_names_of_datasets_stand_in_the_help(words: tuple[str, ...]) -> None:
    text = " ".join(run(datasets, *words, "--help")[1].split())
    for name in ("folder", "celeba", "casia_webface", "bsds100"):
        assert name in text

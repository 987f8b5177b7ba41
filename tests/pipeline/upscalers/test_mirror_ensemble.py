"""`NAME+`: the mean of what a network makes of an image and of its mirror image."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.methods import find_entrants
from data.errors import ModelError
from data.images.rgb import RGB
from pipeline.metrics.image_quality import psnr_rgb
from pipeline.upscalers.loading import load_upscaler, upscaler_names
from tests.pipeline.conftest import Run


@pytest.fixture(scope="module")
def faces(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[RGB, RGB]]:
    """LR and HR of the samples, degraded by the product."""
    from click.testing import CliRunner

    from pipeline.cli import cli

    out = tmp_path_factory.mktemp("degraded")
    words = ["degrade", str(samples / "faces.csv"), "--out", str(out), "--quiet"]
    assert CliRunner().invoke(cli, words).exit_code == 0
    files = sorted((out / "lr").glob("*.png"))
    return [(np.array(Image.open(f)), np.array(Image.open(out / "hr" / f.name))) for f in files]


def test_a_mirrored_image_gives_the_mirrored_result(faces: list[tuple[RGB, RGB]]) -> None:
    upscaler = load_upscaler("gflmser+", device="cpu")
    assert (upscaler.name, upscaler.scale, upscaler.oracle) == ("gflmser+", 4, False)
    lr = [face for face, _ in faces] + [faces[0][0][:7, :13]]
    made = upscaler(lr)
    mirrored = upscaler([np.ascontiguousarray(one[:, ::-1]) for one in lr])
    for a, b in zip(made, mirrored, strict=True):
        assert a.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(a, b[:, ::-1])


def test_it_is_closer_to_the_truth_than_the_network_alone(faces: list[tuple[RGB, RGB]]) -> None:
    lr, hr = [face for face, _ in faces], [truth for _, truth in faces]
    gains = [
        psnr_rgb(both, truth) - psnr_rgb(alone, truth)
        for truth, both, alone in zip(
            hr,
            load_upscaler("gflmser+", device="cpu")(lr),
            load_upscaler("gflmser", device="cpu")(lr),
            strict=True,
        )
    ]
    assert float(np.mean(gains)) > 0


def test_oracles_are_averaged_too_but_only_where_oracles_may_be() -> None:
    with pytest.raises(ModelError, match="oracle"):
        load_upscaler("gflmser-oracle+", device="cpu")
    assert load_upscaler("gflmser-oracle+", device="cpu", allow_oracle=True).oracle


@pytest.mark.parametrize("name", ["bicubic+", "gflmser++", "+", "nobody+"])
def test_only_networks_are_averaged(name: str) -> None:
    with pytest.raises(ModelError, match=r"is no network|is called"):
        load_upscaler(name, device="cpu")


def test_compare_has_a_row_of_its_own_for_it(run: Run, samples: Path, tmp_path: Path) -> None:
    words = ("--upscalers", "gflmser,gflmser+", "--out", tmp_path, "--quiet")
    assert run("compare", samples / "obama.jpg", *words).exit_code == 0
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| gflmser |" in table
    assert "| gflmser+ |" in table


def test_the_tables_know_its_weights_and_leave_it_out_unless_asked() -> None:
    plain, both = find_entrants(["gflmser", "gflmser+"])
    assert both.fingerprint == plain.fingerprint + "+"
    assert both.budget == plain.budget
    assert not both.variant
    assert not [name for name in upscaler_names() if name.endswith("+")]

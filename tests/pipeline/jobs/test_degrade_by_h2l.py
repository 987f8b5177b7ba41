"""`degrade --h2l`: draws of a network's noise, repeatable, and refusals in one line."""

from pathlib import Path

import numpy as np
import pytest
import torch

from data.images.files import load_rgb
from gflmser.cards import Record, WeightsError
from gflmser.degrader import load_degrader
from gflmser.load import card_of
from gflmser.network import GFLmser
from gflmser.weights import save_weights
from tests.gflmser.conftest import narrow
from tests.pipeline.conftest import Run


def weights(folder: Path, *, trains: str = "h2l") -> Path:
    """A small H2L whose noise matters, as if its training had been `trains`."""
    torch.manual_seed(0)
    network = narrow(source="internal", modulation=8)
    training = {"training": {"phases": [{"trains": [trains]}]}}
    card = card_of("little", network, Record(training=training))
    return save_weights(GFLmser(network), card, folder)


def test_draws_differ_and_repeat(run: Run, samples: Path, tmp_path: Path) -> None:
    file = weights(tmp_path)
    words = ("degrade", samples / "faces.csv", "--quiet", "--h2l", file, "--draws", "3")
    for out in ("a", "b"):
        assert run(*words, "--out", tmp_path / out).exit_code == 0
    names = sorted(path.name for path in (tmp_path / "a" / "hr").iterdir())
    assert names
    for name in names:
        draws = [load_rgb(tmp_path / "a" / folder / name) for folder in ("lr", "lr-2", "lr-3")]
        assert {draw.shape for draw in draws} == {(16, 16, 3)}
        assert len({draw.tobytes() for draw in draws}) == 3
        again = load_rgb(tmp_path / "b" / "lr-2" / name)
        assert np.array_equal(draws[1], again)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--h2l", "FILE", "--camera", "jpeg40"), "choose one"),
        (("--h2l", "FILE", "--lr", "32"), "a quarter"),
        (("--h2l", "nobody"), "no weights called 'nobody'"),
        (("--draws", "2"), "--draws is for --h2l"),
    ],
)
def test_what_cannot_be_is_one_line(
    run: Run, samples: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    file = str(weights(tmp_path))
    told = [word.replace("FILE", file) for word in words]
    done = run("degrade", samples / "faces.csv", "--out", tmp_path / "out", *told)
    assert message in str(done.exception)


def test_an_h2l_that_was_never_trained_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no trained H2L"):
        load_degrader(weights(tmp_path, trains="l2h"))


def test_a_degrader_refuses_sides_it_cannot_halve(tmp_path: Path) -> None:
    degrader = load_degrader(weights(tmp_path))
    with pytest.raises(ValueError, match="multiples of 16"):
        degrader(np.zeros((1, 60, 64, 3), np.uint8), [0])
    with pytest.raises(ValueError, match="2 seeds for 1 images"):
        degrader(np.zeros((1, 64, 64, 3), np.uint8), [0, 1])

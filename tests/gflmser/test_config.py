"""Configurations: what is read, what is refused, and in which words."""

from dataclasses import replace
from pathlib import Path

import pytest

import gflmser
from gflmser.config import Config, PhaseConfig, TrainingConfig, Widths
from gflmser.schema import ConfigError, dump, load, parse
from gflmser.training.schedule import learning_rate, phase_at, spans

CONFIGS = Path(gflmser.__file__).parent / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_configurations_are_read_and_survive_json(path: Path) -> None:
    config = load(Config, path)
    assert config.training.total_steps >= 1000
    assert parse(Config, dump(config)) == config


def test_training_on_is_of_the_same_network_on_other_batches() -> None:
    first, on = (load(Config, CONFIGS / f"lite{end}.toml") for end in ("", "-on"))
    assert on.start == on.name == first.name
    assert (on.network, on.data) == (first.network, first.data)
    assert on.seed != first.seed


def test_paper_is_the_paper() -> None:
    config = load(Config, CONFIGS / "paper.toml")
    assert config.network.widths == Widths()
    assert (config.network.groups, config.network.blocks) == (2, 2)
    assert config.training.batch == 128
    assert sum(phase.length for phase in config.training.phases) == 200
    assert config.training.gan_loss == "vanilla"
    assert config.network.oracle and "oracle" in config.name


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("network.grups=3", "unknown key 'network.grups'; the nearest known one is 'groups'"),
        ("training.batch=few", "'training.batch': Expected `int`, got `str`"),
        ("network.gate=sum", "'network.gate' must be one of none, add, correlation"),
        ("network.groups=0", "at least 1"),
        ("network.passes=2", "only the skip source 'recurrent'"),
        ("network.source=none", "go together"),
        ("data.camera=0.99", "at most 1"),
        ("training.ema=1.0", "decay below 1"),
        ("training", "is not key=value"),
        ("name.first=1", "'name' is not a table"),
        ("seed=true", "'seed': Expected `int`, got `bool`"),
    ],
    ids=lambda value: value.split("=")[0],
)
def test_a_mistake_is_named(setting: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Config, CONFIGS / "lite.toml", [setting])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_lie_over_the_file() -> None:
    config = load(
        Config,
        CONFIGS / "lite.toml",
        ["name=other", "training.clip=2", "data.validation_crops=[1]"],
    )
    assert (config.name, config.training.clip) == ("other", 2.0)
    assert config.data.validation_crops == (1.0,)


def test_a_file_that_is_no_toml_or_absent_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("a = ")
    for path in (broken, tmp_path / "none.toml"):
        with pytest.raises(ConfigError, match=path.name):
            load(Config, path)


def test_a_file_lies_over_its_base_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "on").mkdir()
    on = tmp_path / "on" / "on.toml"
    (tmp_path / "first.toml").write_text(
        """name = "first"
        [network]
        groups = 1
        [training]
        batch = 8
        l2h = { rate = 1e-3, betas = [0.5, 0.9] }
        [data]
        sources = [{ path = "a" }, { path = "b" }]
        """
    )
    on.write_text(
        """base = "../first.toml"
        seed = 7
        [training]
        l2h = { rate = 2e-3 }
        [data]
        sources = [{ path = "c" }]
        """
    )
    config = load(Config, on, ["training.clip=2"])
    assert (config.name, config.seed, config.network.groups) == ("first", 7, 1)
    assert (config.training.batch, config.training.clip) == (8, 2.0)
    assert (config.training.l2h.rate, config.training.l2h.betas) == (2e-3, (0.5, 0.9))
    assert [source.path for source in config.data.sources] == ["c"]


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ('"none.toml"', "none.toml: No such file"),
        ('"itself.toml"', "is its own base"),
        ("3", "'base' must be the name of a file"),
    ],
)
def test_a_base_that_cannot_be_read_is_named(base: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "itself.toml").write_text(f"base = {base}")
    with pytest.raises(ConfigError, match=message):
        load(Config, tmp_path / "itself.toml")


def test_lengths_in_epochs_become_steps() -> None:
    phases = (PhaseConfig(name="a", length=2), PhaseConfig(name="b", length=1, trains=("l2h",)))
    training = TrainingConfig(phases=phases, batch=10, epoch_images=105)
    assert training.total_steps == 30
    assert [phase_at(training, step).name for step in (0, 19, 20, 99)] == ["a", "a", "b", "b"]
    assert (spans(training)["l2h"].end, spans(training)["h2l"].end) == (30, 20)


class TestLearningRate:
    PHASES = (PhaseConfig(name="a", length=100),)

    def test_is_never_zero_before_the_end(self) -> None:
        for schedule in ("cosine", "step", "constant"):
            training = TrainingConfig(
                phases=self.PHASES,
                schedule=schedule,  # type: ignore[arg-type]
                warm_up=10,
            )
            span = spans(training)["l2h"]
            assert all(learning_rate(training, training.l2h, span, s) > 0 for s in range(100))

    def test_warms_up_then_falls_to_a_hundredth(self) -> None:
        training = TrainingConfig(phases=self.PHASES, schedule="cosine", warm_up=10)
        rates = [
            learning_rate(training, training.l2h, spans(training)["l2h"], s) for s in range(101)
        ]
        assert rates[0] == pytest.approx(1e-4, rel=0.01)
        assert max(rates) == pytest.approx(1e-3, rel=0.03)
        assert rates[100] == pytest.approx(1e-5)

    def test_falls_tenfold_at_each_milestone(self) -> None:
        training = replace(load(Config, CONFIGS / "paper.toml").training, warm_up=0)
        epoch = training.steps(1)
        span = spans(training)["l2h"]
        rates = [learning_rate(training, training.l2h, span, e * epoch) for e in (49, 50, 150, 199)]
        assert rates == pytest.approx([1e-3, 1e-4, 1e-5, 1e-5])

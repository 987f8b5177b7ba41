"""A prepared dataset of real faces and a configuration that trains on it within seconds."""

from pathlib import Path

import pytest

from data.boxes import Box
from data.prepared import DatasetImage, build
from gflmser.config import (
    Config,
    DataConfig,
    NetworkConfig,
    PhaseConfig,
    SourceConfig,
    TrainingConfig,
    Widths,
)

NARROW = Widths(r64=4, r32=4, r16=8, r8=8, r4=8)
"""Widths of a network that runs in milliseconds."""

PHASES = (
    PhaseConfig(name="pixel", length=2, trains=("h2l",), lr_pixel=1.0),
    PhaseConfig(name="gan", length=2, trains=("h2l", "discriminator"), lr_pixel=1.0, gan=0.1),
    PhaseConfig(name="restore", length=3, trains=("l2h",), hr_pixel=1.0),
)

FACES = {
    "obama.jpg": [(150, 40, 350, 240), (100, 20, 400, 320)],
    "biden.jpg": [(180, 80, 380, 280), (120, 40, 420, 340)],
    "biden2.jpg": [(150, 40, 350, 240), (100, 20, 400, 320)],
}


@pytest.fixture(scope="session")
def cache(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six squares around faces of the sample images, prepared at 80 px."""
    folder = tmp_path_factory.mktemp("cache")
    images = [
        DatasetImage(f"{name}#{i}", name, (samples / name).read_bytes, Box(*box))
        for name, boxes in FACES.items()
        for i, box in enumerate(boxes)
    ]
    made = build(images, folder, name="samples", side=80)
    assert made.unreadable == ()
    return folder


def narrow(**changes: object) -> NetworkConfig:
    """A network of the paper's shape, one group of one block each, a few channels wide."""
    values: dict[str, object] = {"widths": NARROW, "groups": 1, "blocks": 1, **changes}
    return NetworkConfig(**values)  # type: ignore[arg-type]


def config(cache: Path, *, network: NetworkConfig | None = None, **training: object) -> Config:
    """A configuration of seven steps over all three phases of the paper."""
    values: dict[str, object] = {"phases": PHASES, "batch": 4, "clip": 1.0, "ema": 0.9, **training}
    return Config(
        name="tiny",
        network=network or narrow(),
        data=DataConfig(
            sources=(SourceConfig(str(cache), crop=(0.7, 1.0), jitter=0.1),),
            real_lr=str(cache),
            camera=0.3,
            h2l=0.3,
        ),
        training=TrainingConfig(**values),  # type: ignore[arg-type]
    )

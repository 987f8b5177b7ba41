"""One training of any method in one folder, from configuration to weights."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Protocol, TypedDict, TypeVar, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gflmser.card_history import earlier_trainings, without_network
from gflmser.cards import Record
from gflmser.config import DataConfig, TrainingConfig
from gflmser.schema import ConfigError, dump
from gflmser.training.device_sampler import DeviceSampler
from gflmser.training.fabric import make_fabric, slow_precision
from gflmser.training.logs import TrainingLog
from gflmser.training.loop import Outcome, Trainer
from gflmser.training.protocols import Recipe, Validate
from gflmser.training.sampler import CachedFaces, Sampler

R = TypeVar("R", bound=Recipe)

LIMITS: Final = (
    "Restored images are not evidence of identity: detail that 16x16 pixels do not hold is a"
    " guess from other people's faces.",
    "Made for faces of 16x16 pixels; images without faces gain little, and blur, noise and"
    " compression of real cameras lower the gain.",
    "The training images are for research use only, and celebrities, adults and light skin are"
    " over-represented in them: expect more errors on everyone else.",
)

MakeValidator = Callable[[Sequence[NDArray[np.uint8]], Sequence[float], TrainingLog], Validate]
"""From images, crops and a log to what measures a restorer; given by the application."""

Measure = Callable[
    [Sequence[NDArray[np.uint8]], Sequence[float], Callable[[Tensor, Tensor | None], Tensor]],
    Mapping[str, float],
]
"""From images, crops and a restorer to the figures of a card, with their intervals."""


class Trainable(Protocol):
    """What the configuration of every method has, GFLmser's and those of its rivals."""

    @property
    def name(self) -> str:
        """How the weights will be called."""
        ...

    @property
    def seed(self) -> int:
        """Of the weights at the start and of every batch."""
        ...

    @property
    def network(self) -> Any:  # noqa: ANN401 - every method has sizes of its own
        """The sizes of the networks, a dataclass."""
        ...

    @property
    def data(self) -> DataConfig:
        """What is trained on and validated on."""
        ...

    @property
    def training(self) -> TrainingConfig:
        """How the networks learn."""
        ...


class Options(TypedDict, total=False):
    """How a training is run, whatever the method."""

    resume: bool
    max_minutes: float | None
    max_steps: int | None
    within: float | None
    """Minutes for the whole schedule, however many steps they hold."""
    device: str
    devices: int
    stream: IO[str] | None
    make_validator: MakeValidator | None
    measure: Measure | None
    commit: str
    earlier: Sequence[Mapping[str, Any]]
    """The trainings behind the first weights, for the card."""


def train_method(
    config: Trainable,
    make_recipe: Callable[[], R],
    round_weights: Callable[[R], None],
    save: Callable[[R, Record], Path],
    folder: Path,
    **options: Unpack[Options],
) -> tuple[Outcome, Path | None]:
    """Train any method to the end of the schedule or of the minutes; the outcome and its weights.

    `round_weights` makes the averaged weights what `save` will store, before they are measured.
    The folder holds `config.json`, `checkpoint.pt`, `events/` and, at the end, what `save` writes.
    Ctrl-C and SIGTERM end the training as if the minutes were up.
    Raises ConfigError for what cannot be started and TrainingError for what cannot go on. Only the
    first of several processes writes; the others return None for the file.
    """
    torch.manual_seed(config.seed)
    device = options.get("device", "cpu")
    fabric = make_fabric(config.training, device=device, devices=options.get("devices", 1))
    sampler = make_sampler(config, fabric.device)
    recipe = make_recipe()
    folder.mkdir(parents=True, exist_ok=True)
    first = fabric.is_global_zero
    if first:
        _refuse_foreign(folder, config.name)
    log = TrainingLog(folder, options.get("stream")) if first else None
    if log is not None and (slow := slow_precision(config.training, device=device)):
        log.note(slow)
    faces = _validation(config.data) if first else []
    validate = None
    make_validator, measure = options.get("make_validator"), options.get("measure")
    if faces and log is not None and make_validator is not None:
        validate = make_validator(faces, config.data.validation_crops, log)
    trainer = Trainer(
        recipe,
        sampler,
        config.training,
        fabric=fabric,
        folder=folder,
        log=log,
        validate=validate,
        network=dump(config.network),
        earlier=options.get("earlier", ()),
    )
    if options.get("resume", False):
        trainer.resume()
    elif trainer.checkpoint.exists():
        raise ConfigError(f"{trainer.checkpoint} exists: --resume goes on from it")
    if log is not None:
        (folder / "config.json").write_text(json.dumps(dump(config), indent=2) + "\n", "utf-8")
    try:
        with _signals(trainer.stop):
            outcome = trainer.run(
                max_minutes=options.get("max_minutes"),
                max_steps=options.get("max_steps"),
                within=options.get("within"),
            )
    finally:
        trainer.batches.close()
        if log is not None:
            log.close()
    if not first:
        return outcome, None
    with trainer.average.in_place():
        round_weights(recipe)
        metrics: Mapping[str, float] = outcome.metrics
        if faces and measure is not None:
            metrics = measure(faces, config.data.validation_crops, trainer.restore)
        training = without_network(dump(config))
        record = Record(
            data=tuple(cache.record() for cache in sampler.folders),
            training=training,
            steps=outcome.step,
            wall_seconds=round(outcome.seconds, 1),
            cpu_seconds=round(outcome.cpu_seconds, 1),
            earlier=earlier_trainings(trainer.earlier, training),
            commit=options.get("commit", ""),
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            metrics=metrics,
            limits=LIMITS,
        )
        return outcome, save(recipe, record)


def _refuse_foreign(folder: Path, name: str) -> None:
    """Raises ConfigError where a file would be replaced that no training in `folder` wrote."""
    if (folder / "events").exists() or (folder / "checkpoint.pt").exists():
        return
    for file in ("config.json", f"{name}.safetensors", f"{name}.json"):
        if (folder / file).exists():
            raise ConfigError(f"{folder / file} is of no training in this folder: --out another")


def make_sampler(config: Trainable, device: torch.device) -> Sampler | DeviceSampler:
    """What draws the samples, as `data.batching` says; raises ConfigError for a wrong source."""
    data, batch, camera = config.data, config.training.batch, getattr(config, "camera", None)
    if data.batching == "device" or (data.batching == "auto" and device.type == "cuda"):
        return DeviceSampler(data, seed=config.seed, camera=camera, batch=batch, device=device)
    return Sampler(data, seed=config.seed, camera=camera, batch=batch)


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `stop` inside, a second one ends the process at once.

    Only the main thread may say so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    told = False

    def handle(_number: int, _frame: object) -> None:
        nonlocal told
        if told:
            os._exit(130)
        told = True
        stop()

    before = [signal.signal(number, handle) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _validation(data: DataConfig) -> list[NDArray[np.uint8]]:
    """The same images for every training: spread evenly over the prepared set."""
    if not data.validation:
        return []
    cache = CachedFaces(Path(data.validation))
    count = min(data.validation_images, len(cache))
    rows = cache.rows[np.linspace(0, len(cache) - 1, count).astype(int)]
    return [np.array(cache.images[row]) for row in rows]

"""One training of a GFLmser in one folder, from configuration to weights."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gflmser.batches import CachedFaces, Sampler
from gflmser.config import Config
from gflmser.logs import TrainingLog
from gflmser.recipe import GFLmserRecipe
from gflmser.toml_schema import dump
from gflmser.training import Outcome, Trainer, Validate, make_fabric
from gflmser.weights import Card, half, save_weights

LIMITS: Final = (
    "Restored pictures are not evidence of identity: detail that 16x16 pixels do not hold is a"
    " guess from other people's faces.",
    "Trained on faces at 16x16 pixels that were reduced by bicubic; blur, noise and compression"
    " of real cameras lower what it gains, and pictures without faces gain little.",
    "The training pictures are for research use only (CelebA, All-Age-Faces, UTKFace, MTFL), and"
    " celebrities, adults and light skin are over-represented in them.",
)

MakeValidator = Callable[[Sequence[NDArray[np.uint8]], Sequence[float], TrainingLog], Validate]
"""From pictures, crops and a log to what measures a restorer; given by the application."""

Measure = Callable[
    [Sequence[NDArray[np.uint8]], Sequence[float], Callable[[Tensor, Tensor | None], Tensor]],
    Mapping[str, float],
]
"""From pictures, crops and a restorer to the figures of a card, with their intervals."""


def train(
    config: Config,
    folder: Path,
    *,
    resume: bool = False,
    max_minutes: float | None = None,
    device: str = "cpu",
    devices: int = 1,
    stream: IO[str] | None = None,
    make_validator: MakeValidator | None = None,
    measure: Measure | None = None,
    commit: str = "",
) -> tuple[Outcome, Path | None]:
    """Train to the end of the schedule or of the minutes; the outcome and the weight file.

    The folder holds `config.json`, `checkpoint.pt`, `events/` and, at the end, `NAME.safetensors`
    with its card. Raises ConfigError for what cannot be started and TrainingError for what cannot
    go on. Only the first of several processes writes; the others return None for the file.
    """
    torch.manual_seed(config.seed)
    fabric = make_fabric(config.training, device=device, devices=devices)
    sampler = Sampler(config.data, seed=config.seed)
    recipe = GFLmserRecipe(config)
    folder.mkdir(parents=True, exist_ok=True)
    first = fabric.is_global_zero
    log = TrainingLog(folder, stream) if first else None
    faces = _validation(config) if first else []
    validate = None
    if faces and log is not None and make_validator is not None:
        validate = make_validator(faces, config.data.validation_crops, log)
    trainer = Trainer(
        recipe, sampler, config.training, fabric=fabric, folder=folder, log=log, validate=validate
    )
    if resume:
        trainer.resume()
    if log is not None:
        (folder / "config.json").write_text(json.dumps(dump(config), indent=2) + "\n", "utf-8")
    try:
        outcome = trainer.run(max_minutes=max_minutes)
    finally:
        if log is not None:
            log.close()
    if not first:
        return outcome, None
    with trainer.average.in_place():
        half(recipe.model)
        metrics: Mapping[str, float] = outcome.metrics
        if faces and measure is not None:
            metrics = measure(faces, config.data.validation_crops, recipe.sample)
        card = Card(
            name=config.name,
            network=config.network,
            data=tuple(folder.record() for folder in sampler.folders),
            training=dump(dataclasses.replace(config, network=config.network)),
            steps=outcome.step,
            wall_seconds=round(outcome.seconds, 1),
            commit=commit,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            metrics=metrics,
            limits=LIMITS,
        )
        return outcome, save_weights(recipe.model, card, folder)


def _validation(config: Config) -> list[NDArray[np.uint8]]:
    """The same pictures for every training: spread evenly over the prepared set."""
    if not config.data.validation:
        return []
    cache = CachedFaces(Path(config.data.validation))
    count = min(config.data.validation_images, len(cache))
    rows = cache.rows[np.linspace(0, len(cache) - 1, count).astype(int)]
    return [np.array(cache.images[row]) for row in rows]

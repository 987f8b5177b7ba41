"""`sr-pipeline train`: train a GFLmser, or any other method, from a TOML file."""

from pathlib import Path

import click

from pipeline.commands import options as opt
from pipeline.commands import output
from pipeline.commands.types import FiniteRange, NamedPath


@click.command("train", short_help="Train a GFLmser or a rival from a TOML configuration.")
@click.argument("config", type=NamedPath(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    required=True,
    type=NamedPath(file_okay=False, path_type=Path),
    help="Folder of the run.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one value of CONFIG; may be repeated.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
@click.option(
    "--max-minutes", type=FiniteRange(0, 1e7), help="Stop after this time; --resume goes on."
)
@click.option(
    "--max-steps",
    type=click.IntRange(0, 10**12),
    help="Stop after this step; --resume goes on.",
)
@click.option(
    "--within",
    type=FiniteRange(0, 1e7, min_open=True),
    metavar="MINUTES",
    help="Fit the whole schedule into this time, for a machine that is lent.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Device: auto, cpu, cuda, cuda:N or mps.",
)
@opt.quiet
@output.as_json
def command(
    config: Path,
    out: Path,
    settings: tuple[str, ...],
    resume: bool,
    max_minutes: float | None,
    max_steps: int | None,
    within: float | None,
    device: str,
    quiet: bool,
    as_json: bool,
) -> int:
    """Train the networks of CONFIG, a TOML file, and write weights and their card into --out.

    CONFIG names its `method`: gflmser (the default), srgan, cyclegan, bulat or wavelet-srnet.

    Several GPUs, or processes on a CPU, each take a share of the batch: `torchrun
    --nproc-per-node 2 --no-python sr-pipeline train ...`.

    Ctrl-C and SIGTERM end the training after the current step, with a checkpoint and weights. The
    exit code is 130.

    The example takes a minute on the five samples.

    \b
    Example:
      sr-pipeline datasets prepare folder data/samples --out ../cache/samples --side 160
      sr-pipeline train gflmser/configs/samples.toml --out runs/samples
    """
    import json
    import os
    from dataclasses import asdict

    from pipeline.environment.messages import tell, told

    tell("loading libraries", quiet=quiet)
    from data.errors import SrPipelineError, UsageError
    from gflmser.schema import ConfigError
    from gflmser.training.protocols import TrainingError
    from gflmser.training.run import Options
    from pipeline.environment.devices import resolve_device
    from pipeline.environment.provenance import commit
    from pipeline.evaluation.validation import Validator
    from pipeline.methods import read_config

    resolved = resolve_device(device)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    options: Options = {
        "resume": resume,
        "max_minutes": max_minutes,
        "max_steps": max_steps,
        "within": within,
        "device": str(resolved) if processes == 1 else resolved.type,
        "devices": processes,
        "stream": told(quiet=quiet),
        "make_validator": Validator,
        "measure": lambda faces, crops, run: Validator(faces, crops).with_intervals(run),
        "commit": commit() or "",
    }
    try:
        method, settled = read_config(config, settings)
        outcome, weights = method.train(settled, out, **options)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    except TrainingError as error:
        raise SrPipelineError(str(error)) from error
    if weights is not None:
        state = "finished" if outcome.finished else "cut short; --resume goes on"
        text = f"{weights}  step {outcome.step}, {state}"
        whole = {"weights": str(weights), **asdict(outcome)}
        click.echo(json.dumps(whole, indent=2) if as_json else text)
    return output.exit_code(failed=0, interrupted=outcome.interrupted)

"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from pipeline.commands.types import (
    INPUT,
    SEED,
    WORKERS,
    FiniteRange,
    NamedPath,
)
from pipeline.names import AUTO, DETECTOR_NAMES, FACES_WANTED, MAX_PASSES, EngineName

if TYPE_CHECKING:
    from pipeline.engine.run import RunOptions
    from pipeline.evidence.log import RunRecord
    from pipeline.inputs.sources import Listing

F = TypeVar("F", bound=Callable[..., Any])
FOLDER = NamedPath(file_okay=False, path_type=Path)
FILE = NamedPath(exists=True, dir_okay=False, path_type=Path)
ANY_PATH = NamedPath(exists=True, path_type=Path)

inputs = click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=INPUT)
out = click.option("--out", type=FOLDER, required=True, help="Folder for the results.")
seed = click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Seed of all random draws."
)
crop = click.option(
    "--crop",
    type=FiniteRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of each image that is used, cut from its centre.",
)


quiet = click.option("--quiet", is_flag=True, help="No progress on stderr.")


def combine(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """One decorator out of several, applied so that --help lists them in the order given."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def _passes(_ctx: click.Context, _param: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if value in map(str, range(MAX_PASSES + 1)):
        return int(value)
    raise click.BadParameter(f"{value!r} is neither auto nor a number from 0 to {MAX_PASSES}")


def _detector(_ctx: click.Context, param: click.Parameter, value: str) -> str:
    offered = [AUTO] if param.default == AUTO else []
    if value in (*offered, *DETECTOR_NAMES):
        return value
    from pipeline.detection.registry import detector_names

    names = [*offered, *detector_names()]
    if value not in names:
        raise click.BadParameter(f"{value!r} is none of {', '.join(names)}")
    return value


def detector(default_passes: str, default: str = "hog") -> Callable[[F], F]:
    """Options that choose and set the detector; `auto` is offered where it is the default."""
    own = (AUTO, *DETECTOR_NAMES) if default == AUTO else DETECTOR_NAMES
    search = "auto: CenterFace, for small faces; " if default == AUTO else ""
    return combine(
        click.option(
            "--detector",
            callback=_detector,
            default=default,
            show_default=True,
            metavar="|".join(own),
            help=f"{search}hog and cnn: the detectors of face_recognition.",
        ),
        click.option(
            "--passes",
            callback=_passes,
            default=default_passes,
            show_default=True,
            help="How many times the image is doubled before the search; auto: from its size.",
        ),
        click.option(
            "--min-score",
            type=FiniteRange(-1e6, 1e6),
            help="Lowest score that counts as a face; default: the detector's own.",
        ),
        click.option("--yunet-model", type=FILE, help="YuNet's .onnx file, for --detector yunet."),
    )


face_sizes = combine(
    click.option(
        "--min-face",
        type=FiniteRange(1),
        metavar="PX",
        help="Smallest width of a face, for --detector auto; default: 8, in crops 4.",
    ),
    click.option(
        "--max-face",
        type=FiniteRange(1),
        metavar="PX",
        help="Largest width of a face, for --detector auto.",
    ),
)


def search(default_faces: str, default_detector: str = "hog") -> Callable[[F], F]:
    """Options of how an image is searched; their names are fields of `FindFaces`."""
    return combine(
        click.option(
            "--upscaler",
            default="gflmser",
            show_default=True,
            help="Name or weight file; NAME+ averages with the mirror image.",
        ),
        click.option(
            "--upscale-below",
            type=click.IntRange(0),
            default=128,
            show_default=True,
            metavar="PX",
            help="Restore only faces (hog, cnn: images) whose shorter side is below PX.",
        ),
        detector(default_passes="auto", default=default_detector),
        click.option(
            "--pad",
            type=FiniteRange(0, 2),
            default=0.0,
            show_default=True,
            help="Border added around tight crops, as a share of the longer side.",
        ),
        click.option(
            "--faces",
            type=click.Choice(FACES_WANTED),
            default=default_faces,
            show_default=True,
            help="Which faces of an image to keep.",
        ),
        click.option(
            "--images/--no-images",
            "images",
            default=True,
            show_default=True,
            help="Write restored and side-by-side images.",
        ),
    )


embedder = click.option(
    "--embedder",
    default="dlib",
    show_default=True,
    metavar="dlib|FILE",
    help="Network that compares faces: dlib's, an ONNX file with a card, or a tuned one.",
)
tracks = combine(
    click.option(
        "--tracks",
        is_flag=True,
        help="Link the faces of a video into tracks; name each track once.",
    ),
    click.option(
        "--min-frames",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        metavar="M",
        help="Name only tracks of at least M frames.",
    ),
)


compute = combine(
    click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda[:N]|mps",
        help="Device that networks run on.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["fp32", "bf16", "fp16"]),
        default="fp32",
        show_default=True,
        help="Number format of networks.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1, 4096),
        default=64,
        show_default=True,
        help="Images per batch of a network.",
    ),
)

compiled = click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="Run GFLmser through torch.compile: slow to start, faster over many images of few sizes. "
    "On the CPU this needs a C++ compiler.",
)

consistent = click.option(
    "--consistent",
    is_flag=True,
    help="Back-projection: adjust each result so that downscaling it reproduces the input.",
)
_start_options = combine(
    click.option(
        "--resume", is_flag=True, help="Go on with the run in --out; changed images are done again."
    ),
    click.option("--overwrite", is_flag=True, help="Remove the earlier run from --out first."),
    click.option(
        "--quick",
        is_flag=True,
        help="With --resume: tell changed images by size and time, not by SHA-256.",
    ),
)


def start(function: Callable[..., int]) -> Callable[..., int]:
    """What to do with an --out that holds a run already, handed on as one `start: Start`."""

    @functools.wraps(function)
    def command(resume: bool, overwrite: bool, quick: bool, **values: Any) -> int:  # noqa: ANN401
        from data.errors import UsageError
        from pipeline.engine.journal import Start

        if resume and overwrite:
            raise UsageError("--resume keeps what is there, --overwrite removes it: choose one")
        if quick and not resume:
            raise UsageError("--quick belongs to --resume")
        return function(start=Start(resume, overwrite, quick), **values)

    return _start_options(command)


def _start_time(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        from data.errors import UsageError
        from pipeline.inputs.clock import Clock

        try:
            Clock.parse(value)
        except UsageError as error:
            raise click.BadParameter(str(error)) from error
    return value


_run_options = combine(
    click.option(
        "--list",
        "listed",
        type=FILE,
        help="CSV with a column `image`, relative to INPUT: only these are used.",
    ),
    click.option(
        "--every",
        type=click.IntRange(1, 10**7),
        metavar="N",
        default=25,
        show_default=True,
        help="Take every N-th frame of a video.",
    ),
    click.option(
        "--start-time",
        metavar="TIME",
        callback=_start_time,
        help="When a video starts, 2026-11-27T14:03:05 or 14:03:05; default: from its file.",
    ),
    click.option(
        "--limit", type=click.IntRange(1, 10**12), metavar="N", help="Use only the first N images."
    ),
    click.option(
        "--workers",
        type=WORKERS,
        help="Processes beside the main one; 0: none, which starts fastest; default: one per core.",
    ),
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Processes of this machine, or a Ray cluster (pip install sr-pipeline[ray]).",
    ),
    quiet,
)


@dataclass(frozen=True, slots=True)
class Run:
    """INPUT and the options of `over_images`, as the engine takes them."""

    listing: Listing
    options: RunOptions


note = click.option(
    "--note", default="", metavar="TEXT", help="Your own words, kept in evidence.json."
)
spread = click.option(
    "--spread",
    is_flag=True,
    help="Write where mirroring changes the restoration too: twice the time.",
)
mark = click.option(
    "--mark",
    is_flag=True,
    help="Add a strip to each restored image that says that it was restored.",
)
_NOT_RECORDED: Final = frozenset(
    ("out", "resume", "overwrite", "quick", "quiet", "as_json", "output_format", "note", "no_cache")
)


def record(note: str) -> RunRecord:
    """How the running command was asked for: every option that has a value, as words."""
    from pipeline.evidence.log import RunRecord

    context = click.get_current_context()
    words = [
        word
        for parameter in context.command.params
        if isinstance(parameter, click.Option) and parameter.name not in _NOT_RECORDED
        for word in _words(parameter, context.params.get(parameter.name or ""))
    ]
    return RunRecord(context.info_name or "", context.params["inputs"], tuple(words), note)


def _words(option: click.Option, value: object) -> list[str]:
    if value is None:
        return []
    if option.is_flag:
        return (option.opts if value else option.secondary_opts)[:1]
    values = value if option.multiple and isinstance(value, tuple) else (value,)
    return [f"{option.opts[0]}={one}" for one in values]


def over_images(function: Callable[..., int]) -> Callable[..., int]:
    """Options of a command that runs over the images of INPUT, handed on as one `run: Run`."""

    @functools.wraps(function)
    def command(
        inputs: tuple[str, ...],
        out: Path,
        listed: Path | None,
        every: int,
        start_time: str | None,
        limit: int | None,
        workers: int | None,
        engine: EngineName,
        quiet: bool,
        **values: Any,  # noqa: ANN401 - what the command itself takes
    ) -> int:
        from pipeline.environment.messages import tell

        tell("loading libraries", quiet=quiet)  # some seconds, in which nothing else is said
        from pipeline.engine.run import RunOptions, default_workers
        from pipeline.inputs.clock import Clock
        from pipeline.inputs.sources import Listing, stdin_paths

        piped = tuple(stdin_paths()) if "-" in inputs else None
        clock = None if start_time is None else Clock.parse(start_time)
        listing = Listing(inputs, every, out, listed, limit, piped, clock)
        batch_size = values.get("batch_size", 64)
        options = RunOptions(
            default_workers() if workers is None else workers, batch_size, engine, quiet
        )
        return function(run=Run(listing, options), out=out, **values)

    return _run_options(command)

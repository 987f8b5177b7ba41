"""`kill -9` at random points: what is resumed ends in the same bytes as what was never ended."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from PIL import Image

from tests.fuzz.seeds import face

_SCRIPT: Final = "from pipeline.entry import main; main()"
_IMAGES: Final = 200


def kill_and_resume(rng: random.Random, folder: Path, kills: int) -> dict[str, int]:
    """Kill a run again and again, finish it, compare; begin anew until there were `kills`."""
    _images(folder / "in")
    begun = time.monotonic()
    _run(folder, folder / "whole").wait()
    seconds = time.monotonic() - begun
    wanted = _contents(folder / "whole")
    done = {"kills": 0, "finished": 0, "equal": 0, "left_parts": 0}
    while done["kills"] < kills:
        out = folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        while True:
            process = _run(folder, out, "--resume")
            try:
                process.wait(rng.uniform(0, 1.2 * seconds))
                break
            except subprocess.TimeoutExpired:
                _kill(process, whole_group=rng.random() < 0.5)
                done["kills"] += 1
        done["finished"] += 1
        done["equal"] += _contents(out) == wanted
        done["left_parts"] += len(list(out.rglob(".part-*")))
    return done


def _images(folder: Path) -> None:
    folder.mkdir()
    for number in range(_IMAGES):
        face().rotate(number, resample=Image.Resampling.BICUBIC).save(folder / f"{number:03d}.png")


def _run(folder: Path, out: Path, *words: str) -> "subprocess.Popen[bytes]":
    command = ["degrade", str(folder / "in"), "--out", str(out), "--workers", "1", "--quiet"]
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, *command, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _kill(process: "subprocess.Popen[bytes]", *, whole_group: bool) -> None:
    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _contents(out: Path) -> dict[str, bytes]:
    kept = [*out.rglob("*.png"), out / "pictures.csv"]
    return {str(path.relative_to(out)): path.read_bytes() for path in kept if path.is_file()}

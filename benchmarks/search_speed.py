"""CPU time of the search of `auto` beside CenterFace on the doubled frame and beside HOG.

One thread, one process, in turns, so that a loaded machine slows all alike. Example:

    OMP_NUM_THREADS=1 python -m benchmarks.search_speed --data ../shared/data \\
        --out benchmarks/results/search_speed.json
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import cv2
import numpy as np

from benchmarks.measuring.real_sets import TIGHT, tight_crops
from data.atomic import write_json
from data.images.files import load_rgb
from data.images.rgb import RGB
from pipeline.detection.candidates import FLOOR
from pipeline.detection.centerface import CenterFace, any_size, load_centerface
from pipeline.detection.chains import search_candidates
from pipeline.detection.passes import auto_passes
from pipeline.detection.registry import load_detector
from pipeline.detection.search import SearchSettings, search_images
from pipeline.environment.onnx_models import centerface_bytes, centerface_file, open_session
from pipeline.environment.provenance import provenance
from pipeline.jobs.restored_faces import sights
from pipeline.upscalers.loading import load_upscaler

_TURNS: Final = 5
_FRAMES: Final = 12
_CROPS: Final = 100
_BATCH: Final = 16
_VGA: Final = (640, 480)
_BELOW: Final = 128

Work = Callable[[Sequence[RGB]], object]


def frame_works() -> dict[str, Work]:
    """The searches of frames, by their names in the table."""
    net = load_centerface(min_score=FLOOR, device="cpu")
    model = any_size(centerface_bytes(centerface_file()))
    plain = CenterFace(open_session(model, "CenterFace", device="cpu", threads=1), FLOOR)
    return {
        "auto": lambda images: [search_candidates(rgb, "cpu") for rgb in images],
        "centerface ×2, its file as it is": _doubled(plain),
        "centerface ×2, constant weights": _doubled(net),
    }


def _doubled(net: CenterFace) -> Work:
    return lambda images: [net.at_scale([rgb], 2.0) for rgb in images]


def crop_works() -> dict[str, Work]:
    """What `detect` computes for crops: `auto` with and without its map of spread, and HOG."""
    upscaler = load_upscaler("gflmser", device="cpu", threads=1)
    hog = load_detector("hog")

    def auto(images: Sequence[RGB], spread: bool) -> None:
        for start in range(0, len(images), _BATCH):
            part = images[start : start + _BATCH]
            found = search_images(part, SearchSettings(device="cpu"))
            sights(part, found, upscaler, _BELOW, spread=math.inf if spread else 0.0)

    def chain(images: Sequence[RGB]) -> None:
        for large in upscaler(images):
            hog(large, auto_passes(large.shape[1], large.shape[0]))

    return {
        "auto": lambda images: auto(images, spread=False),
        "auto with the map of spread": lambda images: auto(images, spread=True),
        "hog": chain,
    }


def turns(works: Mapping[str, Work], parts: Sequence[Sequence[RGB]]) -> dict[str, list[float]]:
    """CPU milliseconds per image of every work on every part, after a first try."""
    for work in works.values():
        work(parts[0][:2])
    spent: dict[str, list[float]] = {name: [] for name in works}
    for part in parts:
        for name, work in works.items():
            start = time.process_time()
            work(part)
            spent[name].append(1000 * (time.process_time() - start) / len(part))
    return spent


def summary(spent: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Medians, and how many times the time of the first work each other takes, turn by turn."""
    first = np.array(next(iter(spent.values())))
    return {
        name: {
            "cpu_ms": [round(one, 2) for one in own],
            "median_ms": round(float(np.median(own)), 2),
            "times_the_first": round(float(np.median(np.array(own) / first)), 2),
        }
        for name, own in spent.items()
    }


def measure(data: Path) -> dict[str, Any]:
    """Frames of `crowd_voc` as they are and at 640x480, and crops of `wider_lr16`."""
    paths = sorted((data / "crowd_voc" / "images").iterdir())[: _TURNS * _FRAMES]
    frames = [load_rgb(path) for path in paths]
    vga = [
        np.asarray(cv2.resize(rgb, _VGA, interpolation=cv2.INTER_CUBIC), np.uint8) for rgb in frames
    ]
    crops = [one.rgb for one in tight_crops(data, 10 * _CROPS, 0)]
    works = frame_works()
    return {
        f"{len(frames)} frames of crowd_voc": summary(turns(works, _parts(frames, _FRAMES))),
        "10 of them at 640×480": summary(
            turns({"auto": works["auto"]}, _parts(vga[:10], len(vga[:10]) // 2))
        ),
        f"{len(crops)} crops of {TIGHT}": summary(turns(crop_works(), _parts(crops, _CROPS))),
    }


def _parts(images: Sequence[RGB], size: int) -> list[Sequence[RGB]]:
    return [images[start : start + size] for start in range(0, len(images), size)]


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the sets.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON file to write.")
def main(data: Path, out: Path) -> None:
    """Measure and print medians of CPU time per image."""
    rows = measure(data)
    write_json(out, {"provenance": provenance(), "rows": rows})
    for what, works in rows.items():
        for name, one in works.items():
            click.echo(f"{what}: {name}: {one['median_ms']} ms, {one['times_the_first']} times")


if __name__ == "__main__":
    main()

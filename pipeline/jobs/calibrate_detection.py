"""`calibrate detection`: from folders of faceless images to the table of thresholds."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from data.annotations.annotations import read_truth
from data.atomic import write_json
from data.boxes import Box
from data.errors import UsageError
from data.images.files import IMAGE_SUFFIXES
from pipeline.detection.calibrate import RESTORED, FacelessData, measure
from pipeline.detection.chains import Chain, Finders
from pipeline.detection.faceless import LARGEST, read_left_out
from pipeline.detection.thresholds import SHIPPED, Curve, Thresholds, load_thresholds
from pipeline.environment.provenance import provenance
from pipeline.jobs.detection_chains import load_chains
from pipeline.names import AS_IT_IS
from pipeline.upscalers.interpolation import INTERPOLATORS

_SLOW: Final = frozenset({"cnn"})
"""Detectors that take 9 us a pixel: on enlarged crops they are measured like networks."""


def parsed_chains(text: str) -> list[Chain]:
    """`centerface:bicubic,hog:gflmser` as chains; raises UsageError."""
    pairs = [part.strip().split(":") for part in text.split(",") if part.strip()]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise UsageError(f"--chains is DETECTOR:UPSCALER,..., not {text!r}")
    return [Chain(detector, upscaler) for detector, upscaler in pairs]


def calibrate_detection(
    faceless: Sequence[Path],
    *,
    scenes: Path | None,
    truth: Path | None,
    leave_out: Path | None,
    chains: Sequence[Chain],
    crops: int,
    out: Path | None,
    seed: int,
    device: str,
    worst: Path | None,
    say: Callable[[str], object],
) -> tuple[Path, list[Curve]]:
    """Measure the chains and write them into the table; returns its path and the new curves.

    Curves of other chains in the table stay. Raises UsageError when there is nothing to measure
    on, ModelError when a detector or an upscaler is missing.
    """
    if (scenes is None) != (truth is None):
        raise UsageError("--scenes and --truth belong together")
    boxes = _scene_boxes(scenes, truth) if scenes and truth else {}
    data = FacelessData(tuple(faceless), boxes, read_left_out(leave_out), crops, seed)
    if not data.images():
        raise UsageError(f"no faceless image in {' '.join(map(str, faceless))}")
    curves = measure(data, _groups(chains, device), worst=worst, say=say)
    path = out or SHIPPED
    before = load_thresholds(path) if path.is_file() else Thresholds((), {})
    kept = [c for c in before.curves if Chain(c.detector, c.upscaler) not in chains]
    made = {**provenance(), "date": datetime.now(UTC).date().isoformat(), "crops": crops}
    origin = {f"{chain.detector} on {chain.upscaler}": made for chain in chains}
    table = Thresholds((*kept, *curves), {**before.provenance, **origin})
    write_json(path, table.as_json())
    load_thresholds.cache_clear()
    return path, curves


def _groups(chains: Sequence[Chain], device: str) -> list[tuple[Finders, int]]:
    """One search for all chains of an upscaler, so that no image is upscaled twice.

    Beside it the largest crops that it is measured on. Slow detectors are searched apart.
    """
    groups: dict[tuple[str, bool], list[Chain]] = {}
    for chain in chains:
        groups.setdefault((chain.upscaler, chain.detector in _SLOW), []).append(chain)
    return [
        (load_chains(own, device=device), _largest(upscaler, slow))
        for (upscaler, slow), own in groups.items()
    ]


def _largest(upscaler: str, slow: bool) -> int:
    if upscaler == AS_IT_IS:
        return LARGEST
    return LARGEST if upscaler in INTERPOLATORS and not slow else RESTORED


def _scene_boxes(scenes: Path, truth: Path) -> dict[Path, Sequence[Box]]:
    known = read_truth(truth)
    found: dict[Path, Sequence[Box]] = {}
    for path in sorted(scenes.iterdir()):
        key = known.find(path.name) if path.suffix.lower() in IMAGE_SUFFIXES else None
        if key is not None:
            found[path] = [*known[key], *known.ignored.get(key, ())]
    return found

"""Scores of detectors on real faces, from the result cache: only a changed method runs again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.context import Bench
from benchmarks.measuring.real_detection import Scores, score_chains
from benchmarks.measuring.real_frames import FrameScores, Search, face_scores, false_scores
from benchmarks.measuring.real_sets import FaceCrop, Scenes, faceless_frames
from data.images.rgb import RGB
from pipeline.detection.chains import Chain
from pipeline.jobs.detection_chains import load_chains

VERSION: Final = 2
"""Of the scores. Raise it when a search changes, so that older ones are not reused."""

BySet = Mapping[str, Sequence[FaceCrop]]


def scores_of(
    bench: Bench,
    detectors: Sequence[str],
    upscaler: str,
    *,
    weights: str,
    faces: BySet,
    faceless: Sequence[RGB],
) -> dict[Chain, dict[str, Scores]]:
    """`score_chains` of each detector behind one upscaler; `weights` is the hash of its weights."""
    parts = {
        "what": "real faces",
        "version": VERSION,
        "detectors": [*detectors],
        "upscaler": upscaler,
        "weights": weights,
        "faces": {name: _digest(map(_content, own)) for name, own in faces.items()},
        "faceless": _digest(rgb.tobytes() for rgb in faceless),
        **bench.arithmetic,
    }

    def compute() -> dict[str, dict[str, list[list[float]]]]:
        chains = [Chain(detector, upscaler) for detector in detectors]
        found = score_chains(load_chains(chains, device=bench.device), faces, faceless)
        return {
            chain.detector: {
                name: [one.faces.tolist(), one.faceless.tolist()] for name, one in sets.items()
            }
            for chain, sets in found.items()
        }

    kept = bench.cache.json(parts, compute)
    return {
        Chain(detector, upscaler): {
            name: Scores(np.array(own), np.array(false)) for name, (own, false) in sets.items()
        }
        for detector, sets in kept.items()
    }


def frame_scores_of(bench: Bench, name: str, search: Search, scenes: Scenes) -> FrameScores:
    """What the search called `name` says of the frames of `scenes` and of faceless images."""
    most = bench.subset
    plain = faceless_frames(bench.data)[:most]
    every = {"version": VERSION, "search": name, **bench.arithmetic}
    false = bench.cache.json(
        {"what": "faceless frames", "images": _digest(path.read_bytes() for path in plain)} | every,
        lambda: false_scores(search, plain),
    )
    frames = _digest(_scene(path, scenes) for path in [*scenes.faces][:most])
    found = bench.cache.json(
        {"what": "faces in frames", "images": frames} | every,
        lambda: face_scores(search, scenes, most),
    )
    faces, widths = np.array(found, float).reshape(-1, 2).T
    return FrameScores(faces, widths, np.array(false), len(plain))


def _content(face: FaceCrop) -> bytes:
    return face.rgb.tobytes() + repr((face.rgb.shape, face.box)).encode()


def _scene(path: Path, scenes: Scenes) -> bytes:
    return path.read_bytes() + repr([*scenes.faces[path]]).encode()


def _digest(contents: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for content in contents:
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()

"""Measures which score of a detector stands for which rate of false boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from data.boxes import Box
from data.images.files import load_rgb, save_png
from data.images.rgb import RGB
from pipeline.detection.chains import SEARCH, Chain, Finders
from pipeline.detection.faceless import LARGEST, SMALLEST, Faceless, crops, grey, images
from pipeline.detection.registry import load_detector
from pipeline.detection.thresholds import Curve, from_scores
from pipeline.names import AS_IT_IS

SIZES: Final = (40, 80, 160)
"""Crops have their own curve up to each of these longer sides in pixels."""
RESTORED: Final = SIZES[0]
"""Longer side up to which chains with a slow upscaler or detector are measured."""
_HARD_PER_IMAGE: Final = 2
_HARD_SIDE: Final = 2.3
_HARD_LEAST: Final = -0.6
_WORST: Final = 150

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class FacelessData:
    """What thresholds are measured on."""

    folders: tuple[Path, ...]
    """Folders of images without people."""
    scenes: Mapping[Path, Sequence[Box]]
    """Images of people with their annotated faces: crops beside them are faceless."""
    left_out: frozenset[str]
    """Stems of images that show people, and names of crops that show an unannotated face."""
    count: int = 5000
    seed: int = 0

    def images(self) -> list[Path]:
        """The images without people."""
        return images(self.folders, self.left_out)

    def crops(self, largest: int = LARGEST) -> list[Faceless]:
        """`count` crops to `largest` px, half of scenes where there are any.

        Those above `largest` are replaced by smaller ones of images without people.
        """
        plain = dict.fromkeys(self.images(), ())
        half = self.count // 2 if self.scenes else 0
        beside = crops(self.scenes, half, seed=self.seed, left_out=self.left_out)
        rest = crops(plain, self.count - half, seed=self.seed, left_out=self.left_out)
        made = [one for one in (*beside, *rest) if len(one.rgb) <= largest]
        missing = self.count - len(made) if largest < LARGEST else 0
        sides = (SMALLEST, largest)
        return [*made, *crops(plain, missing, seed=self.seed + 1, sides=sides)]


def measure(
    data: FacelessData,
    groups: Iterable[tuple[Finders, int]],
    *,
    say: Say,
    worst: Path | None = None,
) -> list[Curve]:
    """Curves of the chains of each group, one upscaler each, to its largest crops; colour and grey.

    All are measured on crops; the search of `auto` and what searches images as they are on frames
    too. The crops that score highest in colour and the hard crops are written to the folder
    `worst`: a person has to look whether they show a face that nobody annotated.
    """
    hard = hard_crops(data, say)
    if worst is not None:
        _write(hard, worst / "hard")
    curves: list[Curve] = []
    for find, largest in groups:
        squares = data.crops(largest)
        for colour in (True, False):
            made: list[RGB] = [one.rgb if colour else grey(one.rgb) for one in squares]
            tough = [one.rgb if colour else grey(one.rgb) for one in hard]
            found = _best_scores(find, made)
            for chain, best in found.items():
                say(f"{chain.detector} on {chain.upscaler}, {'colour' if colour else 'grey'}")
                if worst is not None and colour:
                    _write_worst(squares, best, worst / f"{chain.detector}-{chain.upscaler}")
                curves += _crop_curves(chain, made, best, colour)
            for chain, best in _best_scores(find, tough).items():
                curves.append(_curve(chain, "hard", colour, max(SIZES), best))
            curves += _frame_curves(data, find, [*found], colour)
    return curves


def hard_crops(data: FacelessData, say: Say) -> list[Faceless]:
    """Squares around what another detector, dlib's HOG, takes most for faces in each image."""
    hog = load_detector("hog", min_score=_HARD_LEAST)
    made: list[Faceless] = []
    for path in data.images():
        rgb = load_rgb(path)
        for face in hog(rgb, 1)[:_HARD_PER_IMAGE]:
            side = round(min(_HARD_SIDE * face.box.width, *rgb.shape[:2], max(SIZES)))
            left = _start((face.box.left + face.box.right) / 2, side, rgb.shape[1])
            top = _start((face.box.top + face.box.bottom) / 2, side, rgb.shape[0])
            own = np.ascontiguousarray(rgb[top : top + side, left : left + side])
            made.append(Faceless(f"{path.name}@{left},{top},{side}", own))
    say(f"{len(made)} hard crops")
    return [one for one in made if one.name not in data.left_out]


def _start(middle: float, side: int, length: int) -> int:
    return min(max(round(middle - side / 2), 0), length - side)


def _best_scores(find: Finders, images: Sequence[RGB]) -> dict[Chain, list[float]]:
    """The best score of each chain in each image; -inf where it sees nothing."""
    best: dict[Chain, list[float]] = {}
    for found in find(images):
        for chain, faces in found.items():
            best.setdefault(chain, []).append(max((f.score for f in faces), default=-np.inf))
    return best


def _crop_curves(
    chain: Chain, made: Sequence[RGB], best: Sequence[float], colour: bool
) -> list[Curve]:
    curves = []
    below = 0
    for largest in SIZES:
        own = [
            score
            for rgb, score in zip(made, best, strict=True)
            if below < max(rgb.shape[:2]) <= largest
        ]
        if own:
            curves.append(_curve(chain, "crop", colour, largest, own))
        below = largest
    return curves


def _curve(
    chain: Chain, kind: str, colour: bool, largest: int, scores: Sequence[float], n: int = 0
) -> Curve:
    seen = [round(score, 4) for score in scores if np.isfinite(score)]
    points = from_scores(seen, n or len(scores)) or ((0.0, 1 / max(1, n or len(scores))),)
    return Curve(
        chain.detector, chain.upscaler, kind, not colour, largest, points, n or len(scores)
    )


def _frame_curves(
    data: FacelessData, find: Finders, chains: Sequence[Chain], colour: bool
) -> list[Curve]:
    scores: dict[Chain, list[float]] = {
        chain: [] for chain in chains if chain == SEARCH or chain.upscaler == AS_IT_IS
    }
    frames = data.images() if scores else []
    for path in frames:
        rgb = load_rgb(path)
        found = next(find([rgb if colour else grey(rgb)]))
        for chain, own in scores.items():
            own += [face.score for face in found[chain]]
    return [_curve(c, "frame", colour, 0, own, len(frames)) for c, own in scores.items()]


def _write(crops: Sequence[Faceless], folder: Path) -> None:
    for one in crops:
        save_png(folder / f"{one.name.replace('/', '_')}.png", one.rgb)


def _write_worst(squares: Sequence[Faceless], best: Sequence[float], folder: Path) -> None:
    order = np.argsort(-np.array(best), kind="stable")[:_WORST]
    for rank, index in enumerate(order):
        name = squares[index].name.replace("/", "_")
        save_png(folder / f"{rank:03d}_{best[index]:.3f}_{name}.png", squares[index].rgb)

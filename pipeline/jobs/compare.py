"""The job of `compare`: degrade, restore with every method, detect on each, measure each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from data.annotations.annotations import OutsideError, Truth, inside
from data.boxes import Box
from data.errors import ImageError
from data.images.files import save_png
from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.passes import auto_passes
from pipeline.detection.registry import check_detector, load_detector
from pipeline.engine.job import Images, Item
from pipeline.engine.journal import Row
from pipeline.engine.tables import Columns, column_types
from pipeline.evaluation.summary import HR_METHOD
from pipeline.identity.embedders.loading import DLIB, find_embedder
from pipeline.inputs.sources import Source, cut_region
from pipeline.jobs.degrade import Degradation
from pipeline.metrics.base import Triple
from pipeline.metrics.matching import ACCURATE, best_match
from pipeline.metrics.registry import image_metrics
from pipeline.names import DetectorName, Precision
from pipeline.upscalers.base import LoadOptions, restore
from pipeline.upscalers.loading import Upscaler, shared_upscaler

LR_METHOD: Final = "lr"


def comparable(
    name: str, device: str, precision: Precision, batch_size: int, threads: int = 1
) -> Upscaler:
    """`shared_upscaler` that takes oracles too: HR is known here, and their rows stand apart."""
    options = LoadOptions(device, precision, batch_size, threads=threads, allow_oracle=True)
    return shared_upscaler(name, options)


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One row of rows.parquet: one image restored by one method; boxes in pixels of HR.

    Beside these columns a row holds one for each metric of `image_metrics()`.
    """

    image: str
    method: str
    oracle: bool
    truth: bool
    found: bool
    accurate: bool
    iou: float | None = None
    score: float | None = None
    face_px: float | None = None
    left: float | None = None
    top: float | None = None
    right: float | None = None
    bottom: float | None = None
    truth_left: float | None = None
    truth_top: float | None = None
    truth_right: float | None = None
    truth_bottom: float | None = None
    output: str = ""
    error: str = ""
    path: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Method:
    """A method in the tables: its name, what `load_upscaler` knows it by, whether it sees HR."""

    name: str
    upscaler: str
    oracle: bool


_HR: Final = Method(HR_METHOD, HR_METHOD, oracle=False)


@dataclass(frozen=True)
class Compare:
    """Settings of `compare`, and the job that the engine runs with them.

    Ground truth is `truth` where it is given, else the largest face that the same detector finds
    on HR (pseudo ground truth). `embedded` are the keys whose face embeddings the pairs need.
    Without `searched` no face is looked for, but on HR where an embedding needs its place.
    """

    out: Path
    methods: tuple[Method, ...]
    degradation: Degradation
    detector: DetectorName = "hog"
    passes: int | None = 2
    min_score: float | None = None
    yunet_model: Path | None = None
    device: str = "auto"
    precision: Precision = "fp32"
    batch_size: int = 64
    truth: Truth | None = field(default=None, repr=False)
    truth_file: Path | None = None
    embedded: frozenset[str] = field(default=frozenset(), repr=False)
    searched: bool = True
    pairs_file: Path | None = None
    """Where `embedded` comes from."""
    embedder: str = DLIB
    """Network whose embeddings the pairs compare: a name, or an ONNX file."""

    def settings(self) -> dict[str, object]:
        """The protocol: what the rows depend on, JSON-ready."""
        return {
            "upscalers": [method.upscaler for method in self.methods],
            **asdict(self.degradation),
            "detector": self.detector,
            "passes": self.passes,
            "min_score": self.min_score,
            "yunet_model": str(self.yunet_model) if self.yunet_model else None,
            "precision": self.precision,
            "ground_truth": str(self.truth_file) if self.truth_file else "pseudo",
            "embedded_pictures": len(self.embedded),
            "pairs": str(self.pairs_file) if self.pairs_file else None,
            "searched": self.searched,
            **({} if self.embedder == DLIB else {"embedder": self.embedder}),
        }

    def restorer(self, method: Method) -> Upscaler:
        """The upscaler of a method, loaded once per process."""
        return comparable(method.upscaler, self.device, self.precision, self.batch_size)

    def check(self) -> None:
        """See `Job.check`."""
        check_detector(self.detector, yunet_model=self.yunet_model)
        if self.embedded:
            find_embedder(self.embedder)
        for method in self.methods:
            self.restorer(method)

    def warm_up(self) -> None:
        """See `Job.warm_up`."""
        load_detector(self.detector, min_score=self.min_score, yunet_model=self.yunet_model)
        if self.embedded:
            import torch

            torch.set_num_threads(1)  # the other workers have the other cores

    def read(self, source: Source) -> tuple[tuple[int, int], Images]:
        """See `Job.read`."""
        whole = cut_region(source.load(), source.region)
        hr, lr = self.degradation(whole, source.key)
        return (whole.shape[1], whole.shape[0]), {HR_METHOD: hr, "lr": lr}

    def enlarge(self, batch: Sequence[Item]) -> list[Images]:
        """See `Job.enlarge`: only LR is handed to the methods, but for oracles."""
        lr = [item.images["lr"] for item in batch]
        hr = [item.images[HR_METHOD] for item in batch]
        restored = {m.name: restore(self.restorer(m), lr, hr) for m in self.methods}
        return [
            {**item.images, **{name: images[i] for name, images in restored.items()}}
            for i, item in enumerate(batch)
        ]

    def outputs(self, source: Source) -> list[str]:
        """See `WritingJob.outputs`."""
        views = (LR_METHOD, HR_METHOD, *(method.name for method in self.methods))
        return [f"pictures/{view}/{source.output}" for view in views]

    def finish(self, item: Item) -> list[Row]:
        """See `Job.finish`."""
        truth = self._truth(item)
        for name, image in item.images.items():
            save_png(self.out / "pictures" / name / item.source.output, image)
        rows = [self._row(item, method, truth) for method in (_HR, *self.methods)]
        if item.source.key in self.embedded:
            vectors = self._embeddings(item, truth)
            return [{**row, "embedding": v} for row, v in zip(rows, vectors, strict=True)]
        return rows

    def _embeddings(self, item: Item, truth: Box | None) -> list[list[float] | None]:
        """The numbers of the face at the ground truth's box, so that every method shows one."""
        if truth is None:
            return [None] * (1 + len(self.methods))
        images = [item.images[method.name] for method in (_HR, *self.methods)]
        vectors = find_embedder(self.embedder).embed_each(images, truth)
        return [[round(float(value), 6) for value in vector] for vector in vectors]

    def detect(self, image: RGB) -> list[Detection]:
        """The faces that the detector of the settings finds."""
        detector = load_detector(
            self.detector, min_score=self.min_score, yunet_model=self.yunet_model
        )
        passes = auto_passes(*image.shape[1::-1]) if self.passes is None else self.passes
        return detector(image, passes)

    def _truth(self, item: Item) -> Box | None:
        """The largest annotated face that is left in HR, or the largest detected on HR.

        Raises ImageError for an image whose annotation cannot be judged.
        """
        if self.truth is None:
            if not self.searched and item.source.key not in self.embedded:
                return None
            boxes = [face.box for face in self.detect(item.images[HR_METHOD])]
        else:
            known = _annotated(self.truth, item)
            moved = (self.degradation.to_hr(box, *item.size) for box in known)
            boxes = [box for box in moved if box is not None]
        return max(boxes, key=lambda box: box.area, default=None)

    def _row(self, item: Item, method: Method, truth: Box | None) -> Row:
        sr = item.images[method.name]
        faces = self.detect(sr) if self.searched else []
        at, overlap = best_match([face.box for face in faces], truth)
        best = None if at is None else faces[at]
        row = MethodRow(
            item.source.key,
            method.name,
            oracle=method.oracle,
            truth=truth is not None,
            found=best is not None,
            accurate=overlap >= ACCURATE,
            iou=overlap if truth is not None else None,
            score=best.score if best is not None else None,
            face_px=truth.width if truth is not None else None,
            output=item.source.output,
        )
        cells = {**asdict(row), **no_quality(), **_quality(method, item.images)}
        cells |= _edges(best.box if best else None, "") | _edges(truth, "truth_")
        return cells

    def failure(self, source: Source, message: str) -> list[Row]:
        """See `Job.failure`: an error row for each method."""
        return [
            no_quality()
            | asdict(
                MethodRow(
                    source.key,
                    method.name,
                    method.oracle,
                    truth=False,
                    found=False,
                    accurate=False,
                    error=message,
                )
            )
            for method in (_HR, *self.methods)
        ]


def _annotated(truth: Truth, item: Item) -> Sequence[Box]:
    """The annotated faces of an image; raises ImageError where one lies outside it."""
    key, region = item.source.key, item.source.region
    if why := truth.faults([key]).get(key):
        raise ImageError(f"ground truth: {why}")
    own = truth.find(key)
    faces = truth[own] if own else ()
    try:
        # The size of a part says nothing about boxes of the whole.
        return faces if region else [inside(face, item.size, f"image {key}") for face in faces]
    except OutsideError as error:
        raise ImageError(f"ground truth: {error}") from error


def no_quality() -> dict[str, float | None]:
    """The cells of the metrics of an image that was not measured."""
    return {metric.key: None for metric in image_metrics()}


def row_columns() -> Columns:
    """Columns of rows.parquet with their types, the metrics behind `iou`."""
    fixed = column_types(MethodRow)
    names = list(fixed)
    place = names.index("iou") + 1
    metrics = {metric.key: float for metric in image_metrics()}
    return {
        **{name: fixed[name] for name in names[:place]},
        **metrics,
        **{name: fixed[name] for name in names[place:]},
    }


def _quality(method: Method, images: Mapping[str, RGB]) -> dict[str, float]:
    if method.name == HR_METHOD:
        return {}
    triple = Triple(images[method.name], images[HR_METHOD], images["lr"])
    return {metric.key: metric.compute(triple) for metric in image_metrics()}


def _edges(box: Box | None, prefix: str) -> dict[str, float]:
    return {} if box is None else {f"{prefix}{edge}": at for edge, at in asdict(box).items()}

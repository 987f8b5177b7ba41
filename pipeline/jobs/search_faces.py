"""`detect --detector auto`: search each image, cut the faces out, restore, name and write them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from data.images.files import save_png
from data.images.rgb import RGB
from pipeline.detection.base import Landmarks
from pipeline.detection.registry import check_detector
from pipeline.detection.search import DETECTOR, FoundFace, SearchSettings, search_images
from pipeline.detection.thresholds import load_thresholds
from pipeline.engine.job import Images, Item
from pipeline.engine.journal import Row
from pipeline.evidence.marks import save_restored
from pipeline.inputs.sources import Source, cut_region
from pipeline.jobs.detect import region_offset
from pipeline.jobs.face_rows import UNTOUCHED, FaceRow, Status, with_degradation
from pipeline.jobs.face_settings import FaceSettings
from pipeline.jobs.restored_faces import PER_TURN, RestoredFace, Sight, restore_faces, sights
from pipeline.names import AUTO
from pipeline.report.drawing import draw_boxes, side_by_side
from pipeline.tracks.base import Cut
from pipeline.uncertainty.files import load_sigma
from pipeline.uncertainty.sigma import BINS, Certainty, Sigma
from pipeline.uncertainty.sigma import as_image as sigma_image
from pipeline.upscalers.spread import as_image

if TYPE_CHECKING:
    from pipeline.jobs.identify_faces import Seen


@dataclass(frozen=True)
class SearchFaces(FaceSettings):
    """The settings of `detect --detector auto`, and the job that the engine runs with them.

    `upscale_below` is held against the cut around each face. Everything happens in the worker:
    faces are searched and restored where the image is.
    """

    min_face: float | None = None
    max_face: float | None = None
    detector: str = AUTO

    def check(self) -> None:
        """See `Job.check`."""
        check_detector(DETECTOR, device=self._onnx_device())
        load_thresholds()
        self.loaded_upscaler()

    def _sigma(self) -> Sigma | None:
        return load_sigma(self.upscaler) if self.images else None

    def _spread_below(self) -> float:
        """Width of the faces that are restored mirrored, too; in frames only where sigma is known.

        A wide face takes half of a frame's time, and a track has hundreds of them.
        """
        if not self.images:
            return 0.0
        return BINS[-1][1] if self.tracks else math.inf

    def _onnx_device(self) -> str:
        return "cpu" if self.device == "mps" else self.device

    def warm_up(self) -> None:
        """See `Job.warm_up`."""
        from pipeline.detection.candidates import FLOOR
        from pipeline.detection.centerface import load_centerface

        load_centerface(min_score=FLOOR, device=self._onnx_device(), threads=1)
        self.loaded_upscaler()

    def read(self, source: Source) -> tuple[tuple[int, int], Images]:
        """See `Job.read`."""
        whole = source.load()
        size = (whole.shape[1], whole.shape[0])
        return size, {"input": cut_region(whole, source.region)}

    def enlarge(self, batch: Sequence[Item]) -> list[Images]:
        """See `Job.enlarge`: no image is enlarged whole, so there is nothing to do."""
        return [item.images for item in batch]

    def outputs(self, source: Source) -> list[str]:
        """See `WritingJob.outputs`; how many faces there will be is not known."""
        if not self.images:
            return []
        return [f"boxes/{source.output}", f"faces/{source.output.removesuffix('.png')}-*"]

    def look(self, batch: Sequence[Item]) -> list[Sight]:
        """See `LooksTogether`: search the images, restore the faces of all of them at once."""
        wanted = SearchSettings(
            min_face=self.min_face,
            max_face=self.max_face,
            min_score=self.min_score,
            faces=self.faces,
            device=self._onnx_device(),
        )
        images = [item.images["input"] for item in batch]
        found = search_images(images, wanted)
        return sights(
            images,
            found,
            self.loaded_upscaler(),
            self.upscale_below,
            spread=self._spread_below(),
            sigma=self._sigma(),
        )

    def _turns(self, item: Item, sight: Sight) -> Iterator[Sequence[RestoredFace]]:
        """The restored faces of an image, a bounded number at a time."""
        if sight.first:
            yield sight.first
            return
        pairs = [(item.images["input"], one) for one in sight.kept]
        for start in range(0, len(pairs), PER_TURN):
            part = pairs[start : start + PER_TURN]
            yield restore_faces(
                part,
                self.loaded_upscaler(),
                self.upscale_below,
                spread=self._spread_below(),
                sigma=self._sigma(),
            )

    def finish(self, item: Item) -> list[Row]:
        """See `Job.finish`: name and write what `look` found."""
        sight = item.seen if isinstance(item.seen, Sight) else self.look([item])[0]
        empty = self._empty(item, len(sight.kept))
        rows: list[FaceRow] = []
        more: list[Row] = []
        only: RestoredFace | None = None
        for turn in self._turns(item, sight):
            made = [self._row(empty, len(rows) + i, face, item) for i, face in enumerate(turn)]
            made, besides = self._looked_at(made, turn, item)
            for row, face in zip(made, turn, strict=True):
                if self.images:
                    self._write_face(item, len(rows), face)
                rows.append(row)
                only = face if len(sight.kept) == 1 else None
            more += besides
        if self.images:
            self._write_boxes(item, rows, only)
        dropped = [_dropped(empty, one, item) for one in sight.found if one.dropped]
        named = [{**row.as_row(), **other} for row, other in zip(rows, more, strict=True)]
        return [*(named or [empty.as_row()]), *(row.as_row() for row in dropped)]

    def _looked_at(
        self, rows: list[FaceRow], faces: Sequence[RestoredFace], item: Item
    ) -> tuple[list[FaceRow], list[Row]]:
        """The rows with names, or what tracks need besides them."""
        if not rows or (self.identifier is None and not self.tracks):
            image = item.images["input"]
            boxes = [face.found.box for face in faces]
            return with_degradation(rows, boxes, image), [{} for _ in rows]
        from pipeline.jobs.identify_faces import look_at

        rows, more = look_at(
            [_seen(face, item.images["input"]) for face in faces],
            rows,
            identifier=self.identifier,
            tracks=self.tracks,
            given_track=item.source.track,
        )
        if not (self.tracks and self.images):
            return rows, more
        from pipeline.jobs.track_rows import CUT, cut_entry

        cuts = [
            Cut(f"{_stem(item, row.face or 0)}-native.png", face.cut.face, _marks(face))
            for row, face in zip(rows, faces, strict=True)
        ]
        return rows, [{**one, CUT: cut_entry(cut)} for one, cut in zip(more, cuts, strict=True)]

    def _empty(self, item: Item, faces: int) -> FaceRow:
        status: Status = "none" if not faces else "one" if faces == 1 else "many"
        width, height = item.size
        return FaceRow(
            item.source.key,
            status,
            width=width,
            height=height,
            upscaler=UNTOUCHED,
            scale=1,
            detector=DETECTOR,
        )

    def restore(self, crop: RGB) -> RGB | None:
        """What the upscaler makes of a cut; None where it is large enough to be left alone."""
        small = min(crop.shape[:2]) < self.upscale_below
        return self.loaded_upscaler()([crop])[0] if small else None

    def _row(self, empty: FaceRow, number: int, face: RestoredFace, item: Item) -> FaceRow:
        box = face.found.box.shifted(*region_offset(item.source))
        return replace(
            _certain(_told(empty, face.found, item), face.certainty),
            face=number,
            upscaler=self.upscaler if face.restored is not None else UNTOUCHED,
            scale=face.scale,
            turned=round(face.cut.turned, 1),
            spread=None if face.spread is None else round(float(face.spread.mean()), 2),
            **asdict(box),
        )

    def _write_face(self, item: Item, number: int, face: RestoredFace) -> None:
        stem = _stem(item, number)
        save_png(self.out / f"{stem}-native.png", face.cut.rgb)
        if face.restored is not None:
            file = self.out / f"{stem}-restored.png"
            save_restored(file, face.restored, mark=self.mark, upscaler=self.upscaler)
            pair = side_by_side(face.cut.rgb, face.restored)
            file = self.out / f"{stem}-pair.png"
            save_restored(file, pair, mark=self.mark, upscaler=self.upscaler)
        if face.spread is not None:
            save_png(self.out / f"{stem}-spread.png", as_image(face.spread))
        if face.certainty is not None:
            save_png(self.out / f"{stem}-sigma.png", sigma_image(face.certainty.sigma))

    def _write_boxes(self, item: Item, rows: Sequence[FaceRow], only: RestoredFace | None) -> None:
        """The face beside its restoration where there is one face; else the image with boxes."""
        path = self.out / "boxes" / item.source.output
        if only is not None and only.restored is not None:
            sheet = side_by_side(
                only.cut.rgb, only.restored, [only.cut.face], labels=[rows[0].label()]
            )
            save_restored(path, sheet, mark=self.mark, upscaler=self.upscaler)
        else:
            left, top = region_offset(item.source)
            boxes = [box.shifted(-left, -top) for row in rows if (box := row.box()) is not None]
            labels = [row.label() for row in rows]
            save_png(path, draw_boxes(item.images["input"], boxes, labels=labels))

    def failure(self, source: Source, message: str) -> list[Row]:
        """See `Job.failure`."""
        return [FaceRow(source.key, "error", error=message).as_row()]


def _certain(row: FaceRow, known: Certainty | None) -> FaceRow:
    """The row with what is known of the restoration."""
    if known is None:
        return row
    sigma, quality, unusual = (round(v, 2) for v in (known.mean, known.quality, known.unusual))
    return replace(row, sigma=sigma, quality=quality, unusual=unusual)


def _stem(item: Item, number: int) -> str:
    """Where a face's files lie below the run's folder, without what they are."""
    return f"faces/{item.source.output.removesuffix('.png')}-{number}"


def _marks(face: RestoredFace, scale: int = 1) -> Landmarks | None:
    """The landmarks in pixels of the cut, enlarged; they hold as long as it was not turned."""
    if not face.found.landmarks or face.cut.turned:
        return None
    left, top = round(face.cut.region.left), round(face.cut.region.top)
    return tuple(((x - left) * scale, (y - top) * scale) for x, y in face.found.landmarks)


def _seen(face: RestoredFace, image: RGB) -> Seen:
    """The face as it is embedded."""
    from pipeline.jobs.identify_faces import Seen

    cut, scale = face.cut, face.scale
    marks = _marks(face, scale)
    seen = cut.rgb if face.restored is None else face.restored
    return Seen(seen, cut.face.scaled(scale, scale), marks, image, face.found.box)


def _told(empty: FaceRow, found: FoundFace, item: Item) -> FaceRow:
    """What is known of a face or of a dropped candidate, beside its box."""
    left, top = region_offset(item.source)
    marks = [(x + left, y + top) for x, y in found.landmarks or ()]
    return replace(
        empty,
        score=round(found.score, 6),
        landmarks=" ".join(f"{x:.1f},{y:.1f}" for x, y in marks) or None,
        fp_rate=None if found.fp_rate is None else round(found.fp_rate, 6),
        fp_per=found.kind,
        found_at=round(found.found_at, 3),
        face_px=round(found.face_px, 2),
        dori=found.dori,
        grey=found.grey,
    )


def _dropped(empty: FaceRow, found: FoundFace, item: Item) -> FaceRow:
    """The row of a dropped candidate: its box is no face's, so it stands in `candidate`."""
    box = found.box.shifted(*region_offset(item.source))
    edges = " ".join(f"{edge:.1f}" for edge in (box.left, box.top, box.right, box.bottom))
    return replace(_told(empty, found, item), dropped=found.dropped, candidate=edges)

"""The main job: low-resolution images in, found faces, their boxes and identities out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from data.images.files import check_made, save_png
from data.images.rgb import RGB
from pipeline.detection.base import Detection
from pipeline.detection.choose import choose_faces
from pipeline.detection.passes import passes_of
from pipeline.detection.rates import Rates, chain_rates
from pipeline.detection.registry import check_detector, load_detector
from pipeline.engine.job import Images, Item
from pipeline.engine.journal import Row
from pipeline.evidence.marks import save_restored
from pipeline.inputs.sources import Source, cut_region
from pipeline.jobs.face_rows import UNTOUCHED, FaceRow, Status, with_degradation
from pipeline.jobs.face_settings import FaceSettings
from pipeline.report.drawing import side_by_side
from pipeline.upscalers.spread import restored_images

NOT_RESTORED: Final = "not restored"
"""What stands under the second view of an image that was large enough to be left alone."""


@dataclass(frozen=True)
class FindFaces(FaceSettings):
    """The settings of `detect`, and the job that the engine runs with them.

    `passes` None chooses from the size of the image that is searched. `pad` repeats the border
    by that share of the longer side, for crops so tight that the face touches the edge. `spread`
    writes where mirroring changes the restored image.
    """

    detector: str = "hog"
    passes: int | None = None
    pad: float = 0.0
    yunet_model: Path | None = None
    spread: bool = False

    def check(self) -> None:
        """See `Job.check`."""
        check_detector(self.detector, yunet_model=self.yunet_model)
        self.loaded_upscaler()

    def warm_up(self) -> None:
        """See `Job.warm_up`."""
        load_detector(self.detector, min_score=self.min_score, yunet_model=self.yunet_model)

    def read(self, source: Source) -> tuple[tuple[int, int], Images]:
        """See `Job.read`."""
        whole = source.load()
        size = (whole.shape[1], whole.shape[0])
        return size, {"input": cut_region(whole, source.region)}

    def enlarge(self, batch: Sequence[Item]) -> list[Images]:
        """See `Job.enlarge`; adds `sr` to the images that are below the size limit."""
        small = [item for item in batch if self._is_small(item.images["input"])]
        for item in small:
            height, width = item.images["input"].shape[:2]
            check_made(width, height, self.loaded_upscaler().scale)
        images = [item.images["input"] for item in small]
        restored = restored_images(self.loaded_upscaler(), images, spread=self.spread)
        made = {item.position: one for item, one in zip(small, restored, strict=True)}
        return [{**item.images, **made.get(item.position, {})} for item in batch]

    def _is_small(self, rgb: RGB) -> bool:
        return bool(min(rgb.shape[:2]) < self.upscale_below)

    def outputs(self, source: Source) -> list[str]:
        """See `WritingJob.outputs`."""
        folders = ("boxes", "sr", *(["spread"] if self.spread else []))
        return [f"{folder}/{source.output}" for folder in folders] if self.images else []

    def finish(self, item: Item) -> list[Row]:
        """See `Job.finish`: detect, identify, write the images."""
        image = item.images["input"]
        sr = item.images.get("sr", image)
        search = _Search(self, item, sr, scale=sr.shape[0] // image.shape[0])
        faces = search.faces()
        rows = search.rows(faces)
        seen: Sequence[Row] = [{} for _ in rows]
        if faces and self.identifier is None and not self.tracks:
            boxes = [face.box.scaled(1 / search.scale, 1 / search.scale) for face in faces]
            rows = with_degradation(rows, boxes, image)
        elif faces:
            from pipeline.jobs.identify_faces import Seen, look_at

            scale = search.scale
            found = [
                Seen(sr, f.box, f.landmarks, image, f.box.scaled(1 / scale, 1 / scale))
                for f in faces
            ]
            rows, seen = look_at(
                found,
                rows,
                identifier=self.identifier,
                tracks=self.tracks,
                given_track=item.source.track,
            )
        if self.images:
            self._write(item, sr, rows)
        return [{**asdict(row), **more} for row, more in zip(rows, seen, strict=True)]

    def _write(self, item: Item, sr: RGB, rows: Sequence[FaceRow]) -> None:
        left, top = region_offset(item.source)
        boxes = [box.shifted(-left, -top) for row in rows if (box := row.box()) is not None]
        labels = [row.label() for row in rows if row.face is not None]
        captions = ("input", "restored" if "sr" in item.images else NOT_RESTORED)
        pair = side_by_side(item.images["input"], sr, boxes, labels=labels, captions=captions)
        boxes_file = self.out / "boxes" / item.source.output
        if "sr" not in item.images:
            save_png(boxes_file, pair)
            return
        save_restored(boxes_file, pair, mark=self.mark, upscaler=self.upscaler)
        sr_file = self.out / "sr" / item.source.output
        save_restored(sr_file, sr, mark=self.mark, upscaler=self.upscaler)
        if "spread" in item.images:
            save_png(self.out / "spread" / item.source.output, item.images["spread"])

    def failure(self, source: Source, message: str) -> list[Row]:
        """See `Job.failure`."""
        return [asdict(FaceRow(source.key, "error", error=message))]


@dataclass(frozen=True)
class _Search:
    """The search of one image: `sr` is the input enlarged `scale` times."""

    job: FindFaces
    item: Item
    sr: RGB
    scale: int

    def faces(self) -> list[Detection]:
        """Faces that were asked for, boxes in pixels of `sr`."""
        check_made(self.sr.shape[1], self.sr.shape[0], 2 ** self.passes())
        margin = round(self.job.pad * max(self.sr.shape[:2]))
        searched = np.pad(self.sr, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
        detector = load_detector(
            self.job.detector, min_score=self.job.min_score, yunet_model=self.job.yunet_model
        )
        found = detector(searched, self.passes())
        height, width = self.sr.shape[:2]
        inside = [
            Detection(box, face.score)
            for face in found
            if (box := face.box.shifted(-margin, -margin).clipped(width, height)) is not None
        ]
        return choose_faces(inside, self.job.faces, width, height)

    def passes(self) -> int:
        """Passes as set, or chosen from the size of what is searched."""
        if self.job.passes is not None:
            return self.job.passes
        margin = 2 * round(self.job.pad * max(self.sr.shape[:2]))
        width, height = self.sr.shape[1] + margin, self.sr.shape[0] + margin
        return passes_of(self.job.detector, width, height)

    def rows(self, faces: Sequence[Detection]) -> list[FaceRow]:
        """One row for each face, or the one row of an image without faces."""
        status: Status = "none" if not faces else "one" if len(faces) == 1 else "many"
        width, height = self.item.size
        empty = FaceRow(
            self.item.source.key,
            status,
            width=width,
            height=height,
            upscaler=self.job.upscaler if "sr" in self.item.images else UNTOUCHED,
            scale=self.scale,
            detector=self.job.detector,
            passes=self.passes(),
        )
        if not faces:
            return [empty]
        as_measured = self.job.passes is None and not self.job.pad
        chain = (self.job.detector, str(empty.upscaler) if as_measured else "")
        rates = chain_rates(self.item.images["input"], *chain)
        return [self._row(empty, i, face, rates) for i, face in enumerate(faces)]

    def _row(self, empty: FaceRow, number: int, face: Detection, rates: Rates) -> FaceRow:
        box = face.box.scaled(1 / self.scale, 1 / self.scale).shifted(
            *region_offset(self.item.source)
        )
        score, rated = round(face.score, 6), rates.as_columns(face.score)
        return replace(empty, face=number, score=score, **rated, **asdict(box))


def region_offset(source: Source) -> tuple[float, float]:
    """Left and top edge of the manifest's region in the user's image."""
    if source.region is None:
        return (0, 0)
    return (max(0, round(source.region.left)), max(0, round(source.region.top)))

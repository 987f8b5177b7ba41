"""The Python API: one verb for each job, on paths, PIL images and arrays.

Users write `import sr_pipeline as sr`. The command line runs the same jobs. Restored images are
not evidence of identity.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from PIL import Image

from data.boxes import Box
from data.errors import ImageError, SrPipelineError, UsageError
from data.images.files import array_to_rgb, image_to_rgb, load_rgb
from data.images.rgb import RGB
from pipeline.detection.registry import load_detector
from pipeline.identity.gallery import Gallery
from pipeline.identity.gallery_cache import GalleryCache
from pipeline.jobs.faces import Face
from pipeline.jobs.run_folder import detect_to_folder
from pipeline.upscalers.loading import load_upscaler, upscaler_names

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.evaluation.evaluate import Evaluation

__all__ = [
    "Box",
    "Face",
    "Gallery",
    "SrPipelineError",
    "compare",
    "degrade",
    "detect",
    "detect_to_folder",
    "draw_faces",
    "evaluate",
    "identify",
    "load_detector",
    "load_image",
    "load_upscaler",
    "to_frame",
    "upscale",
    "upscaler_names",
]

ImageLike = str | os.PathLike[str] | Image.Image | np.ndarray[Any, Any]
"""A path, a PIL image, or an array `(H, W)`, `(H, W, 3)` or `(H, W, 4)` of uint8."""

Images = list[ImageLike] | list[Path] | list[str] | list[RGB] | tuple[ImageLike, ...]
"""Several images: a list or a tuple."""


def load_image(image: ImageLike) -> RGB:
    """Return an image as contiguous RGB, `(H, W, 3)` uint8 in [0, 255].

    Paths are read with their EXIF rotation applied; grey, palette, RGBA, CMYK and 16-bit images
    are converted. Raises `ImageError` for what is no image, is damaged, too small or too large.

    Examples:
        >>> load_image(np.zeros((16, 12), np.uint8)).shape
        (16, 12, 3)
    """
    if isinstance(image, np.ndarray):
        return array_to_rgb(image)
    if isinstance(image, Image.Image):
        return image_to_rgb(image)
    if not isinstance(image, str | os.PathLike):
        raise ImageError(f"a path, a PIL image or an array is needed, not {type(image).__name__}")
    return load_rgb(Path(image))


@overload
def detect(image: ImageLike, **settings: Any) -> list[Face]: ...  # noqa: ANN401
@overload
def detect(image: Images, **settings: Any) -> list[list[Face]]: ...  # noqa: ANN401
def detect(
    image: ImageLike | Images,
    *,
    upscaler: str = "gflmser",
    detector: str = "auto",
    gallery: Gallery | str | os.PathLike[str] | None = None,
    **settings: Any,
) -> list[Face] | list[list[Face]]:
    """Find the faces of one image or of several.

    Args:
        image: one image, or a sequence of images.
        upscaler: what restores small faces; see `load_upscaler`.
        detector: `auto` finds small faces; `hog` and `cnn` are the paper's.
        gallery: known people; each face then names the closest one.
        settings: every other option of `sr-pipeline detect`, with underscores: `faces`,
            `min_score`, `min_face`, `device`, `precision`, ...

    Returns:
        The faces of the image, best first, boxes in its pixels; a list of such lists for several.

    Raises:
        ImageError: an image cannot be read.
        ModelError: a model that is needed is missing.

    Examples:
        >>> detect(np.zeros((64, 64, 3), np.uint8), detector="hog", upscaler="bicubic")
        []
    """
    from pipeline.jobs.in_memory import rows_of

    images = _load_all(image)
    rows = rows_of(
        images,
        detector=detector,
        upscaler=upscaler,
        gallery=_gallery(gallery),
        settings=settings,
    )
    faces = [[Face.from_row(row) for row in own if row.get("face") is not None] for own in rows]
    return faces if isinstance(image, list | tuple) else faces[0]


def identify(
    image: ImageLike,
    *,
    gallery: Gallery | str | os.PathLike[str],
    **settings: Any,  # noqa: ANN401 - every option of `detect`
) -> list[Face]:
    """Find the faces of an image and the closest person of `gallery` for each.

    A name may be said only when `accepted` is true; the threshold depends on the size of the face
    and on the upscaler. Takes what `detect` takes. Raises `UsageError` for an empty gallery.

    Examples:
        >>> identify("probe.png", gallery="people/")  # doctest: +SKIP
    """
    return detect(image, gallery=gallery, **settings)


@overload
def upscale(image: ImageLike, upscaler: str = ..., *, device: str = ...) -> RGB: ...
@overload
def upscale(image: Images, upscaler: str = ..., *, device: str = ...) -> list[RGB]: ...
def upscale(
    image: ImageLike | Images, upscaler: str = "gflmser", *, device: str = "auto"
) -> RGB | list[RGB]:
    """Enlarge one image or several by the factor of the upscaler (4 for GFLmser).

    Returns RGB arrays, `(4H, 4W, 3)` uint8. Raises `ModelError` for an unknown upscaler.

    Examples:
        >>> upscale(np.zeros((8, 8, 3), np.uint8), "bicubic").shape
        (32, 32, 3)
    """
    images = _load_all(image)
    made = load_upscaler(upscaler, device=device)(images)
    return made if isinstance(image, list | tuple) else made[0]


def degrade(
    image: ImageLike, *, crop: float = 1.0, camera: str = "", seed: int = 0
) -> tuple[RGB, RGB]:
    """Make HR `(64, 64, 3)` and LR `(16, 16, 3)` of an image, as the paper's protocol does.

    `crop` is the central share of the middle square. `camera` names a degraded set, such as
    `jpeg40`; empty means bicubic alone. `seed` fixes what the camera draws.

    Examples:
        >>> [part.shape for part in degrade(np.zeros((80, 60, 3), np.uint8))]
        [(64, 64, 3), (16, 16, 3)]
    """
    from pipeline.jobs.degrade import Degradation

    rgb = load_image(image)
    key = Path(image).name if isinstance(image, str | os.PathLike) else "image"
    return Degradation(crop, camera=camera, seed=seed)(rgb, key)


def evaluate(
    predictions: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    *,
    truth_format: str | None = None,
    seed: int = 0,
) -> Evaluation:
    """Score a `detections.csv` against annotations: recall, precision, IoU, accuracy.

    Every figure has a 95 % bootstrap interval over images. Raises `UsageError` or `TruthError`
    with the line of what cannot be read.

    Examples:
        >>> evaluate("found/detections.csv", "truth.csv").summary  # doctest: +SKIP
    """
    from pipeline.evaluation.evaluate import evaluate as score

    return score(Path(predictions), Path(truth), format=truth_format, seed=seed)


def compare(
    inputs: Sequence[str | os.PathLike[str]],
    *,
    upscalers: Sequence[str] = ("bicubic", "gflmser"),
    out: str | os.PathLike[str] | None = None,
    crop: float = 1.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Degrade images to 16x16, restore them by each upscaler, and measure what is found again.

    Returns a table with a row for each upscaler: accuracy, IoU, PSNR, SSIM, LR consistency, and
    the ends of their 95 % intervals. With `out` the folder of `sr-pipeline compare` is written.
    Raises `UsageError` when no image is found.

    Examples:
        >>> compare(["photos/"], upscalers=["bicubic", "gflmser"])  # doctest: +SKIP
    """
    import pandas as pd

    from pipeline.jobs.in_memory import compare_rows

    words = tuple(str(Path(one)) for one in inputs)
    if out is not None:
        return pd.DataFrame(compare_rows(words, upscalers, Path(out), crop=crop, seed=seed))
    with tempfile.TemporaryDirectory(prefix="sr-compare-") as folder:
        made = compare_rows(words, upscalers, Path(folder) / "run", crop=crop, seed=seed)
    return pd.DataFrame(made)


def draw_faces(
    image: ImageLike, faces: Sequence[Face], *, enlarge: int | None = None
) -> Image.Image:
    """Return a copy of the image with each face outlined, and its name where it was accepted.

    Small images are enlarged by nearest neighbour so that a 16x16 face can be seen; `enlarge`
    sets the factor. A notebook shows the result.

    Examples:
        >>> draw_faces(np.zeros((16, 16, 3), np.uint8), [Face(box=Box(2, 2, 9, 9), score=1)]).size
        (256, 256)
    """
    from pipeline.report.drawing import draw_boxes

    rgb = load_image(image)
    factor = enlarge or max(1, 256 // max(rgb.shape[:2]))
    large = np.ascontiguousarray(rgb.repeat(factor, 0).repeat(factor, 1))
    boxes = [face.box.scaled(factor, factor) for face in faces]
    labels = [(face.identity or "") if face.accepted else f"{face.score:.2f}" for face in faces]
    return Image.fromarray(draw_boxes(large, boxes, labels=labels))


def to_frame(found: list[Face] | list[list[Face]] | pd.DataFrame) -> pd.DataFrame:
    """Return faces as a pandas table, a row for each face.

    Takes what `detect` returns, for one image or for several (then with a column `number` that
    counts the images). A table, as `compare` returns, is returned as it is.

    Examples:
        >>> list(to_frame([Face(box=Box(0, 0, 4, 4), score=1.0)])["right"])
        [4]
    """
    import pandas as pd

    if isinstance(found, pd.DataFrame):
        return found
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(found):
        if isinstance(one, Face):
            rows.append(_row(one))
        elif isinstance(one, list):
            rows.extend({"number": number, **_row(face)} for face in one)
    columns = ["left", "top", "right", "bottom", "score"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def _row(face: Face) -> dict[str, Any]:
    box = face.box
    edges = {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom}
    named = {"identity": face.identity, "distance": face.distance, "accepted": face.accepted}
    known = {key: value for key, value in named.items() if value is not None}
    return {**edges, "score": face.score, **known, **face.details}


def _load_all(image: ImageLike | Images) -> list[RGB]:
    return [load_image(one) for one in (image if isinstance(image, list | tuple) else [image])]


def _gallery(gallery: Gallery | str | os.PathLike[str] | None) -> Gallery | None:
    if gallery is None or isinstance(gallery, Gallery):
        return gallery
    folder = Path(gallery)
    if not folder.is_dir():
        raise UsageError(f"{folder}: the gallery is a folder with one folder per person")
    return Gallery.from_folder(folder, cache=GalleryCache.of_user())

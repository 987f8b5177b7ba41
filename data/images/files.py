"""Pictures in and out: one `load_rgb`, the only way in, and one `save_png`, the only way out."""

import io
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from data.atomic import whole_file
from data.errors import ImageError
from data.images.rgb import RGB

MIN_SIDE: Final = 4
MAX_PIXELS: Final = 120_000_000
_COMMON_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp"})
_OTHER_SUFFIXES: Final = frozenset({".bmp", ".dib", ".tif", ".tiff", ".jp2", ".avif", ".tga"})
_NETPBM_SUFFIXES: Final = frozenset({".ppm", ".pgm", ".pbm", ".pnm"})
IMAGE_SUFFIXES: Final = _COMMON_SUFFIXES | _OTHER_SUFFIXES | _NETPBM_SUFFIXES

_SIXTEEN_BIT: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I"})


def load_rgb(path: Path) -> RGB:
    """Read any picture as contiguous uint8 RGB, `(H, W, 3)`.

    Grey, palette, RGBA (over white), CMYK, 16-bit and float pictures are converted; the EXIF
    rotation is applied; of several frames the first is taken. Raises ImageError, on one line,
    for whatever is not a whole picture of at least 4x4 and at most 120 million pixels.
    """
    try:
        with path.open("rb") as file:
            return _decode(file.read())
    except ImageError:
        raise
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error


def _decode(content: bytes) -> RGB:
    if not content:
        raise ImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(content)) as picture:
            _check_size(*picture.size)
            # face_recognition sets this for the whole process: half a picture would pass as grey.
            ImageFile.LOAD_TRUNCATED_IMAGES = False
            picture.load()
            return _to_rgb(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError:
        raise ImageError("not a picture that Pillow can read") from None
    except Image.DecompressionBombError:
        raise ImageError(f"more than {MAX_PIXELS // 1_000_000} million pixels") from None
    except ImageError:
        raise
    # Pillow's decoders raise almost anything on damaged files (SyntaxError, struct.error, ...).
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"damaged picture: {reason}") from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise ImageError(f"{width}x{height} pixels; the limit is {limit} million")
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{width}x{height} pixels is too small, at least {MIN_SIDE}x{MIN_SIDE}")


def _to_rgb(picture: Image.Image) -> RGB:
    if picture.mode in _SIXTEEN_BIT:
        return _grey_to_rgb(np.asarray(picture, dtype=np.float64) / 257)
    if picture.mode == "F":
        grey = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        return _grey_to_rgb(grey * 255 if grey.max() <= 1 else grey)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(picture.convert("RGB"), dtype=np.uint8)


def _grey_to_rgb(grey: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> RGB:
    level = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(level[:, :, None], 3, axis=2))


def image_to_rgb(image: Image.Image) -> RGB:
    """A PIL image of any mode as `(H, W, 3)` uint8; transparency lies on white.

    Raises ImageError when it is too small or too large.
    """
    _check_size(*image.size)
    return _to_rgb(image)


def array_to_rgb(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> RGB:
    """An array `(H, W)`, `(H, W, 1)`, `(H, W, 3)` or `(H, W, 4)` as `(H, W, 3)` uint8.

    Raises ImageError for another shape or for values that are not uint8.
    """
    if array.dtype != np.uint8:
        raise ImageError(f"an image array must be uint8 in [0, 255], not {array.dtype}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(f"an image array is (H, W) or (H, W, 3), not {array.shape}")
    return image_to_rgb(Image.fromarray(np.ascontiguousarray(array)))


def save_png(path: Path, rgb: RGB) -> None:
    """Write `(H, W, 3)` uint8 as PNG, whole; raises OutputError when that is not possible."""
    with whole_file(path) as temporary:
        Image.fromarray(rgb).save(temporary, format="PNG", compress_level=1)

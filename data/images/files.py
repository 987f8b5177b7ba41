"""Images in and out: one `load_rgb`, the only way in, and one `save_png`, the only way out."""

import ctypes
import functools
import io
import logging
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError, _imaging

from data.atomic import whole_file
from data.errors import ImageError
from data.images.rgb import RGB
from data.regular_files import Stamp, read_stamped, reason
from data.safe_text import one_line

MIN_SIDE: Final = 4
MAX_PIXELS: Final = 120_000_000
MAX_MADE_PIXELS: Final = 250_000_000
"""The most pixels that an image may have after it was enlarged, or doubled for a search."""
_COMMON_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp"})
_OTHER_SUFFIXES: Final = frozenset({".bmp", ".dib", ".tif", ".tiff", ".jp2", ".avif", ".tga"})
_NETPBM_SUFFIXES: Final = frozenset({".ppm", ".pgm", ".pbm", ".pnm"})
IMAGE_SUFFIXES: Final = _COMMON_SUFFIXES | _OTHER_SUFFIXES | _NETPBM_SUFFIXES

MAX_BYTES: Final = 1 << 30
"""The largest image file that is read: 1 GiB."""

_SIXTEEN_BIT: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I"})
_FORMATS: Final = (
    *("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "JPEG2000", "AVIF", "TGA", "PPM"),
)
"""The formats of `IMAGE_SUFFIXES`; Pillow's others are never tried (EPS starts Ghostscript)."""
_FIRST_FRAME: Final = "only the first frame was used"


def suffix_of(name: str) -> str:
    """The suffix in lower case, also of names that begin with dots (`..jpg`)."""
    stem, dot, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """An image with what identifies its file and what a reader of the result should know."""

    rgb: RGB
    stamp: Stamp
    """Of the very bytes that were decoded."""
    note: str = ""
    """Empty, or one line: only the first of several frames was used, 12-bit values, and so on."""


def load_rgb(path: Path) -> RGB:
    """Read any image as contiguous uint8 RGB, `(H, W, 3)`; see `load_image`."""
    return load_image(path).rgb


def load_image(path: Path) -> LoadedImage:
    """Read any image of the formats of `IMAGE_SUFFIXES`, whatever its suffix says.

    Grey, palette, RGBA (over white), CMYK, 16-bit and float images are converted; the EXIF
    rotation is applied; of several frames the first is taken. Raises ImageError, on one line,
    for whatever is not a regular file that holds a whole image of at least 4x4 and at most 120
    million pixels.
    """
    try:
        content, stamp = read_stamped(path, limit=MAX_BYTES)
    except OSError as error:
        raise ImageError(f"cannot be read: {one_line(reason(error))}") from error
    rgb, note = _decode(content)
    return LoadedImage(rgb, stamp, note)


def check_made(width: int, height: int, times: int) -> None:
    """Raise ImageError when an image enlarged `times` on each side would have too many pixels."""
    if width * height * times * times > MAX_MADE_PIXELS:
        raise ImageError(
            f"{width}x{height} enlarged {times} times is more than "
            f"{MAX_MADE_PIXELS // 1_000_000} million pixels"
        )


def open_image(content: bytes) -> ImageFile.ImageFile:
    """Open encoded bytes by the formats of `IMAGE_SUFFIXES` alone; raises what Pillow raises."""
    return Image.open(io.BytesIO(content), formats=image_formats())


@functools.cache
def image_formats() -> tuple[str, ...]:
    """Pillow's names of the formats that may be opened, for `Image.open(formats=...)`."""
    # Warnings of Pillow and its libraries name their own files and lines, never the image.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL + 1)
    _silence_libtiff()
    # An import registers the format; `Image.init` would register every other one, too.
    from PIL import (  # noqa: F401
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        Jpeg2KImagePlugin,
        JpegImagePlugin,
        MpoImagePlugin,
        PngImagePlugin,
        PpmImagePlugin,
        TgaImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _silence_libtiff() -> None:
    """Keep libtiff, which Pillow carries, from writing to stderr; Pillow raises what it says."""
    with suppress(OSError, AttributeError):  # Windows: it is part of Pillow, and not to be reached
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            set_handler = getattr(library, name)
            set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            set_handler(None)


def _decode(content: bytes) -> tuple[RGB, str]:
    if not content:
        raise ImageError("the file is empty")
    try:
        with open_image(content) as image:
            _check_size(*image.size)
            # face_recognition sets this for the whole process: half an image would pass as grey.
            ImageFile.LOAD_TRUNCATED_IMAGES = False
            image.load()
            rgb, note = _to_rgb(_upright(image))
            return rgb, "; ".join(filter(None, (note, _frames(image))))
    except UnidentifiedImageError:
        raise ImageError("not an image that Pillow can read") from None
    except Image.DecompressionBombError:
        raise ImageError(f"more than {MAX_PIXELS // 1_000_000} million pixels") from None
    except ImageError:
        raise
    # Pillow's decoders raise almost anything on damaged files (SyntaxError, struct.error, ...).
    except Exception as error:
        why = one_line(error) or type(error).__name__
        raise ImageError(f"damaged image: {why}") from error


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF that is no EXIF: the pixels are good
        return image


def _frames(image: Image.Image) -> str:
    # A camera's MPO holds previews beside its one photograph.
    if image.format == "MPO":
        return ""
    try:
        return _FIRST_FRAME if getattr(image, "is_animated", False) else ""
    except Exception:  # what follows the first frame is damaged
        return _FIRST_FRAME


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise ImageError(f"{width}x{height} pixels; the limit is {limit} million")
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{width}x{height} pixels is too small, at least {MIN_SIDE}x{MIN_SIDE}")


def _to_rgb(image: Image.Image) -> tuple[RGB, str]:
    if image.mode in _SIXTEEN_BIT:
        return _from_sixteen_bit(np.asarray(image, dtype=np.float64))
    if image.mode == "F":
        with np.errstate(all="ignore"):  # NaN of every kind, and numbers near the largest
            grey = np.nan_to_num(np.asarray(image, dtype=np.float64))
            return _grey_to_rgb(grey * 255 if grey.max() <= 1 else grey), ""
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(image.convert("RGB"), dtype=np.uint8), ""


def _from_sixteen_bit(grey: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[RGB, str]:
    """Cameras store 8 and 12 bits in files of 16: scaled by 65535 they would be black."""
    highest = float(grey.max())
    for bits in (8, 12):
        if highest < 2**bits:
            note = f"16-bit values end at {highest:.0f}: taken as {bits}-bit"
            return _grey_to_rgb(grey * 255 / (2**bits - 1)), note
    return _grey_to_rgb(grey / 257), ""


def _grey_to_rgb(grey: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> RGB:
    level = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(level[:, :, None], 3, axis=2))


def image_to_rgb(image: Image.Image) -> RGB:
    """A PIL image of any mode as `(H, W, 3)` uint8; transparency lies on white.

    Raises ImageError when it is too small or too large.
    """
    _check_size(*image.size)
    return _to_rgb(image)[0]


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

"""Image quality on uint8 RGB arrays: PSNR, SSIM, and agreement with the input (LR consistency).

Every figure is per image, on arrays rounded to uint8, without shaving a border; a set's figure
is the mean over its images. Two identical images have an infinite PSNR, which would swallow
every mean it enters: PSNR is therefore capped at `PSNR_CAP`. One grey level wrong in one sample of
a 64x64 image is 89 dB, so that at this size the cap is reached by identical images alone.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.errors import ImageError
from data.images.rgb import RGB
from pipeline.metrics.base import Metric

PSNR_CAP: Final = 100.0
"""Decibels that stand for "identical"."""
SSIM_WINDOW: Final = 11
"""Side of SSIM's Gaussian window: no image below it has an SSIM."""

_LUMA: Final = np.array([65.481, 128.553, 24.966]) / 255.0


def luma(rgb: RGB) -> NDArray[np.float64]:
    """Y of YCbCr (ITU-R BT.601, studio range), `(H, W)` in [16, 235], not rounded."""
    return rgb @ _LUMA + 16.0


def psnr_rgb(sr: RGB, hr: RGB) -> float:
    """PSNR in dB over the three channels together, peak 255, at most `PSNR_CAP`."""
    _same_shape(sr, hr)
    difference = sr.astype(np.float64) - hr
    return _decibels(float(np.mean(np.square(difference))))


def psnr_y(sr: RGB, hr: RGB) -> float:
    """PSNR in dB of the luma, peak 255, at most `PSNR_CAP`.

    Luma spans 219 of the 255 levels: on the same pair it reads about 1.3 dB above `psnr_rgb`.
    """
    _same_shape(sr, hr)
    difference = (sr.astype(np.float64) - hr) @ _LUMA
    return _decibels(float(np.mean(np.square(difference))))


def ssim_y(sr: RGB, hr: RGB) -> float:
    """SSIM of the luma in [-1, 1] as Wang et al. (2004) define it, by scikit-image.

    Gaussian window 11x11 of sigma 1.5, K1 0.01, K2 0.03, L 255, population covariance; the mean
    runs over windows that lie wholly inside. Raises `ImageError` below 11 px.
    """
    _same_shape(sr, hr)
    return _ssim(luma(sr), luma(hr))


def lr_consistency(sr: RGB, lr: RGB) -> float:
    """PSNR (RGB) in dB between `sr`, reduced to the size of `lr` by Pillow's bicubic, and `lr`.

    A restorer that invents what the input does not hold scores low here.
    """
    if sr.shape == lr.shape:
        return psnr_rgb(sr, lr)
    size = (lr.shape[1], lr.shape[0])
    reduced = Image.fromarray(sr).resize(size, Image.Resampling.BICUBIC)
    return psnr_rgb(np.asarray(reduced), lr)


def _same_shape(a: RGB, b: RGB) -> None:
    if a.shape != b.shape:
        raise ImageError(f"images of different sizes cannot be compared: {a.shape}, {b.shape}")
    if a.dtype != np.uint8 or b.dtype != np.uint8:
        raise ImageError(f"images must be uint8 to be compared, not {a.dtype} and {b.dtype}")


def _decibels(mse: float) -> float:
    if mse == 0.0:
        return PSNR_CAP
    return float(min(PSNR_CAP, 10.0 * np.log10(255.0**2 / mse)))


def _ssim(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
    from skimage.metrics import structural_similarity

    if min(a.shape) < SSIM_WINDOW:
        raise ImageError(f"SSIM needs at least {SSIM_WINDOW} px a side; the image is {a.shape}")
    index: float = structural_similarity(  # type: ignore[no-untyped-call]
        a,
        b,
        data_range=255.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        K1=0.01,
        K2=0.03,
    )
    return float(index)


PSNR_RGB: Final = Metric(
    key="psnr_rgb",
    title="PSNR RGB",
    hint="dB against HR, over the three channels",
    compute=lambda images: psnr_rgb(images.sr, images.hr),
    unit="dB",
    digits=2,
    cap=PSNR_CAP,
)
PSNR_Y: Final = Metric(
    key="psnr_y",
    title="PSNR Y",
    hint="dB against HR, luma (BT.601)",
    compute=lambda images: psnr_y(images.sr, images.hr),
    unit="dB",
    digits=2,
    cap=PSNR_CAP,
)
SSIM: Final = Metric(
    key="ssim",
    title="SSIM",
    hint="structural similarity to HR, luma",
    compute=lambda images: ssim_y(images.sr, images.hr),
)
LR_CONSISTENCY: Final = Metric(
    key="lr_consistency",
    title="LR consist.",
    hint="dB between the restored image, reduced, and LR",
    compute=lambda images: lr_consistency(images.sr, images.lr),
    unit="dB",
    digits=2,
    cap=PSNR_CAP,
)

"""What a camera may do to a face: the `[camera]` table of a training's TOML.

Lengths are in HR pixels (4 of them are one LR pixel of the usual 64 to 16), amounts of light in
[0, 1]. `review` is the project's own review of real images (docs/lab-notes/restoration.md), GFPGAN,
CodeFormer, BSRGAN, Real-ESRGAN and RealBasicVSR the training options that their authors published.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Camera:
    """Ranges and chances of each step; each value is drawn anew for every sample.

    Raises ValueError for a chance outside [0, 1] or a range that falls.
    """

    turned: float = 0.5
    """Chance that the head is turned in the plane and stretched, on LR and target alike."""
    turn: float = 6.0
    """Standard deviation of that turn, degrees (review)."""
    aspect: Range = (0.87, 1.15)
    """Width for height after it, log-uniform (review)."""
    light: float = 0.6
    """Chance of another light on the scene, on LR and target alike (review)."""
    gain: Range = (0.35, 1.4)
    """Exposure, log-uniform (review: surveillance is rather dark than bright)."""
    gamma: Range = (0.7, 1.6)
    """Of the scene, uniform (review)."""
    white_balance: Range = (0.85, 1.15)
    """Of each channel, uniform (review; GFPGAN shifts colours by up to 20/255)."""
    grey: float = 0.03
    """Chance of a scene without colour (GFPGAN: 0.01; more, for infra-red at night)."""
    blur_shares: tuple[float, ...] = (0.40, 0.22, 0.10, 0.08)
    """Isotropic, anisotropic, motion, defocus; the rest is sharp (review, but a fifth is sharp)."""
    isotropic: Range = (0.4, 5.0)
    """Sigma in HR px, log-uniform (review; CodeFormer's .1-10 at 512 px is less)."""
    anisotropic: Range = (0.4, 6.0)
    """Both sigmas in HR px, log-uniform, at any angle (BSRGAN)."""
    motion: Range = (2.0, 14.0)
    """Length of a straight path in HR px, uniform (review)."""
    defocus: Range = (1.0, 5.0)
    """Radius of a disc in HR px, uniform (review)."""
    own_grid: float = 0.5
    """Chance that the camera's grid is LR's own: `detect` cuts faces at native pixels."""
    grid: Range = (0.7, 1.6)
    """Else pixels of the camera for one of LR, uniform (review; Real-ESRGAN resizes by .3-1.5)."""
    kernels: tuple[float, ...] = (0.25, 0.25, 0.25, 0.10, 0.15)
    """Shares of area, bilinear, bicubic, Lanczos, and every n-th pixel unfiltered (review)."""
    noise: float = 0.7
    """Chance of noise of variance `shot` x + `read` squared (review)."""
    shot: Range = (1e-4, 4e-3)
    """Log-uniform (review; Real-ESRGAN's Poisson noise, BSRGAN's 10^2 to 10^4 photons)."""
    read: Range = (0.002, 0.08)
    """Log-uniform; 0.08 is 20/255 (GFPGAN: 0-20/255; review: 0.05)."""
    grey_noise: float = 0.4
    """Chance that noise is alike in all channels (BSRGAN, Real-ESRGAN: 0.4)."""
    correlated_noise: float = 0.3
    """Chance that noise is smoothed by 3x3, as demosaicking leaves it (review)."""
    denoise: float = 0.25
    """Chance of the camera's own smoothing, half median and half bilateral 3x3 (review)."""
    sharpen: float = 0.20
    """Chance of unsharp masking (review)."""
    sharpening: Range = (0.2, 1.2)
    """Its amount, uniform (review)."""
    jpeg: float = 0.7
    """Chance of a JPEG on the frame's grid (review: 0.8)."""
    quality: Range = (25.0, 95.0)
    """Uniform (Real-ESRGAN and BSRGAN: 30-95)."""
    subsampled: float = 0.8
    """Share of 4:2:0 among JPEGs; the rest is 4:4:4 (review)."""
    again: float = 0.25
    """Chance of a second generation: resized and saved once more (review: 0.3)."""
    again_scale: Range = (0.7, 1.4)
    """Pixels of the second generation for one of the first, uniform (review)."""
    video: float = 0.08
    """Chance of H.264 in place of the first JPEG; 4 ms a sample (RealBasicVSR)."""
    video_quantiser: Range = (26.0, 42.0)
    """Constant QP of H.264: what bitrates of 1e4-1e5 come to at these sizes."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and field.name != "turn" and not 0 <= value <= 1:
                raise ValueError(f"'{field.name}' is a chance, but {value} is not in [0, 1]")
            if field.type == "Range" and not 0 < value[0] <= value[1]:
                raise ValueError(f"'{field.name}' must be two rising positive numbers")
        if self.turn < 0:
            raise ValueError("'turn' is a standard deviation and not negative")
        if len(self.blur_shares) != 4 or sum(self.blur_shares) > 1 + 1e-9:
            raise ValueError("'blur_shares' are four shares that sum to at most 1")
        if len(self.kernels) != 5 or abs(sum(self.kernels) - 1) > 1e-6:
            raise ValueError("'kernels' are five shares that sum to 1")

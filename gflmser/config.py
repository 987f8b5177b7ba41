"""Every choice of a GFLmser as frozen dataclasses: the networks, the data, the training."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from gflmser.camera.config import Camera
from gflmser.names import checked_name

GateMode = Literal["none", "add", "correlation"]
GateScope = Literal["channel", "sample"]
SkipSource = Literal["none", "hr", "hr32", "upsampled", "recurrent", "internal"]
Upsampling = Literal["deconv", "shuffle"]
SkipFeature = Literal["inner", "input"]
Initialisation = Literal["torch", "authors"]

GFLMSER_ONLY: Final = MappingProxyType({"method": "gflmser"})
"""Metadata of a key that the configuration of another method refuses."""

ORACLE_SOURCES: Final[frozenset[str]] = frozenset({"hr", "hr32"})
"""Skip sources that look at the ground truth: for reproducing the paper, never for a user."""

Modules = Literal[7, 5]
Order = Literal["drawn", "epochs"]
Batching = Literal["auto", "samples", "device"]

_L2H_LEVELS: Final[dict[Modules, tuple[int, ...]]] = {
    7: (16, 8, 4, 8, 16, 32, 64),
    5: (16, 8, 16, 32, 64),
}


LARGEST_SEED: Final = 2**32 - 1
_LARGEST_BATCH: Final = 65_536
_WIDEST: Final = 2048
_DEEPEST: Final = 64
_MOST_WEIGHTS: Final = 1_000_000_000
"""A network with more parameters than this is a mistake, or an attack by a card."""


def check_seed(seed: int) -> None:
    """Raise ValueError for a seed that the generators do not take."""
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"seed must be from 0 to {LARGEST_SEED}")


@dataclass(frozen=True, slots=True)
class Widths:
    """Channels at each resolution; the paper has 64 everywhere."""

    r64: int = 64
    r32: int = 64
    r16: int = 64
    r8: int = 64
    r4: int = 64

    def __post_init__(self) -> None:
        if not all(1 <= width <= _WIDEST for width in self.all()):
            raise ValueError(f"widths must be from 1 to {_WIDEST}")

    def all(self) -> tuple[int, ...]:
        """Channels from 64 pixels down to 4."""
        return (self.r64, self.r32, self.r16, self.r8, self.r4)

    def at(self, resolution: int) -> int:
        """Channels at `resolution`, one of 64, 32, 16, 8, 4."""
        return int(getattr(self, f"r{resolution}"))


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The two mirrored networks and what joins them; the defaults are the paper's."""

    widths: Widths = field(default_factory=Widths)
    modules: Modules = 7
    """M, modules of each network: 7 in the paper, 5 in the authors' v1 code, which stops at 8x8."""
    groups: int = 2
    """N, groups in each module."""
    blocks: int = 2
    """S, blocks in each group."""
    upsampling: Upsampling = "deconv"
    """Transposed convolution 4x4, or convolution 3x3 and pixel shuffle."""
    bicubic_residual: bool = False
    """Networks predict what is to be added to the bicubic image; replaces the final tanh."""
    group_residual: bool = True
    """A group adds its input to its output although its blocks have done so (authors' code)."""
    initialisation: Initialisation = "torch"
    """Of block and rescaling convolutions: torch's, or N(0, 0.01) as the authors' v1 code has it.

    With `group_residual` torch's saturates both final tanh, and nothing is learnt.
    """
    skip_feature: SkipFeature = "inner"
    """X of a group: its output before its own residual (authors' code), or its input (eq. 1)."""
    gate: GateMode = "correlation"
    gate_scope: GateScope = "channel"
    gate_centred: bool = True
    """Pearson's correlation (authors' code); else the cosine of eq. 3."""
    gate_tanh: bool = False
    """Lmser's fast lane: tanh(gamma rho) in place of rho."""
    tied: bool = False
    """DCW: every group convolution of L2H is the transpose of its mirror in H2L."""
    source: SkipSource = "upsampled"
    """What H2L sees when L2H restores, in training and in use alike."""
    passes: int = 1
    """k of the source `recurrent`; 1 for all others."""
    judge_width: int = 64
    """Channels of the discriminator."""
    noise: bool = True
    """H2L has a channel of Gaussian noise beside the image."""
    trunk: int = 0
    """Layers of the large L2H, which has no hourglass (`gflmser.trunk`); 0 for the paper's."""
    modulation: int = 0
    """Length of a Gaussian code that scales and shifts every channel of H2L; ours, 0 for none."""

    def __post_init__(self) -> None:
        if min(self.groups, self.blocks, self.passes, self.judge_width) < 1:
            raise ValueError("groups, blocks, passes and judge_width must be at least 1")
        if min(self.modulation, self.trunk) < 0:
            raise ValueError("modulation and trunk are lengths, 0 for none")
        if self.trunk and not (self.source == "none" and self.bicubic_residual):
            raise ValueError("a trunk has no skips and adds to bicubic: source 'none'")
        if max(self.groups, self.blocks, self.passes) > _DEEPEST or self.judge_width > _WIDEST:
            raise ValueError(
                f"groups, blocks and passes are at most {_DEEPEST}, judge_width {_WIDEST}"
            )
        convolutions = 2 * self.modules * self.groups * self.blocks
        if convolutions * 9 * max(self.widths.all()) ** 2 > _MOST_WEIGHTS:
            raise ValueError(f"a network of more than {_MOST_WEIGHTS:,} parameters")
        if self.passes > 1 and self.source != "recurrent":
            raise ValueError("only the skip source 'recurrent' takes more than one pass")
        if (self.source == "none") != (self.gate == "none"):
            raise ValueError("gate 'none' and skip source 'none' go together")

    @property
    def levels(self) -> tuple[int, ...]:
        """Resolution of each module of L2H for a 16x16 input; H2L is its mirror."""
        return _L2H_LEVELS[self.modules]

    @property
    def oracle(self) -> bool:
        """Whether restoring needs the ground truth."""
        return self.source in ORACLE_SOURCES


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One prepared cache and how faces are cut from it."""

    path: str
    weight: float = 1.0
    crop: tuple[float, float] = (1.0, 1.0)
    """The share of the side that is cut out is drawn between these two."""
    jitter: float = 0.0
    """How far the cut may move off the centre, as a share of its own side."""

    def __post_init__(self) -> None:
        if not 0 < self.crop[0] <= self.crop[1] <= 1:
            raise ValueError("crop must be two rising shares of at most 1")
        if self.weight <= 0 or self.jitter < 0:
            raise ValueError("weight must be positive and jitter not negative")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """What is trained on and validated on."""

    sources: tuple[SourceConfig, ...] = ()
    validation: str = ""
    """A prepared cache of 250x250-framed images; empty for no validation."""
    validation_images: int = 256
    validation_crops: tuple[float, ...] = (1.0, 0.55)
    real_lr: str = ""
    """A prepared cache of real low-resolution faces, unpaired, for the discriminator."""
    camera: float = 0.0
    """Share of samples whose LR comes from the camera chain."""
    order: Order = "drawn"
    """Images drawn with replacement by the sources' weights, or every image once an epoch."""
    batching: Batching = "auto"
    """Samples made one at a time by Pillow, or together on the device; `auto`: there on CUDA."""
    h2l: float = field(default=0.0, metadata=GFLMSER_ONLY)
    """Share of samples whose LR comes from H2L; the rest is bicubic."""

    def __post_init__(self) -> None:
        if min(self.camera, self.h2l) < 0 or self.camera + self.h2l > 1:
            raise ValueError("camera and h2l are shares that sum to at most 1")


Net = Literal["h2l", "l2h", "discriminator"]
GanLoss = Literal["vanilla", "least_squares"]
PixelLoss = Literal["mse", "charbonnier", "psnr"]
Schedule = Literal["constant", "cosine", "linear", "step"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True, slots=True)
class PhaseConfig:
    """A stretch of training: which networks learn, and from which losses."""

    name: str
    length: int
    """Steps, or epochs where `training.epoch_images` is set."""
    trains: tuple[str, ...] = ("h2l", "l2h", "discriminator")
    lr_pixel: float = 0.0
    """Weight of eq. 5: H2L's image against the bicubic one."""
    gan: float = 0.0
    """Weight of eq. 4: H2L's image against real low-resolution faces."""
    gan_penalty: float = field(default=0.0, metadata=GFLMSER_ONLY)
    """Weight of the discriminator's squared gradient at real images; ours, 0 in the paper."""
    hr_pixel: float = 0.0
    """Weight of eq. 6: L2H's image against the ground truth."""
    joint: bool = field(default=False, metadata=GFLMSER_ONLY)
    """The restorer's loss reaches H2L through its image too, not through the skips alone."""
    diversity: float = field(default=0.0, metadata=GFLMSER_ONLY)
    """Weight of what two draws of H2L must differ by (at most `diversity_cap`); ours."""
    diversity_cap: float = field(default=0.05, metadata=GFLMSER_ONLY)
    """Mean absolute difference, in [-1, 1], beyond which two draws differ enough."""
    teacher: float = field(default=0.0, metadata=GFLMSER_ONLY)
    """Share of the target that is the teacher's image in place of the ground truth; ours."""
    hr_detector: float = field(default=0.0, metadata=GFLMSER_ONLY)
    """Weight of the oriented gradients that a HOG detector sees; ours, 0 in the paper."""

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"phase '{self.name}': length must be at least 1")
        weights = (self.lr_pixel, self.gan, self.gan_penalty, self.hr_pixel, self.hr_detector)
        if min(*weights, self.diversity) < 0:
            raise ValueError(f"phase '{self.name}': a loss weight is negative")
        if not 0 <= self.teacher <= 1:
            raise ValueError(f"phase '{self.name}': teacher is a share from 0 to 1")


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """Adam for one network."""

    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    milestones: tuple[int, ...] = ()
    """Where the `step` schedule divides the rate by ten; steps or epochs as phases have."""

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 100 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError("rate must be from 0 to 100, betas from 0 to below 1")


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How the networks learn."""

    phases: tuple[PhaseConfig, ...] = ()
    batch: int = 32
    """Samples in one step, over all processes together."""
    epoch_images: int = 0
    """Images in an epoch; 0 where lengths are given in steps."""
    schedule: Schedule = "cosine"
    warm_up: int = 0
    """Steps over which a rate rises from nothing, counted from where its network starts."""
    h2l: OptimiserConfig = field(default_factory=OptimiserConfig, metadata=GFLMSER_ONLY)
    l2h: OptimiserConfig = field(default_factory=OptimiserConfig, metadata=GFLMSER_ONLY)
    discriminator: OptimiserConfig = field(default_factory=OptimiserConfig, metadata=GFLMSER_ONLY)
    gan_loss: GanLoss = field(default="vanilla", metadata=GFLMSER_ONLY)
    hr_loss: PixelLoss = field(default="mse", metadata=GFLMSER_ONLY)
    clip: float = 0.0
    """Largest norm of a network's gradient; 0 for no limit."""
    ema: float = 0.0
    """Decay of the averaged weights; 0 for none."""
    precision: Precision = "32-true"
    """`16-mixed` is for CUDA alone; `bf16-mixed` also for a CPU, if it has AVX512-BF16 or AMX."""
    channels_last: bool = True
    """Channels innermost in memory: faster in convolutions of a CPU and of tensor cores."""
    fused: bool = False
    """Adam in one kernel; for CUDA. Not with 16-mixed, whose gradients are unscaled outside."""
    compiled: bool = False
    """`torch.compile` for the networks; some minutes of start, then fewer, larger kernels."""
    validate_minutes: float = 10.0
    checkpoint_minutes: float = 3.0

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= _LARGEST_BATCH:
            raise ValueError(f"batch must be from 1 to {_LARGEST_BATCH}")
        if not 0 <= self.ema < 1 or self.clip < 0:
            raise ValueError("ema is a decay below 1 and clip is not negative")
        if self.fused and self.precision == "16-mixed":
            raise ValueError("fused cannot be used with 16-mixed; bf16-mixed needs no loss scale")

    def steps(self, length: int) -> int:
        """A length of the configuration in optimiser steps."""
        return length * max(1, self.epoch_images // self.batch) if self.epoch_images else length

    @property
    def total_steps(self) -> int:
        """Steps of all phases together."""
        return sum(self.steps(phase.length) for phase in self.phases)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole training: what `sr-pipeline train` reads."""

    method: Literal["gflmser"] = "gflmser"
    name: str = "gflmser"
    seed: int = 0
    start: str = ""
    """Weights to go on from, a shipped name or a file: networks alone, no state of optimisers."""
    teacher: str = ""
    """Weights whose images a phase with `teacher` learns from, a shipped name or a file; ours."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    data: DataConfig = field(default_factory=DataConfig)
    camera: Camera = field(default_factory=Camera)
    """What the camera of `data.camera` does."""
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        checked_name(self.name)
        check_seed(self.seed)

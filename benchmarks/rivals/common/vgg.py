"""VGG19 features from a weight file that the user names, for SRGAN's perceptual loss."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, cast

import torch
from torch import Tensor, nn

from data.errors import ModelError
from pipeline.upscalers.inference.state_dicts import read_state

Layer = Literal["conv2_2", "conv5_4"]

_PLAN: Final = (64, 64, 0, 128, 128, 0, *[256] * 4, 0, *[512] * 4, 0, *[512] * 4)
"""Channels of each convolution; 0 halves the size."""
_CONVOLUTIONS: Final = {"conv2_2": 4, "conv5_4": 16}
_MEAN: Final = (0.485, 0.456, 0.406)
_DEVIATION: Final = (0.229, 0.224, 0.225)


class VggFeatures(nn.Module):
    """`(N, 3, H, W)` in [-1, 1] to the features of one layer after its ReLU; never learns."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, left = 3, _CONVOLUTIONS[layer]
        for width in _PLAN:
            if not left:
                break
            if width:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels, left = width, left - 1
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer(
            "deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1), persistent=False
        )

    def forward(self, image: Tensor) -> Tensor:
        """Features; the image is normalised as ImageNet's were."""
        mean, deviation = cast(Tensor, self.mean), cast(Tensor, self.deviation)
        return cast(Tensor, self.features(((image.float() + 1) / 2 - mean) / deviation))


def load_vgg(path: Path, layer: Layer) -> VggFeatures:
    """The features with the weights of torchvision's `vgg19` (a .pth or .safetensors file).

    Raises ModelError when the file is not a VGG19.
    """
    made = VggFeatures(layer)
    state = read_state(path)
    wanted = made.state_dict()
    for key, tensor in wanted.items():
        if key not in state or state[key].shape != tensor.shape:
            raise ModelError(f"{path.name} is not torchvision's vgg19: '{key}' does not fit")
    made.load_state_dict({key: state[key] for key in wanted})
    return made.requires_grad_(False).eval()

"""A real face as pixels and as a tensor."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor


@pytest.fixture(scope="session")
def face(samples: Path) -> np.ndarray:
    """`(96, 96, 3)` uint8."""
    with Image.open(samples / "obama.jpg") as image:
        return np.asarray(image.convert("RGB").crop((150, 40, 350, 240)).resize((96, 96)))


@pytest.fixture(scope="session")
def tensor(face: np.ndarray) -> Tensor:
    """The same, `(1, 3, 96, 96)` in [0, 1]."""
    return torch.from_numpy(face.copy()).permute(2, 0, 1).unsqueeze(0) / 255


def pixels(images: Tensor) -> np.ndarray:
    """The first image as `(H, W, 3)` floats in levels of 255."""
    return images[0].permute(1, 2, 0).double().numpy() * 255

"""Can a small classifier tell two sets of small images apart? And do two draws of one differ?"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import nn
from torch.nn import functional

from gflmser.tensors import to_tensor

__all__ = ["rms_between", "two_sample_auc"]

Images = NDArray[np.uint8]

_WIDTH: Final = 24
_PASSES: Final = 6
_BATCH: Final = 64
_RATE: Final = 2e-3


def two_sample_auc(
    made: tuple[Images, Images], real: tuple[Images, Images], *, seed: int = 0
) -> float:
    """Area under the ROC of a classifier of three convolutions; 0.5 where it cannot tell.

    Each pair has the images `(N, H, W, 3)` that it learns from and those that it is tried on.
    Mirrored images count as new ones. The result depends on the images and on `seed` alone.
    """
    torch.manual_seed(seed)
    judge = _judge()
    learnt = torch.cat([to_tensor(made[0]), to_tensor(real[0])])
    labels = torch.cat([torch.zeros(len(made[0])), torch.ones(len(real[0]))])
    adam = torch.optim.Adam(judge.parameters(), lr=_RATE)
    for _ in range(_PASSES):
        for rows in torch.split(torch.randperm(len(learnt)), _BATCH):
            seen = learnt[rows]
            seen = torch.where(torch.rand(len(rows), 1, 1, 1) < 0.5, seen, seen.flip(3))
            loss = functional.binary_cross_entropy_with_logits(judge(seen)[:, 0], labels[rows])
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
    judge.eval()
    with torch.inference_mode():
        scores = [judge(to_tensor(part[1]))[:, 0].numpy() for part in (made, real)]
    ranks = rankdata(np.concatenate(scores))[len(made[1]) :]
    count = len(real[1])
    return float((ranks.sum() - count * (count + 1) / 2) / (count * len(made[1])))


def rms_between(one: Images, other: Images) -> float:
    """Root of the mean squared difference of two stacks, in grey levels."""
    return float(np.sqrt(((one.astype(np.float64) - other) ** 2).mean()))


def _judge() -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, stride in ((3, 1), (_WIDTH, 2), (_WIDTH, 2)):
        layers += [nn.Conv2d(inputs, _WIDTH, 3, stride, 1), nn.BatchNorm2d(_WIDTH), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(_WIDTH, 1))

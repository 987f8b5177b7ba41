"""Which image each sample shows, where an epoch shows every image once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class EpochOrder:
    """A new permutation of `count` images for every epoch; it depends on the seed alone."""

    def __init__(self, count: int, *, seed: int) -> None:
        self.count = count
        self._seed = seed
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def __call__(self, sample: int) -> int:
        """The image of the `sample`-th sample of the training, counted from 0."""
        epoch, place = divmod(sample, self.count)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._permutation(epoch)
        return int(self._order[place])

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng((self._seed, epoch)).permutation(self.count)

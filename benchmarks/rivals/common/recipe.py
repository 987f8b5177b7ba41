"""What the recipes of all rivals share: they restore from LR alone."""

from __future__ import annotations

from torch import Tensor, nn

from benchmarks.rivals.common.modes import evaluating


class RestoresFromLr:
    """A recipe whose `restorer` makes `(N, 3, 64, 64)` of `(N, 3, 16, 16)`, both in [-1, 1]."""

    restorer: nn.Module

    def sample(self, lr: Tensor, hr: Tensor | None) -> Tensor:
        """Restore with averages of batches frozen; `hr` is not looked at."""
        with evaluating(self.restorer):
            restored: Tensor = self.restorer(lr)
        return restored

"""The prepared faces that tests of training share."""

from tests.gflmser.conftest import cache

__all__ = ["cache"]

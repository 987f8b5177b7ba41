"""The one array type that pictures have outside the networks."""

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""A picture: `(H, W, 3)`, contiguous, 0-255."""

"""The one array type that images have outside the networks."""

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""An image: `(H, W, 3)`, contiguous, 0-255."""

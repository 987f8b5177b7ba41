"""The camera chain: what happens to a face between the scene and the 16x16 pixels that are cut out.

Light falls on the scene. The lens and the motion blur it. The sensor samples it on its own grid and
adds noise. The camera smooths and sharpens. One or two compressions work on the frame's grid.
Every step is a batched function of tensors and of parameters, one value a sample; `chain` draws the
parameters from `Camera` by a seed of each sample's own.
"""

from gflmser.camera.chain import photograph
from gflmser.camera.config import Camera
from gflmser.camera.draws import Draws, HashedDraws, sample_keys

__all__ = ["Camera", "Draws", "HashedDraws", "photograph", "sample_keys"]

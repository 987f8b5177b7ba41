"""H.264 by PyAV: what a recorder leaves of a face that moves through the frame.

The encoder is libx264 with a constant quantiser, so that a face loses the same in a small frame as
in a large one. At 25 frames a second QP 34 comes to about 0.1 bits a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Frame = NDArray[np.uint8]

_OPTIONS: Final = {"preset": "veryfast", "tune": "zerolatency"}
_FRAMES: Final = 3


def recorded(frames: Sequence[Frame], quantiser: int) -> list[Frame]:
    """Frames `(H, W, 3)` uint8 RGB through H.264 and back; H and W are even.

    The first is coded alone, the others from those before them. `quantiser` is the constant QP, 0
    to 51. One thread, so that the same frames give the same pixels.
    """
    import av
    from av.video.stream import VideoStream

    buffer = BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(buffer, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=25, options={**_OPTIONS, "qp": str(quantiser)})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = 1
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer, "r") as clip:
        decoded = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    return [np.asarray(frame, np.uint8) for frame in decoded]


def moving(last: Frame, step: tuple[int, int], count: int) -> list[Frame]:
    """`count` frames in which the image moves by `step` (down, across) and ends as `last`.

    What comes in at an edge repeats it.
    """
    height, width = last.shape[:2]
    made = []
    for back in range(count - 1, -1, -1):
        rows = np.clip(np.arange(height) + back * step[0], 0, height - 1)
        columns = np.clip(np.arange(width) + back * step[1], 0, width - 1)
        made.append(np.ascontiguousarray(last[rows][:, columns]))
    return made


def filmed(images: Tensor, quantiser: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """The last of three frames of a clip of each image: `(N, 3, H, W)` in [0, 1], H and W even.

    All others are `(N,)`: the QP, and the motion from frame to frame in pixels.
    """
    pixels = (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    values = zip(pixels, quantiser.tolist(), down.tolist(), across.tolist(), strict=True)
    last = [
        recorded(moving(p, (round(y), round(x)), _FRAMES), round(q))[-1] for p, q, y, x in values
    ]
    return torch.from_numpy(np.stack(last)).to(images).permute(0, 3, 1, 2) / 255

"""Video made of the samples, so that no test needs a clip of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from data.images.rgb import RGB

WIDTH, HEIGHT = 320, 192


def walkers(samples: Path, frames: int) -> Iterator[RGB]:
    """Two people of the samples, faces about 40 px wide, who cross a grey room in noise."""
    rng = np.random.default_rng(0)
    people = []
    for name, side in (("obama.jpg", 90), ("biden2.jpg", 96)):
        with Image.open(samples / name) as image:
            scale = side / min(image.size)
            size = (round(image.width * scale), round(image.height * scale))
            people.append(image.convert("RGB").resize(size, Image.Resampling.BICUBIC))
    for number in range(frames):
        room = Image.new("RGB", (WIDTH, HEIGHT), (120, 124, 128))
        room.paste(people[0], (10 + 2 * number, 20))
        room.paste(people[1], (210 - 2 * number, 70))
        noisy = np.asarray(room) + rng.normal(0, 3, (HEIGHT, WIDTH, 3))
        yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def write_clip(path: Path, frames: Iterator[RGB]) -> None:
    """Write an H.264 video of 25 frames a second; sides are even."""
    import av
    from av.video.stream import VideoStream

    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "23"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for rgb in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        file.mux(stream.encode())

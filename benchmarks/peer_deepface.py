"""deepface on a folder of frames, in an environment of its own: it needs TensorFlow.

`PYTHON_OF_DEEPFACE benchmarks/peer_deepface.py FOLDER`; the number of faces on stdout. The default
detector of deepface, OpenCV's cascade, is the one that needs no file from the network.
"""

import importlib
import os
import sys
from pathlib import Path


def found(folder: Path) -> int:
    """Faces that `DeepFace.extract_faces` finds in the images of `folder`, by its defaults."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    deepface = importlib.import_module("deepface.DeepFace")
    count = 0
    for path in sorted(folder.iterdir()):
        faces = deepface.extract_faces(str(path), enforce_detection=False)
        # Where nothing is found, deepface gives the whole frame with a confidence of 0.
        count += sum(face["confidence"] > 0 for face in faces)
    return count


if __name__ == "__main__":
    sys.stdout.write(f"{found(Path(sys.argv[1]))}\n")

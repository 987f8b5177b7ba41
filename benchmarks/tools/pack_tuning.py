"""Write what `tune_embedder` needs on a machine without dlib: faces, network, start.

    python -m benchmarks.tools.pack_tuning --faces ../runs/embedder/faces.safetensors --out PACK \\
        --start ../runs/embedder/embedder.safetensors ../cache/wild ../cache/align

The folders stand in the order in which the faces were found. Their images travel in the zip files
of `benchmarks.gpu pack`, whatever side it reduces them to.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from tqdm import tqdm

from pipeline.environment.dlib_models import model_file
from pipeline.identity.dlib_weights import save_halves, tensors_of
from pipeline.identity.tuning.faces import load_faces
from pipeline.identity.tuning.packed import save_packed


def main() -> None:
    """Read the arguments and write the files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, help="prepared sets")
    parser.add_argument("--faces", type=Path, required=True, help="of an earlier run")
    parser.add_argument("--start", type=Path, help="changes to begin with")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    faces = load_faces(asked.folders, asked.faces)
    asked.out.mkdir(parents=True, exist_ok=True)
    save_packed(faces, asked.out / "faces.safetensors")
    save_halves(tensors_of(model_file("embedding")), asked.out / "network.safetensors")
    if asked.start is not None:
        shutil.copyfile(asked.start, asked.out / "start.safetensors")
    tqdm.write(f"{len(faces)} faces")


if __name__ == "__main__":
    main()

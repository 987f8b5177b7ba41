"""What an image looks like as a vector: Inception's 2048 numbers, or dlib's 128 of a face."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.errors import ModelError
from data.images.rgb import RGB

if TYPE_CHECKING:
    import torch

FeatureKind = Literal["inception", "dlib"]

NEEDS_TORCH_FIDELITY: Final = "FID and KID need torch-fidelity: pip install 'sr-pipeline[metrics]'"

_DLIB_SIDE: Final = 150
_BATCH: Final = 32


class Extractor(Protocol):
    """Turns images into features."""

    @property
    def kind(self) -> FeatureKind:
        """Which features: decides what a distance of them may be called."""

    @property
    def backend(self) -> str:
        """Library, version and weights, for the provenance."""

    def __call__(self, images: Iterable[RGB]) -> NDArray[np.float64]:
        """`(N, d)` features, one row for each image, in order; any mixed sizes."""


def load_extractor(inception_weights: Path | None = None, *, device: str = "cpu") -> Extractor:
    """Inception where its weights are given, else dlib. Raises `ModelError` for a wrong file."""
    if inception_weights is None:
        return DlibFeatures()
    return InceptionFeatures(inception_weights, device=device)


class DlibFeatures:
    """dlib's face descriptor of the whole image, enlarged to 150x150 by Pillow's bicubic.

    dlib's network is run by torch, which gives the same numbers within 1e-5 in a tenth of the time.

    The image is taken for an aligned face: no detector runs, so that a face that is not found
    has features too.
    """

    kind: Final = "dlib"

    @property
    def backend(self) -> str:
        """The network, and what runs it."""
        import torch

        return f"dlib_face_recognition_resnet_model_v1 by torch {torch.__version__}, whole picture"

    def __call__(self, images: Iterable[RGB]) -> NDArray[np.float64]:
        """`(N, 128)`."""
        from pipeline.identity.dlib_in_torch import embed_chips

        size = (_DLIB_SIDE, _DLIB_SIDE)
        rows: list[NDArray[np.float64]] = []
        for batch in _batches(images):
            chips = [
                np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))
                for rgb in batch
            ]
            rows += list(embed_chips(chips).astype(np.float64))
        return np.asarray(rows, np.float64).reshape(len(rows), 128)


class InceptionFeatures:
    """torch-fidelity's Inception v3 of 2015, layer 2048, by weights from a file the user names.

    The file is `weights-inception-2015-12-05-6726825d.pth` of torch-fidelity or its equal of
    pytorch-fid, or the same as safetensors; it is read without unpickling code. Raises
    `ModelError` for a file that is missing, broken, not those weights, or whose hash is not the
    one in its name.
    """

    kind: Final = "inception"

    def __init__(self, weights: Path, *, device: str = "cpu") -> None:
        self._hash = _verified_hash(weights)
        self._network = _inception(_read_state(weights), weights).to(device)
        self._device = device

    @property
    def backend(self) -> str:
        """Version of torch-fidelity and hash of the weights."""
        version = importlib.metadata.version("torch-fidelity")
        return f"torch-fidelity {version}, inception-v3-compat 2048, sha256 {self._hash[:8]}"

    def __call__(self, images: Iterable[RGB]) -> NDArray[np.float64]:
        """`(N, 2048)`."""
        import torch

        rows = []
        with torch.inference_mode():
            for batch in _batches(images):
                # Single images, for sizes may differ; Inception enlarges each to 299x299.
                for rgb in batch:
                    image = torch.from_numpy(np.array(rgb)).permute(2, 0, 1)[None]
                    (features,) = self._network(image.to(self._device))
                    rows.append(features.double().cpu().numpy()[0])
        return np.asarray(rows, np.float64).reshape(len(rows), 2048)


def _batches(images: Iterable[RGB]) -> Iterator[list[RGB]]:
    iterator = iter(images)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _verified_hash(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror or error}") from error
    named = re.search(r"-([0-9a-f]{8,})\.\w+$", file.name)
    if named and not found.startswith(named[1]):
        raise ModelError(f"{file} is damaged: its sha256 begins with {found[:8]}, not {named[1]}")
    return found


def _read_state(file: Path) -> dict[str, torch.Tensor]:
    import torch

    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch and safetensors raise whatever the bytes led them to.
        first = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ModelError(f"{file} is no weight file: {first}") from error
    if not isinstance(state, dict):
        raise ModelError(f"{file} holds no weights but {type(state).__name__}")
    return state


def _inception(state: dict[str, torch.Tensor], file: Path) -> Any:  # noqa: ANN401
    import torch

    from pipeline.upscalers.inference.torchvision_shim import import_torchvision

    try:
        import_torchvision()
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise ModelError(NEEDS_TORCH_FIDELITY) from error
    # torch-fidelity unpickles what it is given: it gets a file that we wrote from checked tensors.
    with tempfile.TemporaryDirectory() as folder:
        checked = Path(folder) / "inception.pth"
        torch.save(state, checked)
        try:
            return FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(checked)
            )
        except RuntimeError as error:
            raise ModelError(f"{file} holds other weights than Inception's") from error

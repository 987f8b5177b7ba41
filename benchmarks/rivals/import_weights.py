"""Public weight files of the originals, turned into ours; each layout is a table of names.

Nothing of a file is run: pickles go through torch's restricted unpickler, arrays through numpy
without objects. Every tensor must be there, be known, and have its shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from benchmarks.rivals.bulat.network import BulatNetwork
from benchmarks.rivals.cyclegan.network import CycleganNetwork
from benchmarks.rivals.srgan.network import SrganNetwork
from benchmarks.rivals.weights import RivalCard, build, fill, save_rival
from data.errors import ModelError
from gflmser.names import checked_name
from gflmser.schema import dump
from gflmser.weights import digest
from pipeline.upscalers.inference.state_dicts import read_state

Origin = Literal["bulat", "srgan-leftthomas", "srgan-brade31919", "cyclegan-junyanz"]
"""`bulat`: jingyang2017's `model.pkl`. `srgan-leftthomas`: `netG_epoch_*.pth`, scale 4.
`cyclegan-junyanz`: `latest_net_G*.pth`, resnet_6blocks or resnet_9blocks with instance norm.
`srgan-brade31919`: the variables of the TensorFlow checkpoint, saved by their names as .npz or
.safetensors."""

Names = tuple[tuple[str, str], ...]
"""Pairs of a pattern of the original's name and what ours is."""

_BULAT: Final[Names] = (
    (r"layers_in\.weight", r"head.weight"),
    (r"layers_set_final\.0\.(\d+)\.(conv\d|bn\d)\.(\w+)", r"stage1.\1.\2.\3"),
    (r"layers_set_final\.1\.(\d+)\.(conv\d|bn\d|skip)\.(\w+)", r"stage2.\1.\2.\3"),
    (r"layers_set_final_up\.0\.([13])\.(\w+)", r"up1.\1.\2"),
    (r"layers_set_final_up\.1\.([13])\.(\w+)", r"up2.\1.\2"),
    (r"a1\.0\.(\w+)", r"bypass2.\1"),
    (r"main\.([024])\.(\w+)", r"tail.\1.\2"),
)
_BULAT_DEAD: Final = re.compile(r"a2\.0\.\w+")
"""Declared by the original, used by none of its layers."""

_LEFTTHOMAS: Final[Names] = (
    (r"block1\.([01])\.(\w+)", r"head.\1.\2"),
    (r"block([2-6])\.(conv\d|bn\d)\.(\w+)", r"blocks.{block-2}.\2.\3"),
    (r"block([2-6])\.prelu\.weight", r"blocks.{block-2}.slope.weight"),
    (r"block7\.([01])\.(\w+)", r"fuse.\1.\2"),
    (r"block8\.([01])\.conv\.(\w+)", r"grow.\1.0.\2"),
    (r"block8\.([01])\.prelu\.weight", r"grow.\1.2.weight"),
    (r"block8\.2\.(\w+)", r"tail.\1"),
)

_BRADE: Final[Names] = (
    (r"input_stage/conv/Conv/(weights|biases)", r"head.0.\1"),
    (r"input_stage/Prelu/alpha", r"head.1.weight"),
    (r"resblock_(\d+)/conv_([12])/Conv/weights", r"blocks.{block-1}.conv\2.weights"),
    (r"resblock_(\d+)/BatchNorm/(\w+)", r"blocks.{block-1}.bn1.\2"),
    (r"resblock_(\d+)/BatchNorm_1/(\w+)", r"blocks.{block-1}.bn2.\2"),
    (r"resblock_(\d+)/Prelu/alpha", r"blocks.{block-1}.slope.weight"),
    (r"resblock_output/conv/Conv/weights", r"fuse.0.weights"),
    (r"resblock_output/BatchNorm/(\w+)", r"fuse.1.\1"),
    (r"subpixelconv_stage([12])/conv/Conv/(weights|biases)", r"grow.{block-1}.0.\2"),
    (r"subpixelconv_stage([12])/Prelu/alpha", r"grow.{block-1}.2.weight"),
    (r"output_stage/conv/Conv/(weights|biases)", r"tail.\1"),
)
_BRADE_PREFIX: Final = "generator/generator_unit/"
_TENSORFLOW: Final = {
    "weights": "weight",
    "biases": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


_JUNYANZ_EDGES: Final = (1, 4, 7)
"""Convolutions before the residual blocks; the layers between them have no tensors."""
_JUNYANZ_FIRST: Final = 10
"""Number of the first residual block."""
_JUNYANZ_DEAD: Final = re.compile(
    r"model\.(?:\d+|\d+\.conv_block\.\d)\.(?:running_mean|running_var|num_batches_tracked)"
)
"""Figures of instance normalisation in old files: the original drops them too."""


@dataclass(frozen=True, slots=True)
class _Layout:
    method: str
    network: Callable[[Mapping[str, Tensor]], object]
    """The configuration, as far as it shows in the tensors."""
    translate: Callable[[Mapping[str, Tensor], str], dict[str, Tensor]]
    dead: re.Pattern[str] | None = None
    """Tensors that no layer of the original uses: left out, and told on the card."""


def import_weights(file: Path, origin: Origin, folder: Path, *, name: str | None = None) -> Path:
    """Write the weights of `file` in our format into `folder`; the path of what was written.

    Raises ModelError when the file cannot be read safely or is not of that origin.
    """
    if origin not in get_args(Origin):
        raise ModelError(f"origin {origin!r} is not one of {', '.join(get_args(Origin))}")
    try:
        checked_name(name or origin)
    except ValueError as error:
        raise ModelError(f"--name: {error}") from error
    layout = _LAYOUTS[origin]
    state = _read(file)
    unused = [key for key in state if layout.dead is not None and layout.dead.fullmatch(key)]
    state = {key: tensor for key, tensor in state.items() if key not in unused}
    tensors = layout.translate(state, file.name)
    limits = ["Weights of others, trained on data and by rules that are not ours."]
    if unused:
        limits.append(f"Left out, for no layer uses them: {', '.join(unused)}.")
    card = RivalCard(
        name=name or origin,
        method=layout.method,
        network=dump(layout.network(state)),
        source=f"{file.name} sha256:{digest(file)}",
        limits=tuple(limits),
    )
    restorer = build(card)
    wanted = restorer.state_dict()
    for key in wanted.keys() - tensors.keys():
        # old files have no such counter, and it is not used after training
        if key.endswith("num_batches_tracked"):
            tensors[key] = wanted[key]
    fill(restorer, tensors, file.name)
    return save_rival(restorer, card, folder)


def _read(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".npz":
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return {key: torch.from_numpy(arrays[key]) for key in arrays.files}
        except (OSError, ValueError) as error:
            raise ModelError(f"{file.name} cannot be read: {error}") from error
    state: Any = read_state(file)
    for key in ("state_dict", "model"):
        if isinstance(state.get(key), dict):
            state = state[key]
    tensors = {key.removeprefix("module."): value for key, value in state.items()}
    for key, value in tensors.items():
        if not isinstance(value, Tensor):
            raise ModelError(f"{file.name}: '{key}' is not a tensor")
    return tensors


def _renamed(key: str, names: Names, origin: str) -> str:
    for pattern, ours in names:
        match = re.fullmatch(pattern, key)
        if match:
            return _counted(match.expand(ours), match)
    raise ModelError(f"{origin}: tensor '{key}' is not part of the network")


def _counted(name: str, original: re.Match[str]) -> str:
    """`{block-2}` in a name becomes the original's number of the block less 2."""
    return re.sub(r"\{block-(\d)\}", lambda m: str(int(original[1]) - int(m[1])), name)


def _bulat(state: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    return {_renamed(key, _BULAT, origin): tensor for key, tensor in state.items()}


def _leftthomas(state: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    return {_renamed(key, _LEFTTHOMAS, origin): tensor for key, tensor in state.items()}


def _brade(state: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    """Kernels are HWIO there; batch normalisation has no scale."""
    made: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if not key.startswith(_BRADE_PREFIX):
            continue  # optimiser and judge
        ours = _renamed(key.removeprefix(_BRADE_PREFIX), _BRADE, origin)
        layer, _, field = ours.rpartition(".")
        if field == "weights":
            tensor = tensor.permute(3, 2, 0, 1).contiguous()
        if field == "beta":
            made[f"{layer}.weight"] = torch.ones_like(tensor)
        made[f"{layer}.{_TENSORFLOW.get(field, field)}"] = tensor
    return made


def _junyanz_blocks(state: Mapping[str, Tensor]) -> int:
    """How many residual blocks there are, by the names."""
    matches = (re.match(r"model\.(\d+)\.conv_block\.", key) for key in state)
    return len({match[1] for match in matches if match})


def _junyanz(state: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    """Borders are layers there and part of the convolution here: the numbers differ by one or two.

    Behind the blocks come two transposed convolutions and, with its border, the last one.
    """
    first, blocks = _JUNYANZ_FIRST, _junyanz_blocks(state)
    behind = first + blocks
    plain = {at: at - 1 for at in (*_JUNYANZ_EDGES, behind, behind + 3)} | {behind + 7: behind + 5}
    names: Names = (
        *(
            (rf"model\.{at}\.(weight|bias)", rf"translator.layers.{to}.\1")
            for at, to in plain.items()
        ),
        *(
            (
                rf"model\.{first + block}\.conv_block\.{at}\.(weight|bias)",
                rf"translator.layers.{first + block - 1}.layers.{to}.\1",
            )
            for block in range(blocks)
            for at, to in ((1, 0), (5, 3))
        ),
    )
    return {_renamed(key, names, origin): tensor for key, tensor in state.items()}


_LAYOUTS: Final[dict[str, _Layout]] = {
    "bulat": _Layout("bulat", lambda _: BulatNetwork(), _bulat, _BULAT_DEAD),
    "srgan-leftthomas": _Layout(
        "srgan",
        lambda _: SrganNetwork(blocks=5, biased=True, unit_input=True, tanh=True),
        _leftthomas,
    ),
    "srgan-brade31919": _Layout(
        "srgan",
        lambda _: SrganNetwork(channel_slopes=True, epsilon=1e-3, unit_input=True),
        _brade,
    ),
    "cyclegan-junyanz": _Layout(
        "cyclegan",
        lambda state: CycleganNetwork(blocks=_junyanz_blocks(state)),
        _junyanz,
        _JUNYANZ_DEAD,
    ),
}

"""Trees of each dataset's layout, made from the sample images."""

import shutil
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from data.datasets.registry import dataset

Tree = Callable[..., Path]


@pytest.fixture
def tree(samples: Path, tmp_path: Path) -> Tree:
    """Puts a sample image at each of the given paths and returns the root."""

    def make(*paths: str, source: str = "obama.jpg") -> Path:
        for path in paths:
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(samples / source, target)
        return tmp_path

    return make


def keys(name: str, root: Path) -> list[str]:
    return [p.key for p in dataset(name).images(root)]


def problems(name: str, root: Path) -> str:
    return "\n".join(dataset(name).check(root).problems)


def write_records(root: Path, files: Sequence[Path], people: int = 2) -> None:
    """InsightFace's layout: a header, one image of one label each, then ranges of identities.

    The labels of record 0 are the first record of an identity and the one behind the last.
    """
    first = len(files) + 1
    payloads = [_labels(first, first + people)]
    payloads += [struct.pack("<IfQQ", 0, i, i + 1, 0) + f.read_bytes() for i, f in enumerate(files)]
    payloads += [_labels(1, first) for _ in range(people)]
    offsets, content = [], b""
    for payload in payloads:
        offsets.append(len(content))
        content += struct.pack("<II", 0xCED7230A, len(payload)) + payload
        content += b"\0" * (-len(content) % 4)
    (root / "train.rec").write_bytes(content)
    (root / "train.idx").write_text("".join(f"{i}\t{o}\n" for i, o in enumerate(offsets)))


def _labels(*values: float) -> bytes:
    """A record of numbers alone."""
    return struct.pack(f"<IfQQ{len(values)}f", len(values), 0.0, 0, 0, *values)

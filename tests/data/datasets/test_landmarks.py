"""Landmark files as Torch 7, MATLAB and the 300-W tools write them."""

import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from data.datasets import landmarks
from data.datasets.base import DatasetError

POINTS = np.random.default_rng(0).uniform(0, 400, (68, 3))


def write_torch7(
    path: Path, points: np.ndarray, kind: str = "Float", *, turned: bool = False
) -> None:
    """What `torch.save(path, points)` of Torch 7 writes; `turned`: `points:t()` of its storage."""
    rows, columns = points.shape
    strides = (1, rows) if turned else (columns, 1)
    stored = points.T if turned else points
    code = {"Float": "<f4", "Double": "<f8"}[kind]
    path.write_bytes(
        _head(1, f"torch.{kind}Tensor")
        + struct.pack("<i5q", 2, rows, columns, *strides, 1)
        + _head(2, f"torch.{kind}Storage")
        + struct.pack("<q", points.size)
        + np.ascontiguousarray(stored).astype(code).tobytes()
    )


def _head(index: int, name: str) -> bytes:
    words = (b"V 1", name.encode())
    return struct.pack("<2i", 4, index) + b"".join(struct.pack("<i", len(w)) + w for w in words)


@pytest.mark.parametrize("kind", ["Float", "Double"])
@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("turned", [False, True])
def test_torch7(tmp_path: Path, kind: str, axes: int, turned: bool) -> None:
    write_torch7(tmp_path / "a.t7", POINTS[:, :axes], kind, turned=turned)
    np.testing.assert_allclose(landmarks.read(tmp_path / "a.t7"), POINTS[:, :2], rtol=1e-6)


@pytest.mark.parametrize("points", [POINTS, POINTS.T, POINTS[:, :2]], ids=["68x3", "3x68", "68x2"])
def test_matlab(tmp_path: Path, points: np.ndarray) -> None:
    savemat(tmp_path / "a.mat", {"Pose_Para": np.zeros((1, 7)), "pt3d_68": points})
    np.testing.assert_array_equal(landmarks.read(tmp_path / "a.mat"), POINTS[:, :2])


def test_pts(tmp_path: Path) -> None:
    rows = "\n".join(f"{x:.6f} {y:.6f}" for x, y in POINTS[:, :2])
    (tmp_path / "a.pts").write_text(f"version: 1\nn_points:  68\n{{\n{rows}\n}}\n")
    np.testing.assert_allclose(landmarks.read(tmp_path / "a.pts"), POINTS[:, :2], atol=1e-6)


@pytest.mark.parametrize("name", ["a.t7", "a.mat", "a.pts"])
@pytest.mark.parametrize("content", [b"", b"nothing", b"\xff" * 4000, bytes(4000)])
def test_other_files_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=name):
        landmarks.read(tmp_path / name)


@pytest.mark.parametrize(
    "points", [POINTS[:5], np.full((68, 2), np.nan)], ids=["five points", "not a number"]
)
def test_other_points_are_an_error(tmp_path: Path, points: np.ndarray) -> None:
    write_torch7(tmp_path / "a.t7", points)
    with pytest.raises(DatasetError, match=r"a\.t7: not 68 points"):
        landmarks.read(tmp_path / "a.t7")


@pytest.mark.parametrize("kept", range(0, 500, 7))
def test_a_cut_file_is_an_error(tmp_path: Path, kept: int) -> None:
    write_torch7(tmp_path / "a.t7", POINTS[:, :2])
    content = (tmp_path / "a.t7").read_bytes()
    (tmp_path / "a.t7").write_bytes(content[:kept])
    with pytest.raises(DatasetError, match=r"a\.t7"):
        landmarks.read(tmp_path / "a.t7")

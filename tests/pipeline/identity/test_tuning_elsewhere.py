"""What the tuning of the face network needs on a GPU machine, tried on a CPU."""

from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.measuring.packed_faces import pack, unpack
from data.errors import ModelError
from pipeline.environment.dlib_models import model_file
from pipeline.identity.alignment import chip_at_landmarks
from pipeline.identity.dlib_in_torch import FaceNet, shared_net
from pipeline.identity.dlib_weights import save_halves, tensors_of
from pipeline.identity.embedders.tuned_file import load_changes, save_changes
from pipeline.identity.tuning.batches import Batches, chips_on, made_ahead
from pipeline.identity.tuning.faces import TrainingFaces, found_faces
from pipeline.identity.tuning.packed import load_packed, save_packed
from pipeline.identity.tuning.run import Machine, Settings, averaged, train
from pipeline.identity.tuning.seen import Looks, chips_of, face_width, small_faces
from pipeline.upscalers.loading import load_upscaler
from tests.gflmser.conftest import cache

__all__ = ["cache"]
LOOKS = Looks(sides=(16,), side_shares=(1.0,))
UPSCALE = {"bicubic": load_upscaler("bicubic")}


@pytest.fixture(scope="module")
def faces(cache: Path) -> TrainingFaces:
    return found_faces([cache])


def batches(faces: TrainingFaces, **here: object) -> Batches:
    return Batches(faces, 4, 0, {"bicubic": 1.0}, LOOKS, here)  # type: ignore[arg-type]


def chip(faces: TrainingFaces, number: int) -> np.ndarray:
    rgb, marks = faces[number]
    return chip_at_landmarks(rgb, [(float(x), float(y)) for x, y in marks]).astype(float)


def test_torch_cuts_out_what_opencv_cuts_out(faces: TrainingFaces) -> None:
    batch = batches(faces, **UPSCALE)(2)
    small = small_faces([faces[int(row)] for row in batch.rows], 16, LOOKS, (0, 2))
    assert batch.images.shape == (4, 64, 64, 3)
    found = chips_on(batch.images, torch.from_numpy(batch.share)).permute(0, 2, 3, 1).numpy()
    wanted = chips_of(small, UPSCALE["bicubic"]).astype(float)
    assert np.abs(found - wanted).mean() < 0.5
    assert np.quantile(np.abs(found - wanted), 0.99) <= 2


def test_batches_of_another_process_are_the_same(faces: TrainingFaces) -> None:
    own = batches(faces)
    for step, batch in zip((5, 6), islice(made_ahead(own, first=5, workers=1), 2), strict=True):
        np.testing.assert_array_equal(batch.images, own(step).images)
        np.testing.assert_array_equal(batch.rows, own(step).rows)


def test_a_run_of_minutes_goes_on_from_other_changes_and_ends_with_small_steps(
    faces: TrainingFaces, tmp_path: Path
) -> None:
    tick = count()
    settings = Settings(
        batch=2, rank=2, warmup=1, minutes=0.2, decay=0.5, every_s=4, upscalers={"bicubic": 1.0}
    )
    machine = Machine(by_torch=True, clock=lambda: float(next(tick)))
    saved: list[int] = []
    first, then = tmp_path / "first", tmp_path / "then"
    steps = [step for step, _ in train(
        faces, UPSCALE, settings, first, machine=machine, saved=saved.append
    )]  # fmt: skip
    assert 3 <= len(steps) < settings.steps
    assert saved[-1] == steps[-1]
    assert len(saved) >= 2
    changes = averaged(first)
    save_changes(changes, tmp_path / "start.safetensors", note="")
    start = load_changes(tmp_path / "start.safetensors")
    tick = count()
    machine = Machine(start=start, clock=lambda: float(next(tick)))
    for _ in train(faces, UPSCALE, settings, then, machine=machine, until=1):
        pass
    moved = max(float((v - start[n]).abs().max()) for n, v in averaged(then).items())
    assert 0 < moved < 3e-3
    other = Settings(rank=3, upscalers={"bicubic": 1.0})
    with pytest.raises(ModelError, match="another rank"):
        list(train(faces, UPSCALE, other, tmp_path / "other", machine=Machine(start=start)))


def test_the_network_in_half_precision_gives_the_same_embeddings(
    faces: TrainingFaces, tmp_path: Path
) -> None:
    path = tmp_path / "network.safetensors"
    save_halves(tensors_of(model_file("embedding")), path)
    assert path.stat().st_size < 12_000_000
    chips = torch.from_numpy(np.stack([chip(faces, i) for i in range(3)])).permute(0, 3, 1, 2)
    with torch.no_grad():
        torch.testing.assert_close(FaceNet(path)(chips), shared_net()(chips), atol=1e-3, rtol=0)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ModelError, match="does not hold the tensors"):
        FaceNet(path)


def test_packed_faces_lie_where_they_lay(faces: TrainingFaces, cache: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in cache.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    key = (copy / "index.csv").read_text().splitlines()[1].split(",")[0]
    (copy / "excluded.csv").write_text(f"image,nearest,distance\n{key},x,0.1\n")
    known = TrainingFaces((copy,), faces.folder, faces.row, faces.landmarks, faces.embeddings)
    save_packed(known, tmp_path / "faces.safetensors")
    pack(copy, tmp_path / "set.zip", side=64)
    unpack(tmp_path / "set.zip", tmp_path / "set")
    found = load_packed([tmp_path / "set"], tmp_path / "faces.safetensors")
    kept = np.flatnonzero(faces.row != 0)
    assert len(found) == len(kept) == len(faces) - 1
    for number, old in enumerate(kept):
        assert face_width(found[number][1]) < face_width(faces[int(old)][1])
        # WebP alone costs 7 levels in these chips, which enlarge a face more than twice.
        assert np.abs(chip(found, number) - chip(faces, int(old))).mean() < 8
    apart = np.linalg.norm(found.embeddings - faces.embeddings[kept], axis=1)
    assert apart.max() < 0.02
    assert not len(load_packed([tmp_path / "set"], tmp_path / "faces.safetensors", least=999))
    with pytest.raises(ModelError, match="for 1 folders, not for 2"):
        load_packed([tmp_path / "set", copy], tmp_path / "faces.safetensors")
    with pytest.raises(ModelError, match="not a file of packed training faces"):
        load_packed([copy], copy / "index.csv")


def test_h264_can_be_left_out() -> None:
    looks = Looks().without_video()
    assert looks.kinds[-1] == looks.photos.video == 0
    assert sum(looks.kinds) == pytest.approx(1)

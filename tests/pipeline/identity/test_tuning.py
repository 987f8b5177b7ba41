"""Tuning of the face network on six faces of the samples: a few steps of the real thing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.tools.ship_embedder import ship
from data.errors import ModelError, UsageError
from data.images.files import load_rgb
from gflmser.schema import ConfigError
from gflmser.training.checkpoints import load_checkpoint
from pipeline.identity.alignment import chip
from pipeline.identity.calibration_run import fingerprints
from pipeline.identity.dlib_in_torch import embed_chips, shared_net
from pipeline.identity.embedders.loading import find_embedder
from pipeline.identity.embedders.tuned_file import load_changes, load_tuned_embedder, save_changes
from pipeline.identity.embedding import SHIPPED, Embedder, load_embedder
from pipeline.identity.faces_of_people import central_face, largest_face, small_copy
from pipeline.identity.labelled import far_away
from pipeline.identity.tuning.faces import TrainingFaces, found_faces, load_faces, save_faces
from pipeline.identity.tuning.loss import Loss, Targets
from pipeline.identity.tuning.low_rank import Changes, changed_weights
from pipeline.identity.tuning.run import CHECKPOINT, Settings, averaged, train
from pipeline.identity.tuning.seen import Looks, chips_of, small_faces
from pipeline.identity.views import embed_enlarged
from pipeline.upscalers.loading import load_upscaler
from tests.gflmser.conftest import cache

__all__ = ["cache"]
LOOKS = Looks(sides=(16,), side_shares=(1.0,), clean=1.0, camera=0.0, jitter=0.1)
SETTINGS = Settings(
    steps=10, batch=4, rank=4, rate=2e-3, warmup=1, upscalers={"bicubic": 1.0}, looks=LOOKS
)
UPSCALE = {"bicubic": load_upscaler("bicubic")}


@pytest.fixture(scope="module")
def faces(cache: Path) -> TrainingFaces:
    return found_faces([cache])


def test_targets_are_the_frozen_embeddings_of_the_faces(faces: TrainingFaces) -> None:
    rgb, marks = faces[0]
    face = central_face(rgb.copy())
    assert face is not None
    assert marks.shape == (5, 2)
    np.testing.assert_allclose(load_embedder().faces([face])[0], faces.embeddings[0], atol=1e-5)


def test_faces_are_kept_without_their_images(
    faces: TrainingFaces, cache: Path, tmp_path: Path
) -> None:
    save_faces(faces, tmp_path / "faces.safetensors")
    again = load_faces([cache], tmp_path / "faces.safetensors")
    np.testing.assert_array_equal(again.landmarks, faces.landmarks)
    np.testing.assert_array_equal(again[1][0], faces[1][0])
    with pytest.raises(ModelError, match="not a file of training faces"):
        load_faces([cache], cache / "index.csv")


def test_a_test_set_is_refused(cache: Path, tmp_path: Path) -> None:
    for path in cache.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    meta = (tmp_path / "cache.json").read_text().rstrip().removesuffix("}")
    (tmp_path / "cache.json").write_text(meta + ', "test_only": true}')
    with pytest.raises(UsageError, match="nobody may train on it"):
        found_faces([tmp_path])


def test_changes_start_as_none_and_reach_the_late_stages_only(faces: TrainingFaces) -> None:
    net = shared_net()
    small = small_faces([faces[0], faces[1]], 16, LOOKS, (0, 0))
    chips = torch.from_numpy(chips_of(small, UPSCALE["bicubic"])).permute(0, 3, 1, 2)
    changes = Changes(net, rank=4)
    torch.testing.assert_close(changes(net, chips), net(chips), atol=1e-5, rtol=0)
    changed = changed_weights(net, dict(changes.layers))
    assert not [name for name in changed if name.startswith(("stem", "stages.0"))]
    assert "stages.4.0.second.bias" in changed


def test_every_degradation_gives_faces_of_the_side(faces: TrainingFaces) -> None:
    looks = Looks(clean=0.1, camera=0.4)
    many = small_faces([faces[i % len(faces)] for i in range(24)], 12, looks, (3, 1))
    assert {lr.shape for lr, _ in many} == {(12, 12, 3)}
    assert all(marks.min() > -12 and marks.max() < 24 for _, marks in many)
    again = small_faces([faces[i % len(faces)] for i in range(24)], 12, looks, (3, 1))
    for (lr, marks), (other, same) in zip(many, again, strict=True):
        np.testing.assert_array_equal(lr, other)
        np.testing.assert_array_equal(marks, same)


def test_two_images_of_one_person_are_no_negatives() -> None:
    rows = torch.eye(3, 128)
    targets = Targets(torch.cat([rows, rows[:1] + 1e-3]), torch.zeros(128))
    _, parts = Loss()(rows[:1], torch.tensor([0]), targets)
    assert parts["cosine"] == pytest.approx(0, abs=1e-4)
    assert parts["contrast"] < 1e-4
    assert parts["rank1"] == 1


def test_the_loss_falls(faces: TrainingFaces, tmp_path: Path) -> None:
    parts = [found for _, found in train(faces, UPSCALE, SETTINGS, tmp_path)]
    assert len(parts) == SETTINGS.steps
    distances = [found["distance"] for found in parts]
    assert np.mean(distances[-3:]) < 0.8 * np.mean(distances[:3])


def test_a_resumed_run_ends_with_equal_weights(faces: TrainingFaces, tmp_path: Path) -> None:
    for _ in train(faces, UPSCALE, SETTINGS, tmp_path / "whole", until=4):
        pass
    for _ in train(faces, UPSCALE, SETTINGS, tmp_path / "parts", until=2):
        pass
    steps = train(faces, UPSCALE, SETTINGS, tmp_path / "parts", resume=True, until=4)
    assert [step for step, _ in steps] == [3, 4]
    whole, parts = (load_checkpoint(tmp_path / one / CHECKPOINT) for one in ("whole", "parts"))
    for part in ("changes", "average"):
        for name, values in whole[part].items():
            torch.testing.assert_close(parts[part][name], values, rtol=0, atol=0)


def test_nothing_to_resume_is_said(faces: TrainingFaces, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to resume"):
        list(train(faces, UPSCALE, SETTINGS, tmp_path / "none", resume=True))


def test_the_tuned_network_is_for_mirror_images_of_restored_faces(
    faces: TrainingFaces, samples: Path, tmp_path: Path
) -> None:
    for _ in train(faces, UPSCALE, SETTINGS, tmp_path, until=2):
        pass
    path = tmp_path / "embedder.safetensors"
    save_changes(averaged(tmp_path), path, note="two steps")
    tuned, frozen = find_embedder(str(path)), find_embedder()
    face = largest_face(load_rgb(samples / "obama.jpg"))
    assert face is not None
    both = tuned.faces([face, face], restored=[False, True])
    np.testing.assert_allclose(both[0], frozen.faces([face])[0], atol=1e-5)
    assert 1e-4 < np.linalg.norm(both[1] - both[0]) < 0.3
    assert isinstance(tuned, Embedder)
    aligned = chip(face.rgb, face.box, face.landmarks)
    one, other = embed_chips([aligned])[0], embed_chips([aligned[:, ::-1].copy()], tuned.tuned)[0]
    np.testing.assert_allclose(both[1], (one + other) / 2, atol=1e-5)
    assert tuned.fingerprint != frozen.fingerprint
    assert fingerprints("bicubic", str(path)).cohort == fingerprints("bicubic").cohort
    path.write_bytes(path.read_bytes()[:500])
    load_tuned_embedder.cache_clear()
    with pytest.raises(ModelError, match="does not change dlib's network"):
        find_embedder(str(path))


def test_the_changes_that_ship_are_small_and_meet_hr_better(samples: Path) -> None:
    assert SHIPPED.stat().st_size < 820_000
    whole = load_rgb(samples / "obama.jpg")
    face = largest_face(whole)
    assert face is not None
    small = far_away(small_copy(face), 10.5, "clean", np.random.default_rng(0))
    hr = load_embedder().faces([face])
    by_both = embed_enlarged([small], UPSCALE["bicubic"])
    by_one = embed_enlarged([small], UPSCALE["bicubic"], Embedder(shared_net()))
    assert np.linalg.norm(by_both - hr) < np.linalg.norm(by_one - hr) - 0.01


def test_changes_at_8_bits_are_nearly_those_of_16(tmp_path: Path) -> None:
    changes = load_changes(SHIPPED)
    ship(SHIPPED, tmp_path / "again.safetensors", note="again")
    again = load_changes(tmp_path / "again.safetensors")
    for name, values in changes.items():
        torch.testing.assert_close(again[name], values, atol=2e-3, rtol=1e-2)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.boxes import Box
from pipeline.tracks.base import Sighting, Track
from pipeline.tracks.fuse import fuse, fused
from pipeline.tracks.link import link


def at(frame: int, x: float, y: float = 50, side: float = 20, looks: int | None = None) -> Sighting:
    """A face; people are numbered, and their embeddings are one apart."""
    embedding = None
    if looks is not None:
        embedding = np.zeros(128, np.float32)
        embedding[looks] = 1
    box = Box(x, y, x + side, y + side)
    return Sighting(f"v/{frame:06d}.png", 0, frame, box, 0.9, embedding)


def run(frames: dict[int, list[Sighting]], last: int) -> list[Track]:
    return list(link((number, frames.get(number, [])) for number in range(last + 1)))


def places(track: Track) -> list[float]:
    return [one.box.left for one in track.sightings]


def test_two_who_cross_keep_their_tracks() -> None:
    frames = {i: [at(i, 10 + 6 * i, looks=1), at(i, 190 - 6 * i, 52, looks=2)] for i in range(31)}
    tracks = run(frames, 30)
    assert sorted(len(track.sightings) for track in tracks) == [31, 31]
    for track in tracks:
        steps = np.diff(places(track))
        assert (steps == steps[0]).all()


def test_a_person_who_was_hidden_is_found_again_by_motion() -> None:
    frames = {i: [at(i, 10 + 4 * i)] for i in range(30) if not 10 <= i < 16}
    (track,) = run(frames, 29)
    assert len(track.sightings) == 24


def test_a_person_who_turned_up_elsewhere_is_found_again_by_looks() -> None:
    frames = {0: [at(0, 10, looks=1)], 1: [at(1, 10, looks=1)], 6: [at(6, 300, looks=1)]}
    assert len(run(frames, 8)) == 1
    frames[6] = [at(6, 300, looks=2)]
    assert len(run(frames, 8)) == 2


def test_another_person_in_the_same_place_is_another_track() -> None:
    frames = {i: [at(i, 50, looks=1 if i < 5 else 2)] for i in range(10)}
    assert [len(track.sightings) for track in run(frames, 9)] == [5, 5]


def test_a_face_of_another_size_is_not_linked() -> None:
    assert len(run({0: [at(0, 50)], 1: [at(1, 40, 40, side=60)]}, 2)) == 2


def test_tracks_end_after_the_gap() -> None:
    assert len(run({0: [at(0, 50)], 30: [at(30, 50)]}, 30)) == 2


@given(st.lists(st.lists(st.tuples(st.floats(0, 200), st.floats(8, 40)), max_size=3), max_size=12))
def test_every_face_is_in_exactly_one_track(found: list[list[tuple[float, float]]]) -> None:
    frames = {i: [at(i, x, side=s) for x, s in faces] for i, faces in enumerate(found)}
    tracks = run(frames, len(found))
    seen = [id(one) for track in tracks for one in track.sightings]
    assert sorted(seen) == sorted(id(one) for faces in frames.values() for one in faces)
    for track in tracks:
        numbers = [one.frame for one in track.sightings]
        assert numbers == sorted(set(numbers))


def test_large_faces_count_more() -> None:
    small, large = np.zeros(128, np.float32), np.ones(128, np.float32)
    assert fuse([small, large], [1, 3])[0] == pytest.approx(0.75)
    for areas in ([0, 0], [1], [-1, 2]):
        with pytest.raises(ValueError, match="2 embeddings"):
            fuse([small, large], areas)
    track = Track("v", 0, (at(0, 0, side=10, looks=1), at(1, 0, side=30, looks=2), at(2, 0)))
    mean = fused(track)
    assert mean is not None
    assert mean[2] == pytest.approx(0.9)
    assert track.best.frame == 1
    assert 10 < track.mean_width < 30
    assert fused(Track("v", 0, (at(0, 0),))) is None
    with pytest.raises(ValueError, match="at least one"):
        Track("v", 0, ())

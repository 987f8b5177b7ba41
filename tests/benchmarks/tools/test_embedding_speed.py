"""Both engines give the same embeddings of the same chips; how fast is not asked here."""

from benchmarks.tools.embedding_speed import chips, measure


def test_both_engines_embed_the_same_chips() -> None:
    found = measure(2, 1, rounds=1)
    assert found["largest_difference"] < 1e-6
    assert set(found["per_second"]) == {"dlib", "torch"}
    assert len({one.tobytes() for one in chips(4)}) == 4

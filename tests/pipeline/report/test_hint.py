"""A run that found nothing and upscaled nothing says what to try."""

import pytest

from pipeline.report.run_page.hint import what_to_try


@pytest.mark.parametrize(
    ("detector", "without", "upscaled", "words"),
    [
        ("hog", 2, 0, "--passes 2"),
        ("cnn", 3, 0, "--upscale-below"),
        ("auto", 2, 0, "--min-face 4"),
        ("auto", 0, 0, ""),
        ("hog", 2, 1, ""),
    ],
)
def test_the_advice_fits_the_detector(
    detector: str, without: int, upscaled: int, words: str
) -> None:
    said = what_to_try({"detector": detector}, images=3, without=without, upscaled=upscaled)
    assert words in said
    assert bool(said) == bool(words)
    if detector == "auto":
        assert "--passes" not in said, "it does nothing there"

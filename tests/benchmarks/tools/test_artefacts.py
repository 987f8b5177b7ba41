"""A hatch is found, and nothing else is taken for one."""

import numpy as np

from benchmarks.tools.artefacts import checkerboard, repeated_error


def test_a_hatch_is_what_is_left_when_everything_else_cancels() -> None:
    rng = np.random.default_rng(0)
    hr = [rng.integers(60, 190, (64, 64, 3), dtype=np.uint8) for _ in range(8)]
    hatch = np.zeros((4, 4), np.uint8)
    hatch[0, 0] = 16
    hatched = [one + np.tile(hatch, (16, 16))[..., None] for one in hr]
    np.testing.assert_allclose(repeated_error(hatched, hr), hatch - 1.0, atol=1e-9)
    brighter = [one + np.uint8(9) for one in hr]
    np.testing.assert_allclose(repeated_error(brighter, hr), 0, atol=1e-9)
    assert np.abs(repeated_error([one[::-1] for one in hr], hr)).max() < 3


def test_a_checkerboard_is_measured_where_the_image_is_flat() -> None:
    flat = np.full((16, 16, 3), 90, np.uint8)
    board = flat + np.where(np.indices((16, 16)).sum(0) % 2, 0, 4).astype(np.uint8)[..., None]
    steep = np.repeat(np.arange(16, dtype=np.uint8)[None, :, None] * 9, 16, 0).repeat(3, 2)
    assert checkerboard([board], [flat]) == 2
    assert checkerboard([board, flat], [flat, flat]) == np.sqrt(2)
    assert checkerboard([steep, board], [steep, flat]) == 2  # what is not flat does not count
    assert checkerboard([flat[:, ::-1]], [flat]) == 0

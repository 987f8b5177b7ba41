"""`calibrate identity` keeps each width that it has measured."""

from pathlib import Path

import pytest
from PIL import Image, ImageOps

from pipeline.identity import calibration_run
from pipeline.identity.calibration_run import calibrate_to_file
from pipeline.identity.thresholds import Rule, load_table

SAMPLES = Path(__file__).parents[3] / "data" / "samples"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven folders with an image each, of the same face within another frame."""
    root = tmp_path_factory.mktemp("people")
    face = Image.open(SAMPLES / "obama.jpg").convert("RGB")
    face.thumbnail((200, 200))
    for number in range(11):
        folder = root / f"person{number:02}"
        folder.mkdir()
        ImageOps.expand(face, number + 1).save(folder / "a.png")
    return root


def rule(width: float) -> Rule:
    return Rule("bicubic", width, "clean", 1, 10, 0.01, 5.0, 0.5, 11, 0.4, 0.0)


def test_an_interrupted_run_goes_on_at_the_width_that_is_missing(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def measured(*_: object, width: float, **__: object) -> list[Rule]:
        asked.append(width)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return [rule(width)]

    monkeypatch.setattr(calibration_run, "calibrate", measured)
    out = tmp_path / "table.json"

    def run(**options: bool) -> str:
        return calibrate_to_file(
            [people], [], ["bicubic"], out, widths="9,12", quiet=True, **options
        )

    with pytest.raises(KeyboardInterrupt):
        run()
    assert [found.face_px for found in load_table(out).rules] == [9]
    run(resume=True)
    assert asked == [9, 12, 12]
    assert [found.face_px for found in load_table(out).rules] == [9, 12]
    run(resume=True)
    assert asked == [9, 12, 12]
    run()
    assert asked == [9, 12, 12, 9, 12]

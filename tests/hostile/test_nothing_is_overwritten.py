"""No input and no finished result is overwritten; resume knows its inputs."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from data.errors import UsageError
from pipeline.engine.journal import Journal, Start
from pipeline.engine.to_folder import check_outputs
from pipeline.inputs.sources import Listing
from pipeline.jobs.search_faces import SearchFaces
from tests.hostile.conftest import Run


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("inputs", ["*.png", "a.png"], ids=["glob", "one file"])
def test_upscale_into_the_folder_of_its_inputs_is_refused(
    run: Run, photos: Path, inputs: str
) -> None:
    before = contents(photos)
    done = run(
        "upscale",
        photos / inputs,
        "--out",
        photos,
        "--upscaler",
        "bicubic",
        "--quiet",
        "--workers",
        0,
    )
    assert done.exit_code == 2
    assert "would overwrite the input" in str(done.exception)
    assert contents(photos) == before


def test_degrade_and_detect_do_not_replace_what_they_read(run: Run, photos: Path) -> None:
    made = photos.parent / "made"
    assert run("degrade", photos, "--out", made, "--quiet", "--workers", 0).exit_code == 0
    before = contents(made / "lr")
    done = run("degrade", made / "lr", "--out", made, "--overwrite", "--quiet", "--workers", 0)
    assert done.exit_code == 2
    assert "would overwrite the input" in str(done.exception)
    assert contents(made / "lr") == before


def test_an_input_behind_a_link_is_not_overwritten(run: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(photos, target_is_directory=True)
    before = contents(photos)
    done = run("upscale", photos / "a.png", "--out", tmp_path / "out", "--upscaler", "bicubic")
    assert done.exit_code == 2
    assert contents(photos) == before


def test_a_manifest_is_not_overwritten_by_a_table(run: Run, photos: Path) -> None:
    (photos / "pictures.csv").write_text("image\na.png\n")
    done = run("degrade", photos / "pictures.csv", "--out", photos, "--quiet", "--workers", 0)
    assert done.exit_code == 2
    assert (photos / "pictures.csv").read_text() == "image\na.png\n"


def test_a_file_of_somebody_else_is_not_replaced(run: Run, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    words = (
        "upscale",
        photos / "a.png",
        "--out",
        out,
        "--upscaler",
        "bicubic",
        "--quiet",
        "--workers",
        0,
    )
    assert run(*words).exit_code == 2
    assert (out / "a.png").read_bytes() == b"mine"
    assert run(*words, "--overwrite").exit_code == 0


def test_a_finished_folder_is_kept_until_overwrite_is_said(run: Run, photos: Path) -> None:
    out = photos.parent / "out"
    words = ("degrade", photos, "--out", out, "--quiet", "--workers", 0)
    assert run(*words).exit_code == 0
    before = contents(out / "hr")
    (photos / "b.png").unlink()
    done = run(*words)
    assert done.exit_code == 2
    assert "--overwrite" in str(done.exception)
    assert contents(out / "hr") == before
    assert run(*words, "--overwrite").exit_code == 0
    assert sorted(path.name for path in (out / "hr").iterdir()) == ["a.png", "c.png"]


def test_another_command_does_not_take_the_folder(run: Run, photos: Path) -> None:
    out = photos.parent / "out"
    assert run("degrade", photos, "--out", out, "--quiet", "--workers", 0).exit_code == 0
    words = ("upscale", photos, "--out", out, "--upscaler", "bicubic", "--quiet", "--workers", 0)
    assert run(*words).exit_code == 2
    assert run(*words, "--resume").exit_code == 2
    assert run(*words, "--overwrite").exit_code == 0
    assert not (out / "hr").exists()


def test_overwrite_removes_nothing_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    out = tmp_path / "out"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.png").write_text("mine")
    with Journal(out, {}) as journal:
        journal.add_files([out / "a"])
        journal._db.execute("insert into file values ('../mine.txt', null)")
        journal._db.execute(f"insert into file values ('{tmp_path}/mine.txt', null)")
        journal._db.execute("insert into file values ('link/x.png', null)")
    (out / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with Journal(out, {}, start=Start(overwrite=True)):
        pass
    assert (tmp_path / "mine.txt").exists()
    assert (tmp_path / "elsewhere" / "x.png").exists()


def resumed(run: Run, photos: Path, *words: str) -> dict[str, object]:
    out = photos.parent / "out"
    made = run(
        "degrade", photos, "--out", out, "--quiet", "--workers", 0, "--json", "--resume", *words
    )
    assert made.exit_code == 0, made.exception
    return dict(json.loads(made.stdout))


@pytest.mark.parametrize("quick", [(), ("--quick",)], ids=["sha256", "quick"])
def test_a_changed_image_is_done_again(run: Run, photos: Path, quick: tuple[str, ...]) -> None:
    assert (
        run("degrade", photos, "--out", photos.parent / "out", "--quiet", "--workers", 0).exit_code
        == 0
    )
    before = contents(photos.parent / "out" / "lr")
    assert resumed(run, photos, *quick)["images"] == 3
    assert contents(photos.parent / "out" / "lr") == before
    with Image.open(photos / "b.png") as opened:
        ImageOps.invert(opened).save(photos / "b.png")
    resumed(run, photos, *quick)
    after = contents(photos.parent / "out" / "lr")
    assert [name for name in after if after[name] != before[name]] == [
        str(photos.parent / "out" / "lr" / "b.png")
    ]


def test_an_image_that_is_gone_is_not_reported(run: Run, photos: Path) -> None:
    out = photos.parent / "out"
    assert run("degrade", photos, "--out", out, "--quiet", "--workers", 0).exit_code == 0
    (photos / "b.png").unlink()
    assert resumed(run, photos)["images"] == 2
    assert not (out / "lr" / "b.png").exists()
    assert "b.png" not in (out / "pictures.csv").read_text()


def test_resume_with_another_input_is_refused(run: Run, photos: Path) -> None:
    other = photos.parent / "other"
    shutil.copytree(photos, other)
    out = photos.parent / "out"
    assert run("degrade", photos, "--out", out, "--quiet", "--workers", 0).exit_code == 0
    done = run("degrade", other, "--out", out, "--quiet", "--workers", 0, "--resume")
    assert done.exit_code == 2
    assert "INPUT" in str(done.exception)


def test_resume_with_another_manifest_is_refused(run: Run, photos: Path) -> None:
    out, table = photos.parent / "out", photos / "list.csv"
    table.write_text("image,left,top,right,bottom\na.png,0,0,30,30\n")
    assert run("degrade", table, "--out", out, "--quiet", "--workers", 0).exit_code == 0
    table.write_text("image,left,top,right,bottom\na.png,4,4,34,34\n")
    done = run("degrade", table, "--out", out, "--quiet", "--workers", 0, "--resume")
    assert done.exit_code == 2
    assert "manifests" in str(done.exception)


def test_the_summary_holds_what_was_read(run: Run, photos: Path) -> None:
    out = photos.parent / "out"
    assert run("degrade", photos, "--out", out, "--quiet", "--workers", 0).exit_code == 0
    summary = json.loads((out / "summary.json").read_text())
    assert summary["input"]["INPUT"] == [str(photos)]


def test_half_written_files_of_a_dead_run_are_removed_and_never_read(
    run: Run, photos: Path, face: Image.Image
) -> None:
    out = photos.parent / "out"
    assert run("degrade", photos, "--out", out, "--quiet", "--workers", 0).exit_code == 0
    face.save(out / "hr" / ".part-0123456789abcdef.png")
    face.save(photos / ".part-0123456789abcdef.png")
    assert resumed(run, photos)["images"] == 3
    assert not list(out.rglob(".part-*"))


def test_a_second_run_in_the_folder_says_so(tmp_path: Path) -> None:
    from data.errors import OutputError

    with Journal(tmp_path, {}), pytest.raises(OutputError, match="another run writes"):
        Journal(tmp_path, {}, start=Start(resume=True))


def test_results_of_an_older_version_are_refused(tmp_path: Path) -> None:
    import sqlite3

    db = sqlite3.connect(tmp_path / "journal.sqlite")
    db.executescript("create table picture (key text primary key, rows text);")
    db.close()
    with pytest.raises(UsageError, match="older"):
        Journal(tmp_path, {}, start=Start(resume=True))


def test_cut_out_faces_are_looked_at_before_they_are_written(run: Run, photos: Path) -> None:
    out = photos.parent / "out"
    (out / "faces").mkdir(parents=True)
    for name in ("a-0-native.png", "b.png", "ab-0-native.png"):
        (out / "faces" / name).write_bytes(b"mine")
    done = run("detect", photos, "--out", out, "--quiet", "--workers", 0)
    assert done.exit_code == 2
    assert "a-0-native.png exists and is of no run of ours" in str(done.exception)
    assert not (out / "journal.sqlite").exists()
    job, one = SearchFaces(out), Listing((str(photos / "a.png"),))
    (out / "faces" / "a-0-native.png").unlink()
    check_outputs(job, one, Start())
    # A face of an earlier run that is an input now, by a link.
    (out / "faces" / "a-0-restored.png").hardlink_to(photos / "a.png")
    with pytest.raises(UsageError, match="would overwrite the input"):
        check_outputs(job, one, Start(overwrite=True))

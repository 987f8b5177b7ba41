"""The engine: same rows however it runs, nothing lost or repeated however it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from data.errors import OutputError, UsageError
from pipeline.engine.job import Images, Item
from pipeline.engine.journal import Journal, Row, Start
from pipeline.engine.run import RunOptions
from pipeline.engine.run import run as run_engine
from pipeline.inputs.sources import Listing, Source
from tests.pipeline.conftest import Run

HOG = ("--detector", "hog", "--quiet")
BICUBIC = ("--upscaler", "bicubic", *HOG)
"""For what does not ask about batches: torch, which each process would load, takes 2.5 s of CPU."""


@pytest.fixture(scope="module")
def many(lr_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 small images, one of them broken."""
    folder = tmp_path_factory.mktemp("many")
    files = sorted(lr_folder.rglob("*.png"))
    for number in range(119):
        shutil.copy(files[number % len(files)], folder / f"{number:03d}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG")
    return folder


def table(out: Path) -> str:
    return (out / "detections.csv").read_text(encoding="utf-8")


def without_workers(many: Path, out: Path, *words: str) -> str:
    """The table of all images, found in this process and without a break."""
    from click.testing import CliRunner

    from pipeline.cli import cli

    whole = ["detect", str(many), "--out", str(out), "--workers", "0", "--no-images", *words]
    CliRunner().invoke(cli, whole, standalone_mode=False)
    assert table(out).count("\n") > 120
    return table(out)


@pytest.fixture(scope="module")
def restored(many: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """By the default network."""
    return without_workers(many, tmp_path_factory.mktemp("restored"), *HOG)


@pytest.fixture(scope="module")
def reference(many: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """By bicubic."""
    return without_workers(many, tmp_path_factory.mktemp("reference"), *BICUBIC)


@pytest.mark.parametrize(("workers", "batch_size"), [(2, 7), (3, 64)])
def test_rows_do_not_depend_on_workers_or_batch_size(
    run: Run, many: Path, restored: str, tmp_path: Path, workers: int, batch_size: int
) -> None:
    words = ("--workers", workers, "--batch-size", batch_size, "--no-images", *HOG)
    assert run("detect", many, "--out", tmp_path, *words).exit_code == 1
    assert table(tmp_path) == restored


def start(many: Path, out: Path) -> "subprocess.Popen[str]":
    words = ["detect", str(many), "--out", str(out), "--workers", "1", "--quiet", "--resume"]
    # A shell that runs the tests in the background lets its children ignore SIGINT.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    script = f"{heed}from pipeline.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", script, *words, "--no-images", *BICUBIC],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def journal_holds_rows(out: Path) -> bool:
    log = out / "journal.sqlite-wal"
    return log.exists() and log.stat().st_size > 60_000


def wait_for_rows(process: "subprocess.Popen[str]", out: Path) -> None:
    while not journal_holds_rows(out) and process.poll() is None:
        time.sleep(0.01)


def test_resume_after_kill_9_repeats_and_loses_nothing(
    run: Run, many: Path, reference: str, tmp_path: Path
) -> None:
    process = start(many, tmp_path)
    wait_for_rows(process, tmp_path)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    words = ("--workers", 1, "--no-images", *BICUBIC, "--json")
    with pytest.raises(UsageError, match="--resume"):
        raise run("detect", many, "--out", tmp_path, *words).exception or AssertionError
    done = run("detect", many, "--out", tmp_path, *words, "--resume")
    assert done.exit_code == 1
    assert 0 < json.loads(done.stdout)["new_images"] < 120
    assert table(tmp_path) == reference


def test_workers_end_when_the_main_process_is_killed(many: Path, tmp_path: Path) -> None:
    process = start(many, tmp_path)
    wait_for_rows(process, tmp_path)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while any(_alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [child for child in children if _alive(child)]


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_ctrl_c_leaves_valid_output_that_resumes(
    run: Run, many: Path, reference: str, tmp_path: Path
) -> None:
    process = start(many, tmp_path)
    wait_for_rows(process, tmp_path)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in errors
    finished = set(table(tmp_path).splitlines())
    assert 2 <= len(finished) < len(reference.splitlines())
    assert finished <= set(reference.splitlines())
    assert json.loads((tmp_path / "summary.json").read_text())["interrupted"] is True
    words = ("--resume", "--no-images", *BICUBIC)
    assert run("detect", many, "--out", tmp_path, *words).exit_code == 1
    assert table(tmp_path) == reference


def test_resume_with_other_settings_is_refused(run: Run, lr_folder: Path, tmp_path: Path) -> None:
    words = ("detect", lr_folder, "--out", tmp_path, "--no-images", *HOG)
    assert run(*words).exit_code == 0
    done = run(*words, "--resume", "--passes", "1")
    assert done.exit_code == 2
    assert "passes (None -> 1)" in str(done.exception)


def test_a_finished_run_has_nothing_left_to_do(run: Run, lr_folder: Path, tmp_path: Path) -> None:
    words = ("detect", lr_folder, "--out", tmp_path, "--no-images", *HOG, "--json")
    before = json.loads(run(*words).stdout)
    after = json.loads(run(*words, "--resume").stdout)
    assert before["new_images"] == 10
    assert after["new_images"] == 0
    assert after["counts"] == before["counts"]


def test_resume_tries_again_what_failed(run: Run, lr_folder: Path, tmp_path: Path) -> None:
    images = tmp_path / "pictures"
    shutil.copytree(lr_folder, images)
    victim = sorted(images.rglob("*.png"))[3]
    whole = victim.read_bytes()
    victim.write_bytes(whole[:40])
    words = (
        "detect",
        images,
        "--out",
        tmp_path / "out",
        "--quiet",
        "--no-images",
        *HOG,
        "--json",
    )
    assert run(*words).exit_code == 1
    victim.write_bytes(whole)
    again = run(*words, "--resume")
    assert again.exit_code == 0
    found = json.loads(again.stdout)
    assert found["new_images"] == 1
    fresh = run(*words[:3], tmp_path / "fresh", *words[4:])
    assert table(tmp_path / "out") == table(tmp_path / "fresh")
    assert found["counts"] == json.loads(fresh.stdout)["counts"]


def test_two_runs_in_one_folder_are_kept_apart(tmp_path: Path) -> None:
    with (
        Journal(tmp_path, {}),
        pytest.raises(OutputError, match="another run"),
        Journal(tmp_path, {}, start=Start(resume=True)),
    ):
        pass


@dataclass(frozen=True)
class Treacherous:
    """A job whose worker dies, raises, waits or answers, as the image's name says."""

    folder: Path

    def check(self) -> None: ...

    def warm_up(self) -> None: ...

    def read(self, source: Source) -> tuple[tuple[int, int], Images]:
        return (24, 24), {"input": source.load()}

    def enlarge(self, batch: Sequence[Item]) -> list[Images]:
        if any("bad_batch" in item.source.key for item in batch):
            raise RuntimeError("this image\nspoils its batch")
        return [item.images for item in batch]

    def finish(self, item: Item) -> list[Row]:
        if "dies" in item.source.key:
            os._exit(9)
        if "raises" in item.source.key:
            raise ValueError("a surprise")
        told = self.folder / "told"
        if "disk_is_full" in item.source.key:
            told.touch()
            raise OutputError("cannot write it: no space left")
        while "waits" in item.source.key and not told.exists():
            time.sleep(0.01)
        return [{"image": item.source.key, "error": ""}]

    def failure(self, source: Source, message: str) -> list[Row]:
        return [{"image": source.key, "error": message}]


def test_one_bad_image_never_takes_others_with_it(lr_folder: Path, tmp_path: Path) -> None:
    source = next(lr_folder.rglob("*.png"))
    names = ["a", "b_dies", "c", "d_raises", "e_bad_batch", "f", "g_dies", "h"]
    for name in names:
        shutil.copy(source, tmp_path / f"{name}.png")
    listing = Listing((str(tmp_path),))
    with Journal(tmp_path / "out", {}) as journal:
        result = run_engine(Treacherous(tmp_path), listing, RunOptions(2, quiet=True), journal)
        errors = {str(row["image"])[:-4]: str(row["error"]) for row in journal.rows()}
    assert list(errors) == names
    assert (result.images, result.failed) == (8, 4)
    assert errors["a"] == errors["c"] == errors["f"] == errors["h"] == ""
    assert "died" in errors["b_dies"]
    assert "died" in errors["g_dies"]
    assert errors["d_raises"] == "ValueError: a surprise"
    assert errors["e_bad_batch"] == "RuntimeError: this image spoils its batch"


def test_what_is_finished_or_under_way_when_the_disk_is_full_is_kept(
    lr_folder: Path, tmp_path: Path
) -> None:
    source = next(lr_folder.rglob("*.png"))
    first_task = ["a_waits", *"bcdefghijklmnop"]
    for name in [*first_task, "q", "r_disk_is_full", "s"]:
        shutil.copy(source, tmp_path / f"{name}.png")
    listing = Listing((str(tmp_path),))
    with Journal(tmp_path / "out", {}) as journal:
        with pytest.raises(OutputError, match="no space left"):
            run_engine(Treacherous(tmp_path), listing, RunOptions(2, quiet=True), journal)
        assert [str(row["image"])[:-4] for row in journal.rows()] == [*first_task, "q"]


def test_without_workers_what_is_finished_when_the_disk_is_full_is_kept(
    lr_folder: Path, tmp_path: Path
) -> None:
    source = next(lr_folder.rglob("*.png"))
    for name in ("a", "b_raises", "c_disk_is_full", "d"):
        shutil.copy(source, tmp_path / f"{name}.png")
    listing = Listing((str(tmp_path),))
    with Journal(tmp_path / "out", {}) as journal:
        with pytest.raises(OutputError, match="no space left"):
            run_engine(Treacherous(tmp_path), listing, RunOptions(0, quiet=True), journal)
        errors = {str(row["image"])[:-4]: row["error"] for row in journal.rows()}
    assert errors == {"a": "", "b_raises": "ValueError: a surprise"}


@pytest.fixture(scope="class")
def shut_down() -> Iterator[list[None]]:
    """The local cluster that a run starts stays for the next test; each would-be end is counted."""
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    counted: list[None] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray, "shutdown", lambda: counted.append(None))
        yield counted
    ray.shutdown()


class TestRay:
    def test_gives_the_same_rows(
        self, run: Run, many: Path, reference: str, tmp_path: Path, shut_down: list[None]
    ) -> None:
        words = ("--engine", "ray", "--workers", 2, "--no-images", *BICUBIC)
        assert run("detect", many, "--out", tmp_path, *words).exit_code == 1
        assert table(tmp_path) == reference
        assert len(shut_down) == 1, "it ends the cluster that it started"

    def test_keeps_what_is_finished_when_the_disk_is_full(
        self, lr_folder: Path, tmp_path: Path, shut_down: list[None]
    ) -> None:
        source = next(lr_folder.rglob("*.png"))
        for name in ("a", "b_raises", "c_disk_is_full"):
            shutil.copy(source, tmp_path / f"{name}.png")
        listing, options = Listing((str(tmp_path),)), RunOptions(2, engine="ray", quiet=True)
        with Journal(tmp_path / "out", {}) as journal:
            with pytest.raises(OutputError, match="no space left"):
                run_engine(Treacherous(tmp_path), listing, options, journal)
            assert [str(row["image"])[:-4] for row in journal.rows()] == ["a", "b_raises"]
        assert len(shut_down) == 1, "a cluster that was there stays"

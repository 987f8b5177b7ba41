"""Code of the documents: every command is known, and what can be run is run on the samples."""

import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import cli
from tests.clips import walkers, write_clip
from tests.docs.blocks import blocks_of, commands_of

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *(f for f in sorted(DOCS.rglob("*.md")) if "lab-notes" not in f.parts)]
RUN = [page for page in PAGES if any(block.mark == "run" for block in blocks_of(page))]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_shell_blocks_use_commands_and_options_that_exist(page: Path) -> None:
    calls = [
        words for b in blocks_of(page) if b.language == "bash" for words in commands_of(b.code)
    ]
    assert [" ".join(words) for words in calls if not _known(cli, words)] == []


def _known(command: click.Command, words: list[str]) -> bool:
    """Whether the subcommands and options among `words` are those of `command`."""
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        context = click.Context(command)
        if words[0] not in command.list_commands(context):
            return False
        inner = command.get_command(context, words[0])
        return inner is not None and _known(inner, words[1:])
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    return all(word in {*known, "--help", "--log-file"} for word in words if word.startswith("--"))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    code = [
        block
        for block in blocks_of(page)
        if block.language == "python" or (block.language == "bash" and [*commands_of(block.code)])
    ]
    silent = [b.code for b in code if b.mark != "run" and not b.mark.startswith("not run: ")]
    assert page.name == "README.md" or silent == []
    assert not [b for b in blocks_of(page) if b.language == "sh"], "write bash: it is checked"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, as the pages expect them: photographs, crops, probes, a gallery and a clip."""
    folder = tmp_path_factory.mktemp("pages")
    samples = shutil.copytree(ROOT / "data" / "samples", folder / "data" / "samples")
    words = ["degrade", str(samples / "faces.csv"), "--out", str(folder / "made"), "--quiet"]
    assert CliRunner().invoke(cli, words).exit_code == 0
    lr = folder / "made" / "lr"
    shutil.copytree(lr, folder / "crops")
    (folder / "probes").mkdir()
    shutil.copy(lr / "biden2.png", folder / "probes")
    write_clip(folder / "gate.mp4", walkers(samples, 30))
    for person, photograph in (("Joe Biden", "biden.jpg"), ("Barack Obama", "obama.jpg")):
        (folder / "people" / person).mkdir(parents=True)
        shutil.copy(samples / photograph, folder / "people" / person)
    return folder


@pytest.fixture
def workspace(template: Path, tmp_path: Path) -> Path:
    """A copy of them for each page, so that no page finds the results of another."""
    return shutil.copytree(template, tmp_path / "pages")


@pytest.mark.parametrize("page", RUN, ids=_name)
def test_marked_blocks_run(page: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)
    names: dict[str, object] = {}
    for block in blocks_of(page):
        if block.mark.startswith("file "):
            Path(block.mark.removeprefix("file ")).write_text(block.code, "utf-8")
        elif block.mark == "run":
            _RUNNERS[block.language](block.code, names)


def _run_shell(code: str, _names: dict[str, object]) -> None:
    for words in commands_of(code):
        result: Result = CliRunner().invoke(cli, words, standalone_mode=False)
        assert result.exception is None, (words, result.output)
        assert result.return_value in (0, None), (words, result.output)


def _run_python(code: str, names: dict[str, object]) -> None:
    exec(compile(code, "<page>", "exec"), names)


_RUNNERS: dict[str, Callable[[str, dict[str, object]], None]] = {
    "bash": _run_shell,
    "python": _run_python,
}

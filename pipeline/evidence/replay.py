"""Makes the outputs of a run again and compares their hashes with those of evidence.json."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from data.errors import UsageError
from pipeline.environment.provenance import library_versions
from pipeline.evidence.compare_files import Agreement, agreement, same_but
from pipeline.evidence.hashes import file_sha256
from pipeline.evidence.log import GALLERY_OPTIONS, option_value
from pipeline.evidence.models import gallery_files, models_of
from pipeline.evidence.schema import read_evidence

Stage = Literal["input", "model", "output", "replay"]
_PLACES: Final = frozenset({"path"})
"""Columns of tables that say where an input lies: not compared when the inputs lie elsewhere."""
_QUOTED: Final = 400
_DETECTORS: Final = {"detect": "auto", "identify": "hog"}
"""Detectors of the commands where `--detector` was not given."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What does not agree with evidence.json, and where it was seen first."""

    stage: Stage
    what: str
    """Path or name."""
    why: str

    def __str__(self) -> str:
        return f"{self.stage} {self.what}: {self.why}"


@dataclass(frozen=True, slots=True)
class Replay:
    """The outcome of a replay."""

    difference: Difference | None
    """The first one; None where everything agrees."""
    inputs: int
    models: int
    bitwise: int
    """Outputs that were made again with equal bytes."""
    within_tolerance: int
    """Outputs of another platform whose values agree as `compare_files` says."""
    same_platform: bool

    @property
    def agrees(self) -> bool:
        """True when nothing differs."""
        return self.difference is None

    def as_text(self) -> str:
        """The outcome in a few lines."""
        if self.difference is not None:
            return f"DIFFERS: {self.difference}"
        lines = [
            f"agrees: {self.inputs} input files and {self.models} model files have their hashes; "
            f"{self.bitwise} outputs were made again with equal bytes"
        ]
        if self.within_tolerance:
            lines.append(
                f"{self.within_tolerance} outputs agree within the tolerance for another platform "
                "(2 grey levels; 0.5 px; 0.01 of a figure)"
            )
        if not self.same_platform:
            lines.append("the run was made on another platform or with other library versions")
        return "\n".join(lines)


class _Found(Exception):  # noqa: N818 - it ends the search, it is no error
    def __init__(self, stage: Stage, what: str, why: str) -> None:
        self.difference = Difference(stage, what, why)


def replay(
    directory: Path,
    *,
    inputs: Path | None = None,
    say: Callable[[str], object] = lambda _text: None,
) -> Replay:
    """Check every hash of `directory`/evidence.json, run the command again, compare the outputs.

    In this order: input files, model files, the outputs that lie in `directory`, then the outputs
    made again in a temporary folder. The search ends at the first difference. On the platform and
    libraries of the run outputs must be equal bit by bit; elsewhere `compare_files` says how near.

    `inputs` is the folder that holds the inputs now; by default they are where they were. Then the
    column `path` of the tables is not compared. `say` hears what is being done. Raises `UsageError`
    when evidence.json cannot be used.
    """
    evidence = read_evidence(directory)
    if evidence["run"]["interrupted"]:
        raise UsageError(f"{directory} holds an interrupted run: finish it with --resume first")
    moved = _Moved.of(evidence, inputs)
    same = _same_platform(evidence)
    counted: dict[Agreement, int] = {"bitwise": 0, "tolerance": 0}
    difference: Difference | None = None
    try:
        say("comparing the hashes of inputs, models and outputs")
        _check_inputs(evidence, moved)
        _check_models(evidence)
        _check_outputs(evidence, directory)
        with tempfile.TemporaryDirectory(prefix="sr-pipeline-replay-") as temporary:
            made = Path(temporary) / "out"
            say("running the command again")
            _run_again(evidence, moved, made)
            places = _PLACES if moved.now != moved.base else frozenset()
            for kind in _compare(evidence, directory, made, exact=same, without=places):
                counted[kind] += 1
    except _Found as found:
        difference = found.difference
    files = len({entry["path"] for entry in evidence["inputs"] if "sha256" in entry})
    return Replay(
        difference,
        files,
        len(evidence["models"]),
        counted["bitwise"],
        counted["tolerance"],
        same,
    )


@dataclass(frozen=True, slots=True)
class _Moved:
    """Where the inputs were, and where they are now."""

    base: Path
    now: Path

    @classmethod
    def of(cls, evidence: Mapping[str, Any], inputs: Path | None) -> _Moved:
        given = [str(text) for text in evidence["run"]["inputs"]]
        folder = Path(evidence["run"]["folder"])
        if "-" in given:
            given = [str(entry["path"]) for entry in evidence["inputs"]]
        folders = [_folder_of(folder / text) for text in given]
        base = Path(os.path.commonpath(folders)) if folders else folder
        return cls(base, inputs.absolute() if inputs else base)

    def __call__(self, path: Path) -> Path:
        """The place of a file or folder now."""
        return self.now / path.relative_to(self.base) if path.is_relative_to(self.base) else path


def _folder_of(path: Path) -> Path:
    """The folder itself, or that of a file; a path that is gone counts by its suffix."""
    still = Path(*[part for part in path.parts if not set(part) & set("*?[")])
    is_file = path.is_file() or (not path.exists() and bool(path.suffix)) or still != path
    return Path(os.path.normpath(still.parent if is_file and still == path else still))


def _check_inputs(evidence: Mapping[str, Any], moved: _Moved) -> None:
    seen: set[Path] = set()
    for entry in evidence["inputs"]:
        path = moved(Path(entry["path"]))
        if path in seen or "sha256" not in entry:
            continue
        seen.add(path)
        if not path.is_file():
            raise _Found("input", str(path), "the file is gone; name its folder with --inputs")
        _same_hash("input", str(path), path, entry["sha256"])


def _check_models(evidence: Mapping[str, Any]) -> None:
    folder = Path(evidence["run"]["folder"])
    gallery = option_value(evidence["run"]["options"], *GALLERY_OPTIONS)
    upscaler = option_value(evidence["run"]["options"], "--upscaler") or ""
    as_recorded = {str(folder / upscaler): upscaler}  # a file may have been named from its folder
    here = {
        (model.role, as_recorded.get(model.name, model.name), model.path.name): model.path
        for model in [
            *models_of(_settings(evidence)),
            *gallery_files(folder / gallery if gallery else None),
        ]
    }
    for entry in evidence["models"]:
        path = here.get((entry["role"], entry["name"], entry["file"]))
        name = f"{entry['role']} {entry['name']} ({entry['file']})"
        if path is None:
            raise _Found("model", name, "it is not installed here")
        _same_hash("model", name, path, entry["sha256"])


def _settings(evidence: Mapping[str, Any]) -> dict[str, object]:
    """What `models_of` reads of a run's settings, from the words of its command."""
    folder, options = Path(evidence["run"]["folder"]), evidence["run"]["options"]
    upscaler = option_value(options, "--upscaler") or ""
    return {
        "upscaler": str(folder / upscaler) if (folder / upscaler).is_file() else upscaler,
        "detector": option_value(options, "--detector")
        or _DETECTORS.get(evidence["run"]["command"]),
        "yunet_model": option_value(options, "--yunet-model"),
        "identify": any(step["step"] == "identify" for step in evidence["steps"]),
    }


def _check_outputs(evidence: Mapping[str, Any], directory: Path) -> None:
    for entry in evidence["outputs"]:
        path = directory / entry["path"]
        if not path.is_file():
            raise _Found("output", entry["path"], "the file is gone")
        _same_hash("output", entry["path"], path, entry["sha256"])


def _same_hash(stage: Stage, name: str, path: Path, wanted: str) -> None:
    found = file_sha256(path)
    if found != wanted:
        raise _Found(stage, name, f"sha256 is {found[:16]}…, it was {wanted[:16]}…")


def _compare(
    evidence: Mapping[str, Any],
    directory: Path,
    made: Path,
    *,
    exact: bool,
    without: frozenset[str],
) -> Iterator[Agreement]:
    for entry in evidence["outputs"]:
        if not entry["replayed"]:
            continue
        again = made / entry["path"]
        if not again.is_file():
            raise _Found("replay", entry["path"], "it was not made again")
        before = directory / entry["path"]
        if file_sha256(again) == entry["sha256"] or (without and same_but(before, again, without)):
            yield "bitwise"
            continue
        why = "its bytes differ" if exact else agreement(before, again, without=without)
        if why is not None:
            raise _Found("replay", entry["path"], why)
        yield "tolerance"


def _same_platform(evidence: Mapping[str, Any]) -> bool:
    software = evidence["software"]
    return bool(
        software["libraries"] == library_versions()
        and software.get("machine") == platform.machine()
        and software["python"] == platform.python_version()
    )


def _run_again(evidence: Mapping[str, Any], moved: _Moved, out: Path) -> None:
    """Run the recorded command in a process of its own, from the recorded folder."""
    arguments, text = replay_arguments(evidence, moved, out)
    root = Path(__file__).resolve().parents[2]
    folder = Path(evidence["run"]["folder"])
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-c", "from pipeline.entry import main; main()", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder if folder.is_dir() else None,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "SR_PIPELINE_CONFIG": ""},
    )
    if done.returncode not in (0, 1):
        words = " ".join(done.stderr.split())[-_QUOTED:]
        raise _Found("replay", evidence["run"]["command"], f"exit {done.returncode}: {words}")


def replay_arguments(
    evidence: Mapping[str, Any], moved: _Moved, out: Path
) -> tuple[list[str], str | None]:
    """The command as words for the shell, and what is typed on stdin."""
    run = evidence["run"]
    words = [run["command"], *run["options"], f"--out={out}", "--quiet"]
    if option_value(run["options"], *GALLERY_OPTIONS) is not None:
        words.append("--no-cache")  # what is compared was made again, not remembered
    words.append("--")
    given = [str(text) for text in run["inputs"]]
    if given == ["-"]:
        paths = dict.fromkeys(str(moved(Path(e["path"]))) for e in evidence["inputs"])
        return [*words, "-"], "\n".join(paths)
    folder = Path(run["folder"])
    return [*words, *(_moved_input(text, folder, moved) for text in given)], None


def _moved_input(text: str, folder: Path, moved: _Moved) -> str:
    """An INPUT as it was typed where nothing moved: keys of images may depend on its form."""
    if moved.now == moved.base:
        return text
    return str(moved(Path(os.path.normpath(folder / text))))

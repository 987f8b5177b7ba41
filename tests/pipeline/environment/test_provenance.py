"""A commit is marked when code differs from it, not when results were written."""

import subprocess
from pathlib import Path

import pytest

from pipeline.environment import provenance

WRITTEN = ("benchmarks/results/table1.md", "README.md", "docs/a.md")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "checkout"
    for name in ("pipeline/environment/provenance.py", "data/README.md", *WRITTEN):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("before\n")
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    monkeypatch.setattr(
        provenance, "__file__", str(root / "pipeline" / "environment" / "provenance.py")
    )
    return root


def test_written_results_do_not_mark_the_commit_of_the_next_run(checkout: Path) -> None:
    clean = provenance.commit()
    assert clean is not None and len(clean) == 12
    for name in WRITTEN:
        (checkout / name).write_text("after\n")
    (checkout / "tables").mkdir()
    (checkout / "tables" / "table1.md").write_text("new\n")
    assert provenance.commit() == clean


@pytest.mark.parametrize("name", ["pipeline/environment/provenance.py", "data/README.md"])
def test_any_other_change_marks_it(checkout: Path, name: str) -> None:
    clean = provenance.commit()
    (checkout / name).write_text("after\n")
    assert provenance.commit() == f"{clean}+"

"""The layout of the code is its architecture: which room may import which.

Every import counts: in functions and under `TYPE_CHECKING` too. A room is a package or module
directly below one of the four packages.
"""

from __future__ import annotations

import ast
import tokenize
from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

from benchmarks.tools.import_graph import MAY_IMPORT, Arrow, arrows, cycles, modules

ROOT: Final = Path(__file__).resolve().parents[1]

FLOORS: Final = {
    "data": [
        "safe_text",
        "errors",
        "regular_files",
        "atomic",
        "boxes",
        "images",
        "annotations",
        "prepared",
        "datasets",
        "leakage",
    ],
    "pipeline": [
        *("names", "environment", "methods", "inputs", "evidence", "detection", "upscalers"),
        *("origins", "identity", "uncertainty", "metrics"),
        *("engine", "tracks", "evaluation", "report", "jobs", "api"),
        *("doctor", "app", "commands", "failures", "cli", "entry"),
    ],
}
"""A room may import the rooms that stand before it."""

COMPOSITION_ROOTS: Final = {"pipeline/cli.py", "pipeline/__init__.py", "sr_pipeline.py"}
"""These import modules by name: commands are loaded only when they are called."""


@pytest.fixture(scope="module")
def found() -> list[Arrow]:
    return list(arrows(ROOT))


def test_packages_import_only_what_stands_below_them(found: list[Arrow]) -> None:
    wrong = [
        f"{arrow.place} imports {arrow.target}"
        for arrow in found
        if (a := arrow.source.split(".")[0]) != (b := arrow.target.split(".")[0])
        and b not in MAY_IMPORT[a]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", FLOORS)
def test_rooms_import_only_rooms_below_them(found: list[Arrow], package: str) -> None:
    order = FLOORS[package]
    wrong = []
    for arrow in found:
        a, b = arrow.source.partition(".")[2], arrow.target.partition(".")[2]
        if all(room.startswith(f"{package}.") for room in (arrow.source, arrow.target)):
            if a not in order or b not in order:
                wrong.append(f"{arrow.place}: {a} or {b} has no floor")
            elif order.index(b) >= order.index(a):
                wrong.append(f"{arrow.place} imports {b}, which is not below {a}")
    assert wrong == []


def test_there_is_no_cycle(found: list[Arrow]) -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for arrow in found:
        graph[arrow.source].add(arrow.target)
    assert cycles({room: frozenset(targets) for room, targets in graph.items()}) == []


def test_nothing_of_ours_is_imported_by_a_string() -> None:
    found = []
    for path in (file for package in MAY_IMPORT for file in modules(ROOT, package)):
        if path.relative_to(ROOT).as_posix() in COMPOSITION_ROOTS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__"):
                first = node.args[0] if node.args else None
                foreign = isinstance(first, ast.Constant) and _is_foreign(str(first.value))
                if not foreign:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def _is_foreign(name: str) -> bool:
    return name.split(".")[0] not in MAY_IMPORT


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def test_an_image_is_called_an_image() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{token.start[0]}: {token.string}"
        for path in [file for package in (*MAY_IMPORT, "tests") for file in modules(ROOT, package)]
        for token in _tokens(path)
        if token.type == tokenize.NAME and "picture" in token.string.lower()
    ]
    assert found == []


def _tokens(path: Path) -> list[tokenize.TokenInfo]:
    with path.open("rb") as file:
        return list(tokenize.tokenize(file.readline))

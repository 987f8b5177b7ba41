"""The layout of the code is its architecture: which room may import which.

Every import counts: in functions and under `TYPE_CHECKING` too. A room is a package or module
directly below one of the four packages.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]

PACKAGES: Final = {
    "gflmser": set(),
    "data": {"gflmser"},
    "pipeline": {"gflmser", "data"},
    "benchmarks": {"gflmser", "data", "pipeline"},
    "sr_pipeline": {"pipeline"},
}
"""Package -> what it may import beside itself."""

FLOORS: Final = {
    "data": [
        "errors",
        "safe_text",
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
        *("origins", "identity", "metrics"),
        *("engine", "tracks", "evaluation", "report", "jobs", "api"),
        *("doctor", "app", "commands", "failures", "cli", "entry"),
    ],
}
"""A room may import the rooms that stand before it."""

COMPOSITION_ROOTS: Final = {"pipeline/cli.py", "pipeline/__init__.py", "sr_pipeline.py"}
"""These import modules by name: commands are loaded only when they are called."""


def modules() -> list[Path]:
    """Every Python file of the product."""
    folders = [ROOT / package for package in PACKAGES if (ROOT / package).is_dir()]
    return [ROOT / "sr_pipeline.py", *sorted(p for folder in folders for p in folder.rglob("*.py"))]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Modules of ours that a file imports, with the line."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module in PACKAGES:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.split(".")[0] in PACKAGES:
                yield name, node.lineno


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def arrows() -> dict[tuple[str, str], list[str]]:
    """(room, room) -> the places that import."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in modules():
        here = room(module_of(path))
        for name, line in imports(path):
            if room(name) != here:
                found[here, room(name)].append(f"{path.relative_to(ROOT)}:{line}")
    return dict(found)


def test_packages_import_only_what_stands_below_them() -> None:
    wrong = [
        f"{places[0]} imports {target}"
        for (source, target), places in arrows().items()
        if (a := source.split(".")[0]) != (b := target.split(".")[0]) and b not in PACKAGES[a]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", FLOORS)
def test_rooms_import_only_rooms_below_them(package: str) -> None:
    order = FLOORS[package]
    wrong = []
    for (source, target), places in arrows().items():
        a, b = source.partition(".")[2], target.partition(".")[2]
        if source.startswith(f"{package}.") and target.startswith(f"{package}."):
            if a not in order or b not in order:
                wrong.append(f"{places[0]}: {a} or {b} has no floor")
            elif order.index(b) >= order.index(a):
                wrong.append(f"{places[0]} imports {target}, which is not below {source}")
    assert wrong == []


def test_there_is_no_cycle() -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for source, target in arrows():
        graph[source].add(target)
    assert [room for room in list(graph) if room in _reached(graph, room)] == []


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        for target in graph.get(todo.pop(), set()) - seen:
            seen.add(target)
            todo.append(target)
    return seen


def test_nothing_of_ours_is_imported_by_a_string() -> None:
    found = []
    for path in modules():
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
    return name.split(".")[0] not in PACKAGES


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""

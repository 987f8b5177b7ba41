"""The import graph of a checkout: rooms, arrows, cycles, arrows that run up, lines of code.

python -m benchmarks.tools.import_graph [CHECKOUT]

A room is a package or module directly below one of the four packages. Imports in functions and
under `TYPE_CHECKING` count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

MAY_IMPORT: Final[Mapping[str, frozenset[str]]] = {
    "gflmser": frozenset(),
    "data": frozenset({"gflmser"}),
    "pipeline": frozenset({"gflmser", "data"}),
    "benchmarks": frozenset({"gflmser", "data", "pipeline"}),
    "sr_pipeline": frozenset({"pipeline"}),
}
"""Package -> the packages below it. `sr_pipeline` is one module."""

Graph = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Arrow:
    """One import of another room; a package's `__init__` stands for the package itself."""

    source: str
    """The room that imports, as `pipeline.jobs`."""
    target: str
    place: str
    """File and line of the import."""


@dataclass(frozen=True, slots=True)
class Package:
    """Figures of one package; `arrows` and `cycles` are between its own rooms."""

    name: str
    rooms: int
    arrows: int
    cycles: int
    upward: int
    """Rooms of packages above that its rooms import."""
    files: int
    lines: int
    """Lines that are neither empty nor a comment alone."""


def packages(root: Path) -> Iterator[Package]:
    """Figures of each package below `root`, in the order of `MAY_IMPORT`."""
    for name, below in MAY_IMPORT.items():
        if not (files := sorted((root / name).rglob("*.py"))):
            continue
        graph = room_graph(root, name)
        own = {
            room: frozenset(to for to in targets if _package(to) == name)
            for room, targets in graph.items()
        }
        every = frozenset[str]().union(*graph.values())
        yield Package(
            name,
            len(graph),
            sum(map(len, own.values())),
            len(cycles(own)),
            sum(_package(room) not in {name, *below} for room in every),
            len(files),
            sum(map(_code_lines, files)),
        )


def room_graph(root: Path, package: str) -> Graph:
    """Room -> the other rooms that it imports, of any of the packages."""
    rooms = {_room(root, file) for file in (root / package).rglob("*.py")} - {package}
    graph: dict[str, set[str]] = {room: set() for room in sorted(rooms)}
    for arrow in arrows(root, package):
        if arrow.source in graph:
            graph[arrow.source].add(arrow.target)
    return {room: frozenset(targets) for room, targets in graph.items()}


def arrows(root: Path, *packages: str) -> Iterator[Arrow]:
    """Every import of one room by another, file by file; of all packages where none is named."""
    for package in packages or MAY_IMPORT:
        for file in modules(root, package):
            here = _room(root, file)
            for name, line in _imported(file):
                if (target := ".".join(name.split(".")[:2])) != here:
                    yield Arrow(here, target, f"{file.relative_to(root).as_posix()}:{line}")


def modules(root: Path, package: str) -> list[Path]:
    """The Python files of a package, or the one file that it is."""
    single = root / f"{package}.py"
    return [single] if single.is_file() else sorted((root / package).rglob("*.py"))


def _room(root: Path, file: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(part for part in parts[:2] if part != "__init__")


def _package(room: str) -> str:
    return room.partition(".")[0]


def _imported(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [module] if "." in module else [f"{module}.{name}" for name in names]
        for name in names:
            if _package(name) in MAY_IMPORT:
                yield name, node.lineno


def cycles(graph: Graph) -> list[frozenset[str]]:
    """Sets of more than one room that all reach each other."""
    reach = {room: _reached(graph, room) for room in graph}
    groups = {frozenset(b for b in graph if b in reach[a] and a in reach[b]) | {a} for a in graph}
    return [group for group in groups if len(group) > 1]


def _reached(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for room in graph.get(waiting.pop(), frozenset()):
            if room not in seen:
                seen.add(room)
                waiting.append(room)
    return seen


def _code_lines(file: Path) -> int:
    lines = map(str.strip, file.read_text("utf-8").splitlines())
    return sum(bool(line) and not line.startswith("#") for line in lines)


@click.command()
@click.argument(
    "checkout", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path()
)
def main(checkout: Path) -> None:
    """Print the figures of the packages of CHECKOUT as a Markdown table."""
    click.echo("| package | rooms | arrows | cycles | upward arrows | files | lines |")
    click.echo("| --- | --: | --: | --: | --: | --: | --: |")
    for p in packages(checkout):
        cells = (p.name, p.rooms, p.arrows, p.cycles, p.upward, p.files, p.lines)
        click.echo(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()

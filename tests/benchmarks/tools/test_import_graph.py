"""The figures of an import graph, on a checkout of four rooms."""

from pathlib import Path

from benchmarks.tools.import_graph import cycles, packages, room_graph

FILES = {
    "gflmser/a.py": "",
    "data/a.py": "import gflmser.a\n",
    "pipeline/a.py": "# a comment\n\ndef f():\n    from pipeline import b\n",
    "pipeline/b.py": "from pipeline.a import f\nfrom benchmarks.a import g\n",
    "benchmarks/a.py": "from pipeline.a import f\n",
}


def test_cycles_and_upward_arrows_are_counted(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    found = {package.name: package for package in packages(tmp_path)}
    pipeline = found["pipeline"]
    assert (pipeline.rooms, pipeline.arrows, pipeline.cycles, pipeline.upward) == (2, 2, 1, 1)
    assert (pipeline.files, pipeline.lines) == (2, 4)
    assert (found["data"].upward, found["benchmarks"].upward) == (0, 0)
    assert room_graph(tmp_path, "data") == {"data.a": frozenset({"gflmser.a"})}


def test_rooms_that_reach_each_other_are_one_cycle() -> None:
    graph = {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("a"), "d": frozenset("a")}
    assert cycles(graph) == [frozenset("abc")]

"""Tables of other programs: the separator is guessed, and a wrong line is named."""

from pathlib import Path

import pytest

from data.annotations.annotations import read_truth
from data.errors import TruthError
from pipeline.evaluation.pairs import Pairs


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_guessed(tmp_path: Path, separator: str) -> None:
    pairs, truth = tmp_path / "pairs.csv", tmp_path / "truth.csv"
    pairs.write_text("A,B,Same\nx.png,y.png,1\n".replace(",", separator), "utf-8")
    assert Pairs.read(pairs) == Pairs(("x.png",), ("y.png",), (True,))
    rows = "image,left,top,right,bottom\nx.png,2,3,12,13\n"
    truth.write_text(rows.replace(",", separator), "utf-8")
    (boxes,) = read_truth(truth)["x.png"]
    assert (boxes.left, boxes.bottom) == (2, 13)


@pytest.mark.parametrize("line", ["x.png;y.png;maybe", "x.png"])
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "pairs.csv").write_text(f"a;b;same\nx.png;y.png;1\n{line}\n", "utf-8")
    with pytest.raises(TruthError, match="line 3"):
        Pairs.read(tmp_path / "pairs.csv")

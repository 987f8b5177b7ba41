"""2,000 hostile inputs of eleven kinds: each is taken, or refused on one clean line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.safe_text import one_line, printable, safe_cell
from gflmser.names import checked_name, name_of_file
from tests.fuzz.rounds import Counts, fuzz
from tests.fuzz.targets import TARGETS

SHARES = sum(weight for _, weight in TARGETS.values())
INPUTS = 20 * SHARES


@pytest.mark.parametrize("kind", TARGETS)
def test_hostile_inputs_are_taken_or_refused_on_one_line(kind: str) -> None:
    counts = Counts()
    fuzz(counts, seed=0, inputs=INPUTS, kinds=(kind,))
    assert counts.defects == []
    assert counts.inputs == 20 * TARGETS[kind][1]
    assert INPUTS >= 2_000


@given(st.text())
def test_what_is_printable_has_no_control_character_and_can_be_encoded(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert printable(shown) == shown
    assert "\n" not in one_line(text)
    assert not safe_cell(text).startswith(("=", "+", "-", "@"))


@given(st.text(alphabet=st.characters(codec=None)))
@settings(max_examples=300)
def test_a_name_is_a_plain_file_name_or_refused(text: str) -> None:
    made = checked_name(name_of_file(text))
    assert "/" not in made
    assert made not in (".", "..")
    try:
        name = checked_name(text)
    except ValueError as error:
        assert printable(str(error)) == str(error)
    else:
        assert name == text
        assert name.isascii()
        assert "/" not in name

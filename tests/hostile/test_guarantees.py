"""The table of guarantees: each promise names a test that exists."""

import ast
import re

import pytest

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "explanation" / "guarantees.md"
ROWS = re.findall(r"^\| (?!Promise|---)(.+?) \| (.+?) \|$", PAGE.read_text("utf-8"), re.M)


def test_the_table_is_not_empty_and_the_readme_links_to_it() -> None:
    assert len(ROWS) >= 30
    assert "docs/explanation/guarantees.md" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(("promise", "test"), ROWS)
def test_each_promise_names_an_existing_test(promise: str, test: str) -> None:
    found = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", test)
    assert found is not None, promise
    tree = ast.parse((ROOT / found[1]).read_text("utf-8"))
    assert found[2] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

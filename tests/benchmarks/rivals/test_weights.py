"""Weight files of rivals that are damaged are refused in one line."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from data.errors import ModelError
from gflmser.weights import SHIPPED
from pipeline.methods import load_trained, verify_trained


@pytest.mark.parametrize("card", [{}, {"card": "{"}, {"card": "[]"}, {"card": "{}"}])
def test_a_file_without_a_readable_card_is_refused(card: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    save_file({"x": torch.zeros(1)}, broken, {"format": "sr-rival-1", **card})
    assert verify_trained(broken)[0].startswith("broken.safetensors: the card")
    with pytest.raises(ModelError, match=r"^broken.safetensors: the card"):
        load_trained(broken)


@pytest.mark.parametrize("content", ["[]", "{", "7", None])
def test_a_damaged_card_beside_the_weights_is_told(content: str | None, tmp_path: Path) -> None:
    path = Path(shutil.copy(SHIPPED / "rivals" / "srgan.safetensors", tmp_path))
    if content is not None:
        path.with_suffix(".json").write_text(content)
    assert verify_trained(path) == ["srgan.json is missing or damaged"]


def test_a_card_beside_the_weights_that_lacks_fields_is_told(tmp_path: Path) -> None:
    path = Path(shutil.copy(SHIPPED / "rivals" / "srgan.safetensors", tmp_path))
    path.with_suffix(".json").write_text("{}")
    assert verify_trained(path)[0].startswith("srgan.json: the card cannot be read")

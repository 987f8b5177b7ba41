"""case.pdf read back: words, images, limits, and nothing that lies outside the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from pipeline.report.case_pdf import words

pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
pytest.importorskip("fpdf", reason="fpdf2 is not installed")

Run = Callable[..., Result]
NOTE = "case 7 – Кириллица"


@pytest.fixture
def folder(run: Run, lr_folder: Path, tmp_path: Path) -> Path:
    made = ("upscale", lr_folder, "--out", tmp_path / "out", "--upscaler", "bicubic", "--limit", 3)
    assert run(*made, "--note", NOTE, "--quiet").exit_code == 0
    assert run("report", tmp_path / "out", "--pdf", "--quiet").exit_code == 0
    return tmp_path / "out"


def text_of(folder: Path) -> str:
    pages = pypdf.PdfReader(folder / "case.pdf").pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_the_record_says_what_was_done_and_what_it_cannot_say(folder: Path) -> None:
    text = text_of(folder)
    assert NOTE in text
    for number, heading in enumerate(("Originals", "Steps", "Results", "Limits", "Practice"), 1):
        assert f"{number}. {heading}" in text
    for limit in (*words.LIMITS, *words.PRACTICE, words.NO_CLAIM):
        assert " ".join(limit.split()[:6]) in text
    assert "not evidence of identity" in text
    assert "bicubic" in text


def test_native_and_restored_stand_side_by_side(folder: Path) -> None:
    reader = pypdf.PdfReader(folder / "case.pdf")
    shown = [image for page in reader.pages for image in page.images]
    assert len(shown) == 6, "three faces, native and restored"
    text = text_of(folder)
    assert text.count("native, 16x16 px") == 3
    assert text.count("restored, 64x64 px: not evidence of identity") == 3


def test_the_file_holds_its_fonts_and_opens_nothing(folder: Path) -> None:
    reader = pypdf.PdfReader(folder / "case.pdf")
    fonts = [font for page in reader.pages for font in _fonts(page)]
    assert fonts
    for font in fonts:
        (inner,) = font["/DescendantFonts"]
        assert "/FontFile2" in inner.get_object()["/FontDescriptor"], "embedded"
    content = (folder / "case.pdf").read_bytes()
    for word in (b"/URI", b"/JavaScript", b"/Launch", b"/EmbeddedFile", b"/GoToR"):
        assert word not in content


def _fonts(page: Any) -> list[Any]:  # noqa: ANN401 - pypdf is optional
    return [font.get_object() for font in page["/Resources"]["/Font"].values()]


def test_equal_folders_give_equal_documents(run: Run, folder: Path) -> None:
    first = (folder / "case.pdf").read_bytes()
    assert run("report", folder, "--pdf", "--quiet").exit_code == 0
    assert (folder / "case.pdf").read_bytes() == first

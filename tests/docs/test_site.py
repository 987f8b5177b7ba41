"""The site builds without a warning, needs no other host, and shows what the code says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pipeline.cli import cli
from tests.pipeline.report.browser import started

ROOT = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"\]\(([^)\s#]+)")
_OTHER_HOST = re.compile(
    r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//|<link[^>]+href=\"https?:"
)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site that `make docs` has just built, or one built here."""
    if built := os.environ.get("BUILT_SITE"):
        return ROOT / built
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_of_the_sources_is_in_the_site(site: Path) -> None:
    sources = {file.relative_to(ROOT / "docs") for file in (ROOT / "docs").rglob("*.md")}
    assert sources, "no sources"
    missing = [page for page in sources if not (site / page.with_suffix(".html")).is_file()]
    assert missing == []


def test_the_site_asks_no_other_host(site: Path) -> None:
    asking = [page.name for page in site.rglob("*.html") if _OTHER_HOST.search(page.read_text())]
    assert asking == []


@pytest.mark.browser
def test_search_answers_in_a_page_that_is_opened_as_a_file(site: Path) -> None:
    with started() as browser:
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        page.locator(".md-search__input").click()
        page.keyboard.type("gallery")
        hit = page.locator(".md-search-result__link").first
        hit.wait_for()
        assert "gallery" in hit.inner_text().lower()
        hit.click()
        page.wait_for_url(re.compile(r"\.html(\?h=|#|$)"))
    assert {address.split(":")[0] for address in asked} <= {"file", "data"}


def test_the_reference_has_every_command_and_option(site: Path) -> None:
    text = (site / "reference" / "commands.html").read_text("utf-8")
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert f'id="{name}"' in text
        for option in command.params:
            assert not isinstance(option, click.Option) or option.opts[0] in text


def test_the_reference_has_every_key_of_the_configuration(site: Path) -> None:
    text = (site / "reference" / "configuration.html").read_text("utf-8")
    for key in ("group_residual", "hr_detector", "milestones", "validation_crops"):
        assert key in text


def test_the_results_are_copies(site: Path) -> None:
    for file in (ROOT / "benchmarks" / "results").glob("*.md"):
        cells = re.findall(r"\d+\.\d+ \[[^\]]+\]", file.read_text("utf-8"))
        page = (site / "results" / f"{file.stem}.html").read_text("utf-8")
        assert all(cell in page.replace("<strong>", "").replace("</strong>", "") for cell in cells)


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md", "data/weights/README.md"]
)
def test_links_of_the_repository_lead_somewhere(name: str) -> None:
    file = ROOT / name
    links = [link for link in _LINK.findall(file.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (file.parent / link).exists()] == []

"""mkdocs hook: generated pages, navigation by folder, links into the repository.

Generated at build time: the commands (from click), the configuration (from the schema), the
published tables (from benchmarks/results) and the notebook as a page.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from commands_page import commands_page  # noqa: E402 - found beside this file by mkdocs
from configuration_page import configuration_page  # noqa: E402
from notebook_page import notebook_page  # noqa: E402
from results_pages import results_pages  # noqa: E402

_LINK: Final = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, then expand `FOLDER/*` of the navigation."""
    pages = {
        "reference/commands.md": commands_page(),
        "reference/configuration.md": configuration_page(),
        "notebooks/quickstart.md": notebook_page(ROOT / "docs/notebooks/quickstart.ipynb"),
        **results_pages(ROOT / "benchmarks/results"),
    }
    for uri, text in pages.items():
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, content=text))
    uris = sorted(file.src_uri for file in files.documentation_pages())
    config.nav = _expanded(config.nav, uris, _named(config.nav))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Show a link to a file of the repository that is no page as its path."""
    folder = posixpath.dirname(page.file.src_uri)

    def shown(link: re.Match[str]) -> str:
        text, target = link.group(1), link.group(2)
        if "://" in target or target.startswith("mailto:"):
            return link.group(0)
        uri = posixpath.normpath(posixpath.join("docs", folder, target))
        if uri.startswith("docs/") or not (ROOT / uri).exists():
            return link.group(0)
        return f"`{uri}`" if text.strip("`") in uri else f"{text} (`{uri}`)"

    return _LINK.sub(shown, markdown)


def _named(nav: Any) -> set[str]:  # noqa: ANN401 - nav is nested lists, dicts and strings
    """Every page that the navigation names."""
    if isinstance(nav, str):
        return {nav}
    inner = nav.values() if isinstance(nav, dict) else nav
    return set().union(*map(_named, inner)) if inner else set()


def _expanded(nav: Any, uris: list[str], named: set[str]) -> Any:  # noqa: ANN401
    """`nav` with each `FOLDER/*` replaced by the pages of the folder that it does not name."""
    if isinstance(nav, dict):
        return {title: _expanded(inner, uris, named) for title, inner in nav.items()}
    if not isinstance(nav, list):
        return nav
    items: list[Any] = []
    for item in nav:
        if isinstance(item, str) and item.endswith("/*"):
            items += [uri for uri in uris if uri.startswith(item[:-1]) and uri not in named]
        else:
            items.append(_expanded(item, uris, named))
    return items

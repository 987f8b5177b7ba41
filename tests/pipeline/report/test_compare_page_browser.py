"""report.html in a real browser: it sorts, slides, and asks nothing of the network."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.environment.provenance import NOTICE
from pipeline.report import page as report_page
from pipeline.report.data import read_report
from pipeline.report.plots import render_all
from tests.pipeline.compare_folder import METHODS, ORACLE, make_compare_folder
from tests.pipeline.report.browser import started, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> str:
    directory = make_compare_folder(tmp_path_factory.mktemp("compared"), samples)
    report = read_report(directory)
    # Alone in a folder: were it not self-contained, something would be missing.
    alone = tmp_path_factory.mktemp("alone") / "report.html"
    alone.write_text(report_page.page(report, render_all(report)), encoding="utf-8")
    return alone.as_uri()


@pytest.fixture
def page(browser: "Browser", url: str) -> "Iterator[Page]":
    """The page; afterwards: no message on the console, no error, no request but for itself."""
    with watched(browser, url, width=1280) as opened:
        yield opened


def column(page: "Page", index: int, block: int = 0) -> list[str]:
    cells = page.locator(f"tbody[data-sortable] >> nth={block}").locator(
        f"tr > :nth-child({index + 1})"
    )
    values = cells.evaluate_all("cells => cells.map(c => c.dataset.value)")
    return [str(value) for value in values]


def heading(page: "Page", title: str) -> int:
    titles = page.locator("thead button").all_inner_texts()
    return titles.index(title)


def test_a_click_on_a_heading_sorts_the_rows(page: "Page") -> None:
    index = heading(page, "PSNR RGB")
    button, head = page.locator("thead button").nth(index), page.locator("thead th").nth(index)
    assert head.get_attribute("aria-sort") == "none"
    for order, reverse in (("descending", True), ("ascending", False)):
        button.click()
        values = [float(value) for value in column(page, index)]
        assert len(set(values)) == 2
        assert values == sorted(values, reverse=reverse)
        assert head.get_attribute("aria-sort") == order
    page.locator("thead button").first.click()
    assert column(page, 0) == ["bicubic", "bilinear"]
    assert head.get_attribute("aria-sort") == "none", "one heading is sorted by at a time"


def test_the_oracle_stays_below_its_rule(page: "Page") -> None:
    page.locator("thead button").nth(heading(page, "PSNR RGB")).click()
    names = page.locator("tbody th[scope=row]").all_inner_texts()
    assert names[-1].startswith(ORACLE)
    assert "oracle" in page.locator("tbody.rule").inner_text()


def test_sorting_works_from_the_keyboard(page: "Page") -> None:
    index = heading(page, "SSIM")
    page.locator("thead button").nth(index).focus()
    page.keyboard.press("Enter")
    assert page.locator("thead th").nth(index).get_attribute("aria-sort") == "descending"


def test_the_slider_moves_the_clip(page: "Page") -> None:
    card = page.locator(".card").first
    after = card.locator(".layer.after")
    assert after.count() == 1
    for value in ("20", "85"):
        card.locator("input[type=range]").fill(value)
        clip = after.evaluate("layer => getComputedStyle(layer).clipPath")
        assert clip == f"inset(0px 0px 0px {value}%)"
    other = page.locator(".card").nth(1).locator(".layer.after")
    assert "50%" in other.evaluate("layer => getComputedStyle(layer).clipPath")


def test_the_slider_follows_the_mouse_and_shows_both_images(page: "Page") -> None:
    stage = page.locator(".card .stage").first
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 2)
    value = int(stage.locator("input").input_value())
    assert 20 <= value <= 30
    shown = stage.locator(".layer:visible").evaluate_all("all => all.map(l => l.dataset.view)")
    assert set(shown) == {"lr", "bicubic"}
    sizes = stage.locator(".layer:visible img").evaluate_all(
        "all => all.map(i => [i.naturalWidth, i.getBoundingClientRect().width])"
    )
    assert sorted(natural for natural, _ in sizes) == [16, 64], "both images are decoded"
    assert len({round(width) for _, width in sizes}) == 1, "and lie on each other"


def test_methods_are_chosen_for_one_image_and_for_all(page: "Page") -> None:
    first = page.locator(".card").first
    first.locator("footer select").select_option("bilinear")
    assert first.locator(".layer.after").get_attribute("data-view") == "bilinear"
    second = page.locator(".card").nth(1).locator(".layer.after")
    assert second.get_attribute("data-view") == "bicubic"
    page.locator("#all-after").select_option("hr")
    rights = page.locator(".layer.after").evaluate_all("all => all.map(l => l.dataset.view)")
    assert rights == ["hr"] * 6
    page.locator("#all-before").select_option("bicubic")
    caption = first.locator("output").inner_text()
    assert caption == "64×64 px"


def test_boxes_lie_where_they_were_found_and_can_be_hidden(page: "Page") -> None:
    stage = page.locator(".card .stage").nth(2)
    truth = stage.locator(".layer.after .truth")
    outer, inner = stage.bounding_box(), truth.bounding_box()
    assert outer is not None
    assert inner is not None
    left = (inner["x"] - outer["x"]) / outer["width"]
    assert left == pytest.approx(16 / 64, abs=0.02)
    assert inner["width"] / outer["width"] == pytest.approx(34 / 64, abs=0.02)
    page.locator("#boxes").uncheck()
    assert truth.is_hidden()


def test_the_page_says_what_it_must(page: "Page") -> None:
    assert page.get_by_role("note").inner_text() == NOTICE
    protocol = page.locator("#h-protocol + dl").inner_text()
    for words in ("detector", "hog", "libraries.numpy", "<script>alert(1)</script>"):
        assert words in protocol
    assert page.locator(".card").count() == 6
    assert page.locator("#all-after option").count() == len(METHODS) + 2


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_reaches_over_the_side(page: "Page", width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_and_light_are_readable(page: "Page") -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        ink, paper = page.evaluate(
            "(() => { const s = getComputedStyle(document.body);"
            " return [s.color, s.backgroundColor].map(c =>"
            " c.match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3); })()"
        )
        assert (ink < paper) == (scheme == "light")
        assert abs(ink - paper) > 150
        # A browser picks among sources in a task of its own, after the scheme has changed.
        page.wait_for_function(
            "dark => (document.querySelector('figure img').currentSrc"
            " === document.querySelector('figure source').srcset) === dark",
            arg=scheme == "dark",
        )


def test_misses_are_filtered_by_the_right_side(page: "Page") -> None:
    page.locator("#all-after").select_option("bilinear")
    page.locator("#outcome").select_option("missed")
    visible = page.locator(".card:visible")
    assert visible.count() >= 1
    assert {text.split(" · ")[0] for text in visible.locator("output").all_inner_texts()} == {
        "missed"
    }
    page.locator("#outcome").select_option("")
    page.locator("#search").fill("000")
    assert page.locator(".card:visible").count() == 1
    assert page.locator("#shown").inner_text() == "1 of 6 shown"


def test_cards_are_put_in_order_of_iou(page: "Page") -> None:
    page.locator("#order").select_option("worst")
    found = page.locator(".card .layer.after").evaluate_all("all => all.map(l => l.dataset.iou)")
    assert found[-1] == "", "what has no truth comes last"
    values = [float(text) for text in found[:-1]]
    assert values == sorted(values)
    assert len(set(values)) > 1


def test_a_card_opens_large(page: "Page") -> None:
    page.locator(".card .open").first.click()
    dialog = page.get_by_role("dialog")
    assert dialog.locator("img").count() == len(METHODS) + 2
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_images_come_before_figures(page: "Page") -> None:
    headings = page.locator("h2").all_inner_texts()
    assert headings.index("Images") < headings.index("Figures")

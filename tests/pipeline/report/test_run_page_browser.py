"""report.html of a run in a real browser: filters, slider, large view; no request leaves it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.report.run_page.write import write_run_page
from tests.pipeline.report.browser import started, watched
from tests.pipeline.report.run_folder import ROWS, make_run_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> str:
    folder = make_run_folder(tmp_path_factory.mktemp("run"), samples)
    (report,) = write_run_page(folder)
    # Alone in a folder: were it not self-contained, something would be missing.
    alone = tmp_path_factory.mktemp("alone") / "report.html"
    report.rename(alone)
    return alone.as_uri()


@pytest.fixture
def page(browser: "Browser", url: str) -> "Iterator[Page]":
    with watched(browser, url) as opened:
        yield opened


def shown(page: "Page") -> list[str]:
    """Names of the cards, as a screen reader says them."""
    return page.locator(".card").evaluate_all("all => all.map(c => c.ariaLabel)")  # type: ignore[no-any-return]


def card(page: "Page", number: int) -> "Locator":
    return page.locator(".card").nth(number)


def clip(page: "Page", number: int) -> str:
    restored = card(page, number).locator(".restored")
    return str(restored.evaluate("image => image.style.clipPath"))


def test_every_row_is_a_card(page: "Page") -> None:
    assert shown(page) == [
        *("a.png, face 1, named", "a.png, face 2, no name given", "b.png, face 1, named"),
        *("c.png, no face found", "d.png, error", "b.png, face 2, dropped"),
    ]
    assert page.locator("#count").inner_text() == f"{len(ROWS)} of {len(ROWS)} cards"


def test_native_pixels_come_first(page: "Page") -> None:
    first = card(page, 0)
    assert first.locator("input[type=range]").input_value() == "0"
    assert clip(page, 0) == "inset(0px 100% 0px 0px)"
    assert first.locator(".side").inner_text() == "native pixels"
    native = first.locator(".native")
    assert native.evaluate("i => i.naturalWidth") == round(2.3 * 22)
    assert native.evaluate("i => getComputedStyle(i).imageRendering") == "pixelated"


def test_the_slider_moves_by_keyboard(page: "Page") -> None:
    slider = card(page, 0).locator("input[type=range]")
    assert slider.get_attribute("aria-label") == "Share restored of a.png, face 1"
    slider.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert clip(page, 0) == "inset(0px 80% 0px 0px)"
    assert slider.get_attribute("aria-valuetext") == "20 % restored"
    assert clip(page, 1) == "inset(0px 100% 0px 0px)", "the other cards stay"
    page.keyboard.press("End")
    assert card(page, 0).locator(".side").inner_text() == "restored"


def test_all_cards_are_switched_at_once(page: "Page") -> None:
    page.get_by_label("Half and half").check()
    assert {clip(page, n) for n in (0, 1, 2, 5)} == {"inset(0px 50% 0px 0px)"}


def test_the_uncertainty_is_a_view_of_all_cards(page: "Page") -> None:
    page.get_by_label("Uncertainty", exact=True).check()
    shown_map = card(page, 0).locator("img.spread")
    assert shown_map.is_visible()
    assert shown_map.get_attribute("alt") == "a.png, face 1, uncertainty map"
    assert card(page, 1).locator(".stage").inner_text() == "no uncertainty map"
    assert "spread 2.5" in card(page, 0).inner_text()
    page.get_by_label("Native", exact=True).check()
    assert not shown_map.is_visible()
    assert "not calibrated" in page.locator("#h-reading + dl").inner_text()


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("state", "named", ["a.png, face 1, named", "b.png, face 1, named"]),
        ("state", "error", ["d.png, error"]),
        ("look", "noisy", ["a.png, face 2, no name given"]),
        ("dori", "recognition", ["a.png, face 1, named"]),
        ("px", "15", ["a.png, face 1, named", "b.png, face 1, named"]),
        ("score", "0.9", ["a.png, face 1, named"]),
        ("spread", "2.0", ["b.png, face 1, named"]),
        ("name", "Bo <b>Kim</b>", ["a.png, face 2, no name given"]),
        ("text", "ANN", ["a.png, face 1, named", "b.png, face 1, named"]),
        ("text", "nobody", []),
    ],
)
def test_a_filter_narrows_the_cards(
    page: "Page", field: str, value: str, expected: list[str]
) -> None:
    control = page.locator(f"#filters [name={field}]")
    if control.evaluate("c => c.tagName") == "SELECT":
        control.select_option(value)
    else:
        control.fill(value)
    assert shown(page) == expected
    assert page.locator("#count").inner_text() == f"{len(expected)} of {len(ROWS)} cards"
    assert page.locator("#empty").is_visible() is (not expected)
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("count => document.querySelectorAll('.card').length === count", arg=6)


def test_filters_are_kept_in_the_address(page: "Page") -> None:
    page.locator("[name=state]").select_option("named")
    page.reload()
    assert len(shown(page)) == 2


def test_cards_are_put_in_order(page: "Page") -> None:
    page.locator("[name=order]").select_option("-score")
    assert shown(page)[0] == "b.png, face 2, dropped"
    page.locator("[name=order]").select_option("distance")
    assert shown(page)[:2] == ["a.png, face 1, named", "b.png, face 1, named"]


def test_a_card_says_what_must_be_known(page: "Page") -> None:
    named, unnamed = (card(page, n).inner_text() for n in (0, 1))
    for words in (
        *("22 px wide · recognition", "score 0.91", "false positives 0.2 %", "LR consistency"),
        *("Ann Lee", "distance 0.41 · threshold 0.50 · FPIR 1 % · 4 frames"),
    ):
        assert words in named
    for words in ("9.0 px wide · detection", "closest: Bo <b>Kim</b>", "the face is too small"):
        assert words in unnamed
    assert "20 % false positives" in card(page, 5).inner_text()


def test_the_large_view_opens_walks_and_closes_by_keyboard(page: "Page") -> None:
    button = page.get_by_role("button", name="Open a.png, face 1 large", exact=True).last
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible()
    captions = dialog.locator("figcaption").all_inner_texts()
    assert captions[0] == "Native pixels, 51×51"
    assert captions[1].endswith("not evidence of identity")
    assert captions[2].startswith("Uncertainty")
    assert (
        "False positives at this score\n0.2 % of faceless crops"
        in dialog.locator("dl").inner_text()
    )
    page.keyboard.press("ArrowRight")
    assert page.locator("#large-title").inner_text() == "a.png, face 2"
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert button.evaluate("b => document.activeElement === b"), "the focus returns"


def test_tracks_are_strips(page: "Page") -> None:
    titles = page.locator(".track h3").all_inner_texts()
    assert titles == [
        "Track 1 · 2 frames · 0.0–0.2 s · Ann Lee",
        "Track 2 · 1 frame · 0.0–0.0 s · no name given",
    ]
    page.locator(".track").first.get_by_role("button").nth(1).click()
    assert page.locator("#large-title").inner_text() == "b.png, face 1"


def test_every_image_and_control_has_a_name(page: "Page") -> None:
    nameless = page.evaluate(
        "[...document.querySelectorAll('.card img')].filter(i => !i.alt).length"
        " + [...document.querySelectorAll('input, select, button')].filter(c =>"
        " !(c.labels?.length || c.ariaLabel || c.textContent.trim())).length"
    )
    assert nameless == 0


@pytest.mark.parametrize("width", [360, 390, 1400])
def test_nothing_reaches_over_the_side(page: "Page", width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
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


def test_print_shows_both_sides_and_no_controls(page: "Page") -> None:
    page.emulate_media(media="print")
    assert not page.locator(".filters").is_visible()
    boxes = [card(page, 0).locator(f".{side}").bounding_box() for side in ("native", "restored")]
    native, restored = boxes
    assert native is not None
    assert restored is not None
    assert native["x"] + native["width"] <= restored["x"] + 1, "beside each other"
    assert restored["width"] > 40


def test_a_long_run_has_pages_and_files(browser: "Browser", tmp_path: Path, samples: Path) -> None:
    folder = make_run_folder(tmp_path / "run", samples, copies=50)
    first, second = write_run_page(folder, file_cards=200)
    assert [first.name, second.name] == ["report.html", "report-2.html"]
    with watched(browser, first.as_uri()) as page:
        assert page.locator("#count").inner_text() == "200 of 200 cards"
        assert page.locator(".card").count() == 120
        from playwright.sync_api import expect

        page.get_by_role("button", name="Next", exact=True).click()
        expect(page.locator("#page")).to_have_text("Page 2 of 2")
        expect(page.locator(".card")).to_have_count(80)
        assert page.locator(".track").count() == 2
        assert not page.get_by_role("button", name="Show more").is_visible()
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, "long strips scroll"
        links = page.locator("nav.files a").evaluate_all("all => all.map(a => a.href)")
        assert links == [second.as_uri()]
        assert page.locator(".card img").first.get_attribute("loading") == "lazy"
    shorter = make_run_folder(tmp_path / "run", samples)
    write_run_page(shorter)
    assert not second.exists(), "no page of the longer run stays"


def test_filters_reach_the_other_files(browser: "Browser", tmp_path: Path, samples: Path) -> None:
    first, _, _ = write_run_page(make_run_folder(tmp_path, samples), file_cards=2)
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(first.as_uri())
    place = opened.locator("#elsewhere")
    assert not place.is_visible()
    opened.locator("[name=state]").select_option("named")
    assert " ".join(place.inner_text().split()) == "Also fitting: 1 in report-2.html"
    place.get_by_role("link").click()
    opened.wait_for_url("**/report-2.html#state=named")
    assert shown(opened) == ["b.png, face 1, named"]
    opened.locator("[name=text]").fill("nothing")
    assert place.inner_text() == "No card of the other files fits."
    context.close()

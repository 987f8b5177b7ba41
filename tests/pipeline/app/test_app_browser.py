"""The app from end to end in a real browser: drop faces and a gallery, read names, export."""

import ast
import io
import json
import re
import socket
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image
from werkzeug.serving import make_server

import pipeline.app as app_package
from pipeline.app.server import create_app
from pipeline.app.settings import HOST, AppSettings
from pipeline.evidence.replay import replay
from tests.pipeline.report.browser import started

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with started() as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[AppSettings]:
    """A running app."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    chosen = AppSettings(tmp_path / "runs", port=port)
    app = create_app(chosen)
    server = make_server(HOST, port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield chosen
    server.shutdown()
    app.extensions["sr_pipeline_runs"].close()


@pytest.fixture
def page(browser: "Browser", settings: AppSettings) -> "Iterator[Page]":
    """The app's page; at the end: a clean console, and no request but to the app."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    ours = f"http://{HOST}:{settings.port}/"
    # The network is off: whatever is not this app is cut, and told below.
    context.route(lambda url: not url.startswith(ours), lambda route: route.abort())
    opened = context.new_page()
    heard: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: heard.append(message.text))
    opened.on("pageerror", lambda error: heard.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(settings.address)
    yield opened
    context.close()
    assert heard == []
    assert [url for url in asked if not url.startswith((ours, "data:", "blob:"))] == []


@pytest.fixture
def crops(samples: Path, tmp_path: Path) -> Path:
    """Two small crops of people who are in the gallery, and one without a face."""
    folder = tmp_path / "crops"
    folder.mkdir()
    for name in ("obama", "biden2"):
        with Image.open(samples / f"{name}.jpg") as image:
            image.convert("RGB").resize((image.width // 5, image.height // 5)).save(
                folder / f"{name}.png"
            )
    Image.new("RGB", (64, 64), "grey").save(folder / "wall.png")
    return folder


@pytest.fixture
def gallery(samples: Path, tmp_path: Path) -> Path:
    for person, file in (("Barack Obama", "obama.jpg"), ("Joe Biden", "biden.jpg")):
        folder = tmp_path / "people" / person
        folder.mkdir(parents=True)
        (folder / file).write_bytes((samples / file).read_bytes())
    return tmp_path / "people"


def test_from_files_to_an_exported_run(
    page: "Page", settings: AppSettings, crops: Path, gallery: Path, tmp_path: Path
) -> None:
    assert "token" not in page.url
    page.locator("[name=images]").set_input_files(sorted(crops.iterdir()))
    page.locator("[name=gallery]").set_input_files(gallery)
    assert "3 files" in page.locator("#chosen-images").inner_text()
    page.get_by_label("Detector").select_option("hog")
    page.get_by_label("Upscaler").select_option("bicubic")
    page.get_by_label("FPIR").select_option("0.05")
    page.get_by_label("Note for the evidence").fill("case 9")
    page.get_by_role("button", name="Find faces").click()
    page.wait_for_selector("#result:not([hidden])", timeout=300_000)
    assert page.locator("#state").inner_text() == "Done"

    report = page.frame_locator("#report")
    report.locator(".card").first.wait_for()
    assert report.locator(".card").count() >= 3
    assert "case 9" in report.locator("body").inner_text()
    assert report.get_by_label("wall.png, no face found").count() == 1

    with page.expect_download() as download:
        page.get_by_role("link", name="Export the run folder").click()
    content = Path(download.value.path()).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        evidence = json.loads(archive.read("results/evidence.json"))
        archive.extractall(tmp_path / "exported")
    assert {"results/report.html", "results/detections.csv", "inputs/wall.png"} <= set(names)
    assert evidence["note"] == "case 9"
    assert evidence["run"]["command"] == "identify"
    assert "--fpir=0.05" in evidence["run"]["options"]
    (named,) = [step for step in evidence["steps"] if step["step"] == "identify"]
    assert named["parameters"]["fpir"] == 0.05

    exported = tmp_path / "exported"
    done = replay(exported / "results", inputs=exported / "inputs")
    assert done.agrees, str(done.difference)
    outside = {p.name for p in tmp_path.iterdir()} - {"runs", "crops", "people", "exported"}
    assert outside == set(), "nothing is written outside the run folders"

    page.reload()
    page.locator("#earlier button").first.click()
    assert page.frame_locator("#report").locator(".card").first.inner_text()


def test_an_error_is_said(page: "Page") -> None:
    page.get_by_role("button", name="Find faces").click()
    page.get_by_text(re.compile("^Failed")).wait_for()
    assert "choose at least one image" in page.locator("#state").inner_text()


def film(path: Path, face: Path, *, frames: int, side: int) -> Path:
    """A face that moves through a grey scene, ten frames a second."""
    size = (2 * side, side)
    with Image.open(face) as image:
        small = image.convert("RGB").resize((side * 3 // 4, side * 7 // 8))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, size)
    for number in range(frames):
        scene = Image.new("RGB", size, (110, 120, 110))
        scene.paste(small, (4 * number % side, side // 16))
        writer.write(np.ascontiguousarray(np.asarray(scene)[:, :, ::-1]))
    writer.release()
    return path


def test_a_video_gives_tracks_with_times(page: "Page", samples: Path, tmp_path: Path) -> None:
    clip = film(tmp_path / "gate.mp4", samples / "biden2.jpg", frames=9, side=128)
    page.locator("[name=images]").set_input_files(clip)
    page.get_by_label("Upscaler").select_option("bicubic")
    page.get_by_label("take every").fill("4")
    page.get_by_label("A video starts at").fill("14:03:05")
    page.get_by_label("Follow each person").check()
    page.get_by_role("button", name="Find faces").click()
    page.wait_for_selector("#result:not([hidden])", timeout=600_000)
    report = page.frame_locator("#report")
    report.locator(".card").first.wait_for()
    assert report.locator(".track h3").all_inner_texts() == ["Track 0 · 3 frames · 0.0–0.8 s"]
    assert report.locator(".strip .best").count() == 1
    text = report.locator("body").inner_text()
    assert "3 of 9 frames are searched" in text
    assert "14:03:05.800" in text


def test_stop_keeps_what_is_finished(page: "Page", samples: Path, tmp_path: Path) -> None:
    clip = film(tmp_path / "long.mp4", samples / "biden2.jpg", frames=300, side=200)
    page.locator("[name=images]").set_input_files(clip)
    page.get_by_label("Detector").select_option("hog")
    page.get_by_label("Upscaler").select_option("bicubic")
    page.get_by_label("take every").fill("1")
    page.get_by_role("button", name="Find faces").click()
    page.get_by_text(re.compile("^Running: [1-9]")).wait_for(timeout=600_000)
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("#result:not([hidden])", timeout=600_000)
    assert page.locator("#state").inner_text() == "Stopped"
    report = page.frame_locator("#report")
    report.locator(".card").first.wait_for()
    assert "interrupted" in report.locator("body").inner_text()


def test_the_app_rests_on_the_python_api_alone() -> None:
    """Of the rooms that do the work it knows one, and so do its pages."""
    allowed = {"pipeline.api", "pipeline.app", "pipeline.names", "pipeline.environment"}
    for path in Path(app_package.__file__).parent.glob("*.py"):
        found = {
            ".".join(node.module.split(".")[:2])
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipeline")
        }
        assert found <= allowed, path.name

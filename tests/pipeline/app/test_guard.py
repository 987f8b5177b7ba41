"""Who the app lets in, what it takes, and where it writes."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from data.errors import UsageError
from pipeline.app.guard import HEADER
from pipeline.app.server import create_app
from pipeline.app.settings import AppSettings
from pipeline.app.uploads import safe_path

HOST = "http://127.0.0.1:8017"
OURS = {HEADER: "1"}
FORM = {"detector": "hog", "upscaler": "bicubic", "rate": "0.01", "every": "25"}


@pytest.fixture
def settings(tmp_path: Path) -> AppSettings:
    return AppSettings(tmp_path / "runs", "secret", max_upload=50_000, max_files=20)


@pytest.fixture
def client(settings: AppSettings) -> Iterator[FlaskClient]:
    app = create_app(settings)
    yield app.test_client()
    app.extensions["sr_pipeline_runs"].close()


@pytest.fixture
def guest(client: FlaskClient) -> FlaskClient:
    """A client that opened the printed address."""
    assert client.get("/?token=secret", base_url=HOST).status_code == 302
    return client


def files(*named: tuple[str, bytes]) -> dict[str, object]:
    return {**FORM, "images": [(io.BytesIO(content), name) for name, content in named]}


@pytest.mark.parametrize("path", ["/", "/runs", "/static/app.js", "/?token=wrong"])
def test_nobody_enters_without_the_token(client: FlaskClient, path: str) -> None:
    answer = client.get(path, base_url=HOST)
    assert answer.status_code == 403
    assert "token" in answer.get_json()["error"]


def test_the_token_leaves_the_address(guest: FlaskClient) -> None:
    answer = guest.get("/", base_url=HOST)
    assert answer.status_code == 200
    assert b"secret" not in answer.data
    cookie = guest.get_cookie("sr_pipeline_token", domain="127.0.0.1")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Strict"


def test_another_name_for_this_machine_is_refused(guest: FlaskClient) -> None:
    answer = guest.get("/?token=secret", base_url="http://evil.example:8017")
    assert answer.status_code == 403


def test_a_page_of_another_site_is_refused(guest: FlaskClient) -> None:
    foreign = {**OURS, "Origin": "http://evil.example"}
    assert guest.get("/runs", base_url=HOST, headers=foreign).status_code == 403
    without = guest.post("/runs", base_url=HOST, data=files(("a.png", b"x")))
    assert without.status_code == 403
    assert HEADER in without.get_json()["error"]


def test_headers_keep_the_page_to_itself(guest: FlaskClient) -> None:
    headers = guest.get("/", base_url=HOST).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (files(("a.png", b"x" * 60_000)), 413, "larger"),
        (files(("a.exe", b"x")), 400, "neither an image nor a video"),
        (files(("..", b"x")), 400, "without a usable name"),
        (dict(FORM), 400, "at least one image"),
        ({**files(("a.png", b"x")), "detector": "../x"}, 400, "detector"),
        ({**files(("a.png", b"x")), "upscaler": "/etc/passwd"}, 400, "upscaler"),
        ({**files(("a.png", b"x")), "every": "-1"}, 400, "frames"),
        ({**files(("a.png", b"x")), "gallery": (io.BytesIO(b"x"), "a.png")}, 400, "per person"),
    ],
)
def test_what_does_not_fit_is_refused(
    guest: FlaskClient, data: dict[str, object], code: int, words: str
) -> None:
    answer = guest.post("/runs", base_url=HOST, data=data, headers=OURS)
    assert answer.status_code == code
    assert words in answer.get_json()["error"]


def test_too_many_files_are_refused(guest: FlaskClient) -> None:
    many = files(*((f"{number}.png", b"x") for number in range(30)))
    assert guest.post("/runs", base_url=HOST, data=many, headers=OURS).status_code == 413


@pytest.mark.parametrize(
    "name", ["../../out.png", "/etc/out.png", "C:\\x\\out.png", "a/../b/out.png"]
)
def test_no_upload_leaves_its_run_folder(
    guest: FlaskClient, settings: AppSettings, tmp_path: Path, name: str
) -> None:
    answer = guest.post("/runs", base_url=HOST, data=files((name, b"no image")), headers=OURS)
    assert answer.status_code == 201
    written = [path for path in tmp_path.rglob("*.png") if path.is_file()]
    inputs = settings.runs / answer.get_json()["id"] / "inputs"
    assert len(written) == 1
    assert written[0].is_relative_to(inputs)


@pytest.mark.parametrize(
    "path",
    [
        *("/runs/../../etc/passwd", "/runs/..%2f..%2fetc/passwd", "/runs/x/report.html"),
        *("/static/../server.py", "/static/..%2fserver.py"),
    ],
)
def test_no_request_reads_another_file(guest: FlaskClient, path: str) -> None:
    assert guest.get(path, base_url=HOST).status_code in (400, 404, 405)


@given(st.text(max_size=300))
def test_every_name_stays_below_its_folder(name: str) -> None:
    try:
        path = safe_path(name)
    except UsageError:
        return
    assert not path.is_absolute()
    assert len(path.parts) <= 4
    for part in path.parts:
        assert part not in ("", ".", "..")
        assert "\x00" not in part
        assert len(part) <= 130

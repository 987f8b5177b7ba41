"""The app's pages and requests, as a WSGI application."""

from __future__ import annotations

import re
import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any, Final

from flask import (
    Flask,
    Request,
    Response,
    abort,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
)
from werkzeug.exceptions import HTTPException

from data.errors import SrPipelineError
from pipeline.app.choices import choices, read_choices
from pipeline.app.guard import refusal, with_headers
from pipeline.app.runs import Run, Runs
from pipeline.app.settings import COOKIE, AppSettings
from pipeline.app.uploads import save_gallery, save_images
from pipeline.app.work import do

_SERVED: Final = re.compile(r"report(-[0-9]+)?\.html|evidence\.json|detections\.csv|case\.pdf")
_NOT_EXPORTED: Final = ("journal.sqlite", ".part-")


def create_app(settings: AppSettings) -> Flask:
    """The application; `runs` of `settings` is created. It starts no server.

    The networks' libraries are loaded here, so that the first page does not wait for them.
    """
    app = Flask(__name__, static_folder="static", template_folder="static")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload
    app.config["MAX_FORM_PARTS"] = settings.max_files
    app.request_class = _request_class(settings.runs)
    runs = Runs(settings.runs)
    app.extensions["sr_pipeline_runs"] = runs
    app.before_request(lambda: _guard(settings))
    app.after_request(with_headers)
    app.register_error_handler(HTTPException, _explain)
    app.register_error_handler(SrPipelineError, _explain_ours)
    _add_pages(app, settings, runs)
    _add_runs(app, runs)
    return app


def _request_class(folder: Path) -> type[Request]:
    """Uploads on their way are kept below `folder`: nothing is written anywhere else."""
    folder.mkdir(parents=True, exist_ok=True)

    class LocalRequest(Request):
        def _get_file_stream(self, *_args: Any, **_values: Any) -> IO[bytes]:  # noqa: ANN401
            return tempfile.TemporaryFile("wb+", dir=folder)

    return LocalRequest


def _guard(settings: AppSettings) -> Response | None:
    why = refusal(request, settings)
    if why is not None:
        response = jsonify(error=why)
        response.status_code = 403
        return response
    return None


def _explain(error: HTTPException) -> tuple[Response, int]:
    words = "the upload is larger than --max-upload allows" if error.code == 413 else error.name
    return jsonify(error=words), error.code or 500


def _explain_ours(error: SrPipelineError) -> tuple[Response, int]:
    return jsonify(error=str(error)), 400


def _add_pages(app: Flask, settings: AppSettings, runs: Runs) -> None:
    offered = choices()

    @app.get("/")
    def home() -> Any:  # noqa: ANN401 - a page or a redirect
        if "token" in request.args:
            # The token leaves the address bar and the history.
            moved = redirect("/")
            value = request.args["token"]
            moved.set_cookie(COOKIE, value, httponly=True, samesite="Strict")
            return moved
        return render_template("app.html", choices=offered, limit=settings.max_upload >> 20)

    @app.get("/runs")
    def listed() -> Response:
        return jsonify([run.as_json() for run in runs.all()])


def _add_runs(app: Flask, runs: Runs) -> None:
    @app.post("/runs")
    def start() -> tuple[Response, int]:
        wanted = read_choices(request.form)  # before anything is written
        run = runs.new()
        count = save_images(request.files.getlist("images"), run.inputs)
        people = save_gallery(request.files.getlist("gallery"), run.gallery)
        if not count:
            return jsonify(error="choose at least one image or video"), 400
        runs.start(run, lambda one: do(one, wanted, has_gallery=people > 0))
        return jsonify(run.as_json()), 201

    @app.get("/runs/<name>")
    def status(name: str) -> Response:
        return jsonify(_found(runs, name).as_json())

    @app.post("/runs/<name>/stop")
    def stop(name: str) -> Response:
        run = _found(runs, name)
        run.stop.set()
        return jsonify(run.as_json())

    @app.get("/runs/<name>/<file>")
    def serve(name: str, file: str) -> Response:
        run = _found(runs, name)
        if file == "export.zip":
            return _export(run)
        if not _SERVED.fullmatch(file) or not (run.out / file).is_file():
            abort(404)
        response = send_file(run.out / file, as_attachment=not file.endswith(".html"))
        if file.endswith(".html"):
            # The page brings a stricter policy of its own; this one is added to it.
            response.headers["Content-Security-Policy"] = (
                "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
                "script-src 'unsafe-inline'; frame-ancestors 'self'"
            )
        return response


def _found(runs: Runs, name: str) -> Run:
    run = runs.find(name)
    if run is None:
        abort(404)
    return run


def _export(run: Run) -> Response:
    """The run folder with its evidence and its inputs as one archive."""
    archive = tempfile.TemporaryFile("wb+", dir=run.folder)  # noqa: SIM115 - sent, then closed
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for folder in (run.out, run.inputs, run.gallery):
            for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
                if path.is_file() and not path.name.startswith(_NOT_EXPORTED):
                    packed.write(path, path.relative_to(run.folder))
    archive.seek(0)
    return send_file(archive, "application/zip", as_attachment=True, download_name=f"{run.id}.zip")

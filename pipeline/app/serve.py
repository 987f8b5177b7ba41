"""Starts the app on this machine and ends it with its runs."""

from __future__ import annotations

import logging
from collections.abc import Callable

from data.errors import UsageError
from pipeline.app.settings import HOST, AppSettings


def serve(settings: AppSettings, *, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C; `ready` is called when the port is open.

    Raises `UsageError` when Flask is not installed or the port is taken.
    """
    try:
        from werkzeug.serving import make_server

        from pipeline.app.server import create_app
    except ModuleNotFoundError as error:
        raise UsageError(f"the app needs {error.name}: pip install sr-pipeline[app]") from error
    app = create_app(settings)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        server = make_server(HOST, settings.port, app, threaded=True)
    except (OSError, SystemExit) as error:
        raise UsageError(f"port {settings.port} is taken: choose another --port") from error
    ready()
    try:
        server.serve_forever()
    finally:
        server.server_close()
        app.extensions["sr_pipeline_runs"].close()

"""Who may ask the app: this machine, with the token, from its own page."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from pipeline.app.settings import COOKIE, HOST, AppSettings

if TYPE_CHECKING:
    from flask import Request, Response

HEADER: Final = "X-Sr-Pipeline"
"""A page of another site cannot set it without being asked first, and is then refused."""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'"
)


def refusal(request: Request, settings: AppSettings) -> str | None:
    """Why a request is refused; None where it may pass.

    The host must be this machine's: a name of another site can be made to point here. A change
    needs the header that only our page sends. Everything needs the token.
    """
    if request.host not in (f"{HOST}:{settings.port}", f"localhost:{settings.port}"):
        return "this app answers to 127.0.0.1 only"
    origin = request.headers.get("Origin")
    if origin is not None and origin not in (f"http://{request.host}",):
        return "a page of another site may not use this app"
    if request.method not in ("GET", "HEAD") and HEADER not in request.headers:
        return f"the header {HEADER} is missing"
    if not _has_token(request, settings):
        return "open the address that `sr-pipeline app` printed: it holds the token"
    return None


def _has_token(request: Request, settings: AppSettings) -> bool:
    if settings.token is None:
        return True
    given = request.args.get("token") or request.cookies.get(COOKIE) or ""
    return hmac.compare_digest(given.encode(), settings.token.encode())


def with_headers(response: Response) -> Response:
    """The response with what keeps other pages and caches away from it."""
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response

"""What the app may do: where it writes, how much it takes, who may ask it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
COOKIE: Final = "sr_pipeline_token"


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Settings of one app.

    `runs` is the only folder that the app writes to. `token` is None when everybody on this machine
    may use it. `max_upload` is in bytes a request, `max_files` the number of files in it.
    """

    runs: Path
    token: str | None = field(default_factory=lambda: secrets.token_urlsafe(24))
    max_upload: int = 2 << 30
    max_files: int = 5_000
    port: int = 8_017

    @property
    def address(self) -> str:
        """The address that lets the browser in."""
        plain = f"http://{HOST}:{self.port}/"
        return plain if self.token is None else f"{plain}?token={self.token}"

"""The time of day of a video's frames: its start plus their seconds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from data.errors import UsageError
from data.images.creation_time import creation_time

__all__ = ["Clock", "clock_of"]

_NO_DAY: Final = date(1, 1, 2)


@dataclass(frozen=True, slots=True)
class Clock:
    """When a video starts; `has_day` is false where only the time of day is known."""

    start: datetime
    has_day: bool = True

    @classmethod
    def parse(cls, text: str) -> Clock:
        """Read `2026-11-27T14:03:05`, with or without an offset such as `+02:00`, or `14:03:05`.

        Raises `UsageError` for anything else.

        >>> Clock.parse("14:03:05").at(61.5)
        '14:04:06.500'
        """
        if ":" in text:  # `14` and `2026-11-27` alone would be read too
            with suppress(ValueError):
                return cls(datetime.combine(_NO_DAY, time.fromisoformat(text)), has_day=False)
            with suppress(ValueError):
                found = datetime.fromisoformat(text)
                if 1900 <= found.year < 9000:
                    return cls(found)
        raise UsageError(f"{text[:40]!r} is no time: write 2026-11-27T14:03:05, or 14:03:05")

    def at(self, seconds: float) -> str:
        """The time `seconds` after the start, to the millisecond; UTC ends in `Z`."""
        moment = self.start + timedelta(seconds=round(seconds, 3))
        if not self.has_day:
            return moment.timetz().isoformat("milliseconds")
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_of(video: Path) -> Clock | None:
    """The clock of the video's own `creation_time`; None where it has none."""
    created = creation_time(video)
    return None if created is None else Clock(created)

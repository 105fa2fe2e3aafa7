"""When a search ends: seconds, configurations or epochs, whichever is spent first."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from .errors import BadValue

STARTED = time.monotonic()  # as near to the start of the process as Python code gets: tuning loads this first
THINKING = (0.015, 1.2, 6.0)  # of the budget; seconds at least, or none, and at most
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_seconds(text: str) -> float:
    """Seconds of a duration such as 90s, 10m, 2h or 1h30m.

    >>> parse_seconds("1h30m")
    5400.0
    >>> parse_seconds("ten minutes")
    Traceback (most recent call last):
    tuning.errors.BadValue: a budget is a number with s, m or h, as in 90s or 10m; given: 'ten minutes'
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    whole = "".join(number + unit for number, unit in parts)
    if not parts or whole != re.sub(r"\s", "", text.strip().lower()):
        raise BadValue(f"a budget is a number with s, m or h, as in 90s or 10m; given: {text!r}")
    seconds = sum(float(number) * UNITS[unit or "s"] for number, unit in parts)
    if seconds <= 0:
        raise BadValue(f"a budget must be more than 0 seconds; given: {text!r}; for example 90s")
    return seconds


def spoken(seconds: float) -> str:
    """A duration as people write it.

    >>> spoken(305)
    '5 min 05 s'
    """
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


class Clock:
    """Seconds of this study's own time, over all its runs: what earlier runs spent, plus this one since it started."""

    def __init__(self, spent: float = 0.0, since: float | None = None) -> None:
        self._spent, self._since = spent, STARTED if since is None else since

    def now(self) -> float:
        """Seconds."""
        return self._spent + time.monotonic() - self._since


@dataclass(frozen=True)
class Budget:
    """The most a study may spend; None is no limit."""

    seconds: float | None = None
    trials: int | None = None
    epochs: int | None = None

    @property
    def thinking(self) -> float:
        """Seconds that may go to finding out what mattered; none where they would be too few for it."""
        if self.seconds is None:
            return float("inf")
        share, least, most = THINKING
        return 0.0 if share * self.seconds < least else min(most, share * self.seconds)

    def left(self, clock: Clock) -> float:
        """Seconds left."""
        return float("inf") if self.seconds is None else self.seconds - clock.now()

"""Ctrl-C and SIGTERM taken down as a wish, which the study grants between two events.

Raised wherever the signal happens to fall, KeyboardInterrupt can leave an event half applied, and Python drops it without a
word inside a finalizer or a garbage collector's callback (seen: a search went on after Ctrl-C).
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """A context: the first signal sets a flag, the second raises KeyboardInterrupt on the spot."""

    def __init__(self) -> None:
        self.wished = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._before[number] = signal.signal(number, self._take)
            except ValueError:  # not in the main thread: signals stay whose they are
                break
        return self

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.wished:
            raise KeyboardInterrupt
        self.wished = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has come since the last check."""
        if self.wished:
            self.wished = False
            raise KeyboardInterrupt

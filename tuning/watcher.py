"""Who looks on while a study works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .journal import Event

if TYPE_CHECKING:
    from .study import Study


class Watcher:
    """Sees a study's events; this one looks away (see progress.py, compare/runs.py)."""

    def event(self, study: Study, event: Event) -> None:
        """Something was written to the journal."""

    def tick(self, study: Study) -> None:
        """Time passed."""

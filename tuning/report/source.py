"""What a study's folder holds, read back: its trials, its runs on fresh seeds, its settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import journal
from ..best_schema import Best, read_best
from ..compare.runs import Incumbents, Point
from ..errors import BadFile
from ..folder import stored_settings
from ..ledger import Ledger, Record
from ..objective import Objective
from ..settings import Settings
from ..space import Config
from ..trial import Answer, Decision, Result, Trial


class Silent:
    """The strategy of a study that is only read."""

    paused: frozenset[int] = frozenset()
    limit: int | None = None

    def ask(self, config: Config | None = None) -> Trial | Answer:
        """Nothing is asked."""
        return Answer.DONE

    def replay(self, trial: Trial) -> bool:
        """Everything may have been."""
        return True

    def report(self, trial: Trial, epoch: int, score: float) -> Decision:
        """Nothing runs."""
        return Decision.CONTINUE

    def tell(self, trial: Trial, result: Result) -> None:
        """Nothing is learned."""


@dataclass(frozen=True)
class Source:
    """A finished search."""

    folder: Path
    best: Best
    settings: Settings
    objective: Objective
    ledger: Ledger
    points: list[Point]  # when the best so far changed
    confirming: tuple[float, float] | None  # from when to when fresh seeds ran
    seconds: float

    @property
    def trials(self) -> list[Record]:
        """Trials with a score, in the order of asking."""
        return [record for record in self.ledger.records.values() if record.score is not None]


def source(folder: Path) -> Source:
    """Read a folder; BadFile where it holds no finished search."""
    best = read_best(folder)
    settings, path = stored_settings(folder), folder / "trials.jsonl"
    if not path.exists():
        raise BadFile(f"{folder} holds no whole study: {path} is missing")
    objective = Objective.parse(best.search.objective)
    ledger, incumbents, fresh, last = Ledger(Silent(), objective), Incumbents(objective), list[float](), 0.0
    for event in journal.read(path):
        ledger.apply(event)
        incumbents.take(event)
        last = float(event["at"])
        if event["event"] == "confirmed":
            fresh += [last - float(event["overhead"]), last]
    return Source(folder, best, settings, objective, ledger, incumbents.points, (min(fresh), max(fresh)) if fresh else None, last)


def plain(value: Any) -> str:
    """A value as a cell shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""The seam between the study and what proposes its trials."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from ..cost import CostModel
from ..objective import Objective
from ..space import Config, Space
from ..trial import Answer, Decision, Result, Trial


@dataclass(frozen=True)
class Setting:
    """What a strategy is made from."""

    space: Space
    objective: Objective
    seed: int
    max_epochs: int
    trials: int | None = None  # most configurations; None where only time or the space ends the search
    costs: CostModel | None = None  # what trials cost before any has run
    recorded: Callable[[Config, Collection[str]], Config] | None = None  # replays: the recorded one that is nearest and untried
    unseen: str = ""  # a replay's recorded task, which must not have taught what is replayed on it
    epochs_per_pass: int = 1  # over the training rows: more than one where they are many


class Strategy(Protocol):
    """Proposes trials and judges them. Never trains, waits, prints or writes.

    Its n-th proposal depends on the seed, n, and what was asked and told so far, in that order, and on nothing else: so a
    study is resumed by entering and telling again what its journal holds.
    """

    limit: int | None
    """Most configurations to propose; promotions go on beyond it. A resumed study may raise it."""

    @property
    def paused(self) -> frozenset[int]:
        """Trials that may still be asked to train on; the state of all others may go."""
        ...

    def ask(self, config: Config | None = None) -> Trial | Answer:
        """The next trial, WAIT (tell more first) or DONE. A known id with more epochs is a promotion.

        With `config` (the user's `--try`) that configuration is proposed in place of a drawn one, where the method's own
        order has room for a new one.
        """
        ...

    def replay(self, trial: Trial) -> bool:
        """Enter a recorded trial as `ask` would have given it; False where it does not follow from what came before."""
        ...

    def report(self, trial: Trial, epoch: int, score: float) -> Decision:
        """Whether a trial goes on after an epoch. May look at what was told, never changes what `ask` proposes."""
        ...

    def tell(self, trial: Trial, result: Result) -> None:
        """How a trial ended; each asked trial is told once."""
        ...

"""What strategies of our own share: ids, the limit, draws that depend on the number of the ask, and no configuration twice."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ..space import Config, Space, same
from ..trial import DONE, WAIT, Answer, Decision, Result, Status, Trial, derived_seed
from .base import Setting

TRIES = 100  # draws before a space is listed (if it can be) to find what has not been tried
LISTED = 20_000  # largest space that is listed


class Proposer:
    """A Strategy that proposes configurations to be trained to their end; `propose` is what a method adds."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.limit = setting, setting.trials
        self.configs: list[Config] = []
        self.tried: set[str] = set()
        self.running: dict[int, Trial] = {}
        self.asks = 0

    @property
    def paused(self) -> frozenset[int]:
        """None: nothing is promoted."""
        return frozenset()

    @property
    def full(self) -> bool:
        """Whether no further configuration may be proposed."""
        return self.limit is not None and len(self.configs) >= self.limit

    def ask(self, config: Config | None = None) -> Trial | Answer:
        """The next configuration; `config` in its place where one is given."""
        found = self.next_config(config)
        if found is None:
            return WAIT if self.running else DONE
        return self.begin(len(self.configs) - 1, self.setting.max_epochs)

    def next_config(self, given: Config | None) -> Config | None:
        """A configuration that was not tried, taken down as tried; None where there is none or the limit is reached."""
        if self.full:
            return None
        self.asks += 1
        rng = np.random.default_rng(derived_seed(self.setting.seed, "ask", self.asks))
        fresh = given is not None and same(given) not in self.tried
        found = dict(given) if given is not None and fresh else self.propose(rng)
        if found is None or same(found) in self.tried:
            found = untried(self.setting.space, self.tried, rng)
        if found is None:
            self.asks -= 1  # an ask without a trial leaves no trace, so that a resumed study need not know of it
            return None
        self.configs.append(found)
        self.tried.add(same(found))
        return found

    def begin(self, number: int, epochs: int) -> Trial:
        """A trial of a known configuration, now running."""
        trial = Trial(number, self.configs[number], epochs)
        self.running[number] = trial
        return trial

    def report(self, trial: Trial, epoch: int, score: float) -> Decision:
        """Trials run to their end."""
        return Decision.CONTINUE

    def tell(self, trial: Trial, result: Result) -> None:
        """How a trial ended."""
        del self.running[trial.id]
        self.learn(trial, self.loss(result))

    def loss(self, result: Result) -> float:
        """The score as a number to be made small; infinite for what failed or is no number."""
        if result.status is not Status.COMPLETED or result.score is None or np.isnan(result.score):
            return float("inf")
        return self.setting.objective.key(result.score)

    @abstractmethod
    def propose(self, rng: np.random.Generator) -> Config | None:
        """The method's next configuration, drawn from `rng`; one that was tried gives way to a random one."""

    def learn(self, trial: Trial, loss: float) -> None:
        """Take in how a trial ended; a method without a model has nothing to learn."""


def untried(space: Space, tried: set[str], rng: np.random.Generator) -> Config | None:
    """A random configuration that is not among `tried`; None where there is none left."""
    for _ in range(TRIES):
        config = space.draw(rng)
        if same(config) not in tried:
            return config
    if space.size() > LISTED:
        return None
    left = [config for config in {same(c): c for c in space.all()}.values() if same(config) not in tried]
    return left[int(rng.integers(len(left)))] if left else None

"""What strategies of our own share: ids, the limit, draws that depend on the number of the ask, and no configuration twice."""

from __future__ import annotations

import numpy as np

from ..space import Config, Space, same
from ..trial import DONE, WAIT, Answer, Decision, Result, Status, Trial, derived_seed
from .base import Setting

TRIES = 100  # draws before a space is listed (if it can be) to find what has not been tried
LISTED = 20_000  # largest space that is listed


class Proposer:
    """A Strategy that proposes configurations at random, to be trained to their end; methods add `propose` and `learn`."""

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
        return self._enter(self.setting.recorded(found, self.tried) if self.setting.recorded else found)

    def _enter(self, config: Config) -> Config:
        """Take a configuration down as tried."""
        self.configs.append(config)
        self.tried.add(same(config))
        return config

    def replay(self, trial: Trial) -> bool:
        """Enter a recorded trial: the next new one, or a promotion."""
        if trial.id < len(self.configs):
            return trial.id not in self.running and self.promote(trial)
        if trial.id > len(self.configs) or same(trial.config) in self.tried:
            return False
        self.asks += 1
        self._enter(trial.config)
        self.begin(trial.id, trial.epochs)
        return True

    def promote(self, trial: Trial) -> bool:
        """Enter a recorded promotion; False where there can be none."""
        return False

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
        """The score as a number to be made small; infinite for what failed or is no finite number."""
        if result.status is not Status.COMPLETED or result.score is None or not np.isfinite(result.score):
            return float("inf")
        return self.setting.objective.key(result.score)

    def propose(self, rng: np.random.Generator) -> Config | None:
        """The method's next configuration, drawn from `rng`; None, or one that was tried, gives way to a random one."""
        return None

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

"""auto, the default: what promises most for its seconds, first as other tasks lead one to expect, then as trials here do.

A step is either a new configuration or one that waits. Each is valued by the expected improvement of its loss after all epochs
(Mockus 1975; over what a Gaussian process expects of the best so far, so that a lucky score is no target, as in Picheny et al.
2013) for the square root of the seconds that it still takes to get there: divided by the seconds themselves (Snoek et al. 2012),
something small would always be worth more than the large network that the small ones call for. A trial pauses after an epoch when
it has hardly a chance left to end better than the best, as its curve is foretold from those that were trained to their end, and
when that saves more than beginning another costs. The third trial is the network with every default, for what no other task has
taught. What runs is taken for what is expected of it. The process is fitted to a few trials, however many there are.

While hardly a trial has ended and an epoch is dear, all stop after one and the process is fitted to what they had by then: on large
data none may come to its end at all. Of every four the best goes on for four times as long, until another has done better in fewer
epochs; the best is tried with more units; and where an epoch is a share of a pass neither dropout nor an embedding wider than half
of the tokens is searched until then. What each part gives: benchmarks/strategies.py --ablations, and benchmarks/large.py.
"""

from __future__ import annotations

import copy

import numpy as np
from scipy.special import ndtr

from ..space import Config, same
from ..trial import DONE, WAIT, Answer, Decision, Result, Trial, derived_seed
from .base import Setting
from .cube import Array, Cube, to_config, to_point
from .curves import Curves, tamed
from .prior_mean import PriorMean
from .proposer import Proposer, untried
from .standing import Standing
from .surrogate import SLOPE, Axes, Surrogate, improvement

MOST = 64  # trials that are fitted: half of them the best, half the latest; 160 gave no better (benchmarks/strategies.py)
DRAWN, BEST, AROUND = 96, 8, 4  # candidates at random; around each of so many of the best, so many
STATES = 16  # waiting trials whose state is kept and that may go on
CHANCE = 0.05  # of ending better than the best, below which a trial pauses
SAVED = 3.0  # times what it takes to begin another, that a pause must save
COST = 0.5  # power of the seconds by which an improvement is divided
RATE = 4  # of so many the best goes on, for so many times as long (asynchronous successive halving: Li et al. 2020)
DEFAULT = 2  # trials before that with every default
REGULARIZING = {"dropout": 0.0, "recurrent_dropout": 0.0}  # within a pass nothing is overfitted (Srivastava et al. 2014, 7.5)
NARROW = 0.5  # of the tokens, that an embedding has dimensions for: more only cost where steps are many (docs/decisions/0027)
LARGER = 1.5  # times as many units as the best has, that are tried with its other settings
GUIDED = 3  # trials of which an epoch is known before the process takes over from what other tasks lead one to expect
WORTH = 0.02  # of the losses' spread: least expected improvement for which a trial goes on where nothing new may be tried
GROWN = 1.25  # times as many trials as when lengths and noise were chosen last, and they are chosen anew


class Auto(Proposer):
    """Expected improvement for its cost, over new configurations and those that wait."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._cube, self._axes = Cube(setting.space), Axes(setting.space, prior=PriorMean(setting.space, setting.unseen))
        self._model = Surrogate(self._axes)
        self._curves, self._costs = Curves(setting.max_epochs), copy.deepcopy(setting.costs)
        self._points: list[Array] = []  # of each trial, in the cube
        self._vectors: list[Array] = []  # the same as the process takes them
        self._pays: dict[int, float] = {}  # trial -> epochs that must be left for a pause to pay
        self._rungs: dict[int, int] = {}  # trial -> epoch after which it is next compared, while hardly any has ended
        self._steps = 0  # trials begun and gone on with
        self._standing = Standing()
        self._chosen_for = 0  # so many trials
        self._tells = 0
        self._known = (-1, 0.0, 0.0)  # after so many tells, the loss that is expected of the best, and the variance of noise
        self._seen: tuple[int, tuple[Array, Array, Array]] | None = None  # after so many tells, what the process is fitted to
        self._enlarged: set[str] = set()  # larger networks that were asked for: in a replay another is tried for each

    @property
    def paused(self) -> frozenset[int]:
        """Of those that wait, the best; others never go on."""
        return frozenset(self._standing.waiting(STATES))

    # asking

    def ask(self, config: Config | None = None) -> Trial | Answer:
        """The step that promises most for its cost; what a user names comes first."""
        given = config is not None and not self.full and same(config) not in self.tried
        step = config if given else self._step()
        if isinstance(step, int):
            return self._go_on(step)
        if self.next_config(step) is not None:
            return self.begin(len(self.configs) - 1, self.setting.max_epochs)
        return WAIT if self.running else DONE

    def _step(self) -> int | Config | None:
        """A trial that waits and is to go on, a configuration to begin, or None where there is neither."""
        return self._best_step(self._standing.waiting(STATES)) if self._curves.known else self._first_step()

    def begin(self, number: int, epochs: int) -> Trial:
        """A trial, its place in the cube known."""
        self._steps += 1
        if number == len(self._points):
            self._points.append(to_point(self.setting.space, self.configs[number]))
            self._vectors.append(self._axes(self._points[-1][None])[0])
        self._pays[number] = self._another(self.configs[number])
        self._rungs[number] = max(1, RATE * self._standing.last(number)[1])
        return super().begin(number, epochs)

    def _another(self, config: Config) -> float:
        """Epochs of a configuration that take as long as what a pause must save; 0 where no seconds are known."""
        return 0.0 if self._costs is None else SAVED * self._costs.start_in_epochs(config)

    def _go_on(self, number: int) -> Trial:
        trial = Trial(number, self.configs[number], self.setting.max_epochs)
        self.promote(trial)
        return trial

    def promote(self, trial: Trial) -> bool:
        """Take a trial from where it waits."""
        if trial.epochs != self.setting.max_epochs or not self._standing.take(trial.id):
            return False
        self.begin(trial.id, trial.epochs)
        return True

    # telling

    def report(self, trial: Trial, epoch: int, score: float) -> Decision:
        """Pause where there is hardly a chance left to end better than the best."""
        before, done = self._standing.last(trial.id)
        if epoch <= done:  # its state was lost: it must come further than it was, or it would go on and pause for ever
            return Decision.CONTINUE
        if not np.isfinite(score):
            return Decision.CONTINUE
        saves = self.setting.max_epochs - epoch > self._pays[trial.id]
        loss = min(self.setting.objective.key(score), before)
        if not self._curves.known:
            compared = self._costs is not None and (epoch >= self._rungs[trial.id] or self._standing.overtaken(loss, epoch))
            return Decision.PAUSE if compared and saves else Decision.CONTINUE
        best, noise = self._best()
        end, unknown = self._curves.ends(np.array([loss]), np.array([epoch]))
        chance = ndtr((best - end[0]) / np.sqrt(unknown[0] + noise))
        return Decision.PAUSE if chance < CHANCE and saves else Decision.CONTINUE

    def tell(self, trial: Trial, result: Result) -> None:
        """Take in a loss, the curve that led to it, and what an epoch takes."""
        super().tell(trial, result)
        self._tells += 1
        loss, curve = self.loss(result), np.array([self.setting.objective.key(score) for score in result.curve])
        if not np.isfinite(loss):
            result, curve = Result(result.status), np.array([loss])
        curve = np.fmin.accumulate(curve) if len(curve) else np.full(trial.epochs, loss)
        self._standing.tell(trial.id, curve)
        if result.paused:
            self._standing.wait(trial.id, float(self._curves.ends(curve[-1:], np.array([len(curve)]))[0][0]))
        elif np.isfinite(loss):
            self._curves.add(curve)
        if result.seconds is not None and self._costs is not None:
            self._costs.observe_epoch(trial.config, result.seconds)
        if self._curves.known and len(self._standing.told) > GROWN * self._chosen_for:
            self._model.choose(*self._observed())
            self._chosen_for = len(self._standing.told)

    # valuing

    def _best_step(self, waiting: list[int]) -> int | Config | None:
        """One of these that wait, a configuration to begin, or None where neither is worth it."""
        best, _ = self._best()
        new = [] if self.full else list(self._candidates())
        if not waiting and not new:
            return None
        points = np.array([*(self._points[number] for number in waiting), *new])
        done = np.array([*(self._standing.last(number)[1] for number in waiting), *(0 for _ in new)])
        running = [self._vectors[number] for number in self.running if number not in self._standing.told]
        gains = improvement(*self._model.predict(self._axes(points), np.array(running)), best)
        if self.full:
            gains = np.where(gains > WORTH * self._model.spread, gains, 0.0)
        return self._first(waiting, points, gains / self._cost(points, done))

    def _first(self, waiting: list[int], points: Array, values: Array) -> int | Config | None:
        """What has the highest value: one that waits (the first points), or a configuration that was not tried."""
        for place in np.argsort(-values, kind="stable"):
            if place >= len(waiting):
                config = to_config(self.setting.space, points[place])
                if same(config) not in self.tried:
                    return config
            elif values[place] > 0:
                return waiting[int(place)]
        return None if self.full else untried(self.setting.space, self.tried, self._rng())

    def _observed(self) -> tuple[Array, Array, Array]:
        """Vectors of the trials that are fitted, their losses at the end as foretold, and how far that is from known."""
        if self._seen is None or self._seen[0] != self._tells:
            self._seen = self._tells, self._observe()
        return self._seen[1]

    def _observe(self) -> tuple[Array, Array, Array]:
        half = MOST // 2
        chosen = list(dict.fromkeys([*self._standing.best(half), *list(self._standing.told)[-half:]]))
        vectors = np.array([self._vectors[number] for number in chosen])
        if not self._curves.known:
            return vectors, tamed(np.array([self._standing.told[number][0] for number in chosen])), np.zeros(len(chosen))
        losses, epochs = (np.array(values) for values in zip(*map(self._standing.last, chosen), strict=True))
        ends, unknown = self._curves.ends(np.where(np.isfinite(losses), losses, 0.0), epochs)
        ends = np.where(np.isfinite(losses), ends, np.inf)
        return vectors, tamed(ends), unknown

    def _best(self) -> tuple[float, float]:
        """The loss that the process, fitted to what was told, expects of the best; the variance of seed noise."""
        if self._known[0] != self._tells:
            self._model.fit(*self._observed())
            self._known = (self._tells, float(self._model.fitted.min()), self._model.noise)
        return self._known[1:]

    def _first_step(self) -> int | Config | None:
        """While hardly a trial has ended: an epoch of each, and the best of every few go on, the youngest first."""
        standing, waiting = self._standing, self._standing.waiting(STATES)
        ready = [number for number in waiting if standing.leads(number, RATE) and not standing.overtaken(*standing.last(number))]
        if ready:
            return min(ready, key=lambda number: standing.last(number)[::-1])
        step = self._expected_best() if len(standing.told) < GUIDED else self._larger() or self._best_step([])
        return next(iter(waiting), None) if step is None else step

    def _larger(self) -> Config | None:
        """What is best after an epoch with more units, once, as long as trials pause to be compared."""
        if self.full or not self._standing.waiting(1):
            return None
        best = self.configs[min(self._standing.told, key=lambda number: float(self._standing.told[number][0]))]
        sizes = self.setting.space.sizes if "units" in best else ()  # a condition of the user's own may leave it out
        size = next((size for size in sizes if size >= LARGER * int(best["units"])), None)
        larger = None if size is None else self.setting.space.complete({**best, "units": size})
        if larger is None or same(larger) in self.tried or same(larger) in self._enlarged:
            return None
        self._enlarged.add(same(larger))
        return larger

    def _expected_best(self) -> int | Config | None:
        """While nothing is known here: what promises most for its cost as other tasks lead one to expect, and the defaults."""
        if self.full:
            return None
        if (default := self._defaults()) is not None:
            return default
        points = self._candidates()
        gains = improvement(SLOPE * self._axes(points)[:, -1], np.ones(len(points)), 0.0)
        return self._first([], points, gains / self._cost(points, 0))

    def _defaults(self) -> Config | None:
        """The network with every default, when it is its turn."""
        default = self.setting.space.default()
        return default if len(self.configs) == DEFAULT and same(default) not in self.tried else None

    def _candidates(self) -> Array:
        """Points at random, and around the best; without what is of no use while trials are compared within a pass."""
        good = [self._points[number] for number in self._standing.best(BEST)]
        points = self._cube.drawn(self._rng(), DRAWN, np.array(good), AROUND)
        within_a_pass = self.setting.epochs_per_pass > 1 and not self._curves.known
        return self._cube.capped(points, self._most()) if within_a_pass else points

    def _most(self) -> dict[str, float]:
        """Of some parameters what is enough within a pass."""
        given = None if self._costs is None else self._costs.input
        return REGULARIZING | ({"embedding": NARROW * given.size} if given is not None and given.kind == "tokens" else {})

    def _rng(self) -> np.random.Generator:
        """Of this step, so that a resumed search draws the same."""
        return np.random.default_rng(derived_seed(self.setting.seed, "step", self._steps, len(self._standing.told)))

    def _cost(self, points: Array, done: Array | int) -> Array:
        """Of training what lies at each point from `done` epochs to the last; of epochs alone where no seconds are known."""
        left = self.setting.max_epochs - done
        if self._costs is None:
            return np.asarray((np.ones(len(points)) * left + 1.0) ** COST)
        return np.asarray(np.maximum(1e-3, self._costs.trials(self._cube.columns(points), len(points), left)) ** COST)


def make(name: str, setting: Setting) -> Auto:
    """The strategy."""
    return Auto(setting)

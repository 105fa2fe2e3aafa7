"""What a table of trials says about units, layers, direction, taper: by regression, whoever ran the trials.

These are comparisons of trials that differ in everything else as well, adjusted for that (effects.py), with the noise of one
network each. What is claimed about the architecture that is delivered rests on fresh seeds instead (answer.py).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .effects import Effects, Row, number
from .inference import LEVEL, Estimate, holm
from .space import Config, Value

LEAST = 20  # trials, without which nothing is compared
FIGURES = ("parameters", "seconds", "train", "valid")
STRUCTURE = ("units", "layers", "bidirectional", "taper")


@dataclass(frozen=True)
class Observed:
    """One trial: less loss is better; what is not known is None."""

    config: Config
    loss: float
    parameters: int | None = None
    seconds: float | None = None  # an epoch
    train: float | None = None  # training loss at the best epoch
    valid: float | None = None  # validation loss there


@dataclass(frozen=True)
class Size:
    """One number of units, the rest tuned: what it loses against the best size, and what it costs."""

    units: int
    rest: Config  # the structure that suits it best
    loss: Estimate  # against the best size
    apart: bool  # worse than the best beyond chance (95 %, Bonferroni over sizes)
    trials: int
    parameters: float | None
    seconds: float | None
    train: float | None
    valid: float | None


@dataclass(frozen=True)
class Comparison:
    """A question about the structure, and how much the second row loses less than the first."""

    name: str
    first: Config
    second: Config
    gain: Estimate


class Advice:
    """Answers from a table. Raises ValueError with fewer trials than can be compared, or where units never differ."""

    def __init__(self, trials: Sequence[Observed]) -> None:
        trials = [trial for trial in trials if np.isfinite(trial.loss) and number(trial.config.get("units"))]
        if len(trials) < LEAST or len({trial.config["units"] for trial in trials}) < 2:
            raise ValueError(f"sizes are compared from {LEAST} trials of two sizes on; there are {len(trials)}")
        self.trials = trials
        self.effects = Effects([trial.config for trial in trials], [trial.loss for trial in trials], STRUCTURE)
        self.noise = self.effects.noise
        self.repeats = len(trials) - len({tuple(sorted(t.config.items(), key=str)) for t in trials})
        self.sizes = self._sizes()

    @property
    def recommended(self) -> Size:
        """The smallest that cannot be told from the best."""
        return next(size for size in self.sizes if not size.apart)

    def _combinations(self) -> list[Config]:
        """The structures but for the size that trials have."""
        found: list[Config] = [{}]
        for name in self.effects.structure:
            levels = self.effects.levels(name) if name not in ("units", "taper") else []
            found = [{**one, name: level} for one in found for level in levels] if levels else found
        return found

    def _whole(self, row: Config) -> Config:
        """A structure as trials have it: no taper with one layer, a constant one with more where nothing is said."""
        if row.get("layers", 1) == 1 or not self.effects.levels("taper"):
            return {name: value for name, value in row.items() if name != "taper"}
        return {"taper": "constant", **row}

    def _sizes(self) -> list[Size]:
        units = [int(u) for u in self.effects.levels("units") if number(u)]
        rows = {u: self._tuned(u) for u in units}
        counts = Counter(trial.config["units"] for trial in self.trials)
        base = rows[max(units, key=lambda u: counts[u])] if units else {}
        against = {u: self.effects.difference(rows[u], base) for u in units}
        units = [u for u in units if against[u].df > 0]  # another's setting always changed with it: nothing is known
        if len(units) < 2:
            raise ValueError(
                "no two sizes are in enough trials that differ in nothing else but by chance; give fewer sizes, as powers of 2"
            )
        best = min(units, key=lambda u: against[u].mean)
        others = len(units) - 1
        found = []
        for u in units:
            loss = self.effects.difference(rows[u], rows[best])
            rest = {name: value for name, value in rows[u].items() if name != "units"}
            own = [trial for trial in self.trials if trial.config["units"] == u]
            figures = [_middle([getattr(t, name) for t in own]) for name in FIGURES]
            found.append(Size(u, rest, loss, loss.p <= LEVEL / others, len(own), *figures))
        return found

    def _tuned(self, units: int) -> Config:
        """The structure that suits a size best: the plainest of those that no other beats beyond chance."""
        choices = [self._whole({"units": units, **rest}) for rest in self._combinations()]
        best = choices[0]
        for one in choices[1:]:
            if self.effects.difference(best, one).p <= LEVEL / max(1, len(choices) - 1):
                best = one
        return best

    def mattered(self) -> dict[str, float]:
        """Of each parameter the p of having no effect (Wald), after Holm's correction over all; the surest first."""
        names = [term.name for term in self.effects.terms]
        p = dict(zip(names, holm([self.effects.p(name) for name in names]), strict=True))
        return dict(sorted(p.items(), key=lambda item: item[1]))

    def compared(self) -> list[Comparison]:
        """Each other choice of the structure against the plainest, at the recommended size; depth also at equal parameters."""
        base: Config = {"units": self.recommended.units, **self.recommended.rest}
        found = []
        for name in self.effects.structure:
            levels = self.effects.levels(name)
            if name == "units" or len(levels) < 2:
                continue
            held: Config = {**base, "layers": 2} if name == "taper" and 2 in self.effects.levels("layers") else base
            plain = levels[0] if name != "taper" else "constant"
            for level in levels:
                if level != plain:
                    found.append(self._comparison(name, {**held, name: plain}, {**held, name: level}))
        return [one for one in (*found, *self._deep(base)) if one.gain.df > 0]  # the others' settings always changed together

    def _comparison(self, name: str, first: Config, second: Config) -> Comparison:
        first, second = self._whole(first), self._whole(second)
        return Comparison(name, first, second, self.effects.difference(first, second))

    def _deep(self, base: Config) -> list[Comparison]:
        """Two layers of fewer units against one of more, with about as many parameters."""
        if not {1, 2} <= set(self.effects.levels("layers")):
            return []
        sizes, pairs = [size.units for size in self.sizes], []
        ones = {units: self.parameters({**base, "units": units, "layers": 1}) for units in sizes}
        twos = {units: self.parameters({**base, "units": units, "layers": 2}) for units in sizes}
        for units, counted in ones.items():
            for fewer, other in twos.items():
                apart = abs(math.log2(other / counted)) if counted and other else math.inf
                if fewer < units and apart < 0.5:  # of an octave
                    one: Config = {**base, "units": units, "layers": 1}
                    two: Config = {**base, "units": fewer, "layers": 2}
                    pairs.append((abs(math.log2(units / self.recommended.units)), apart, one, two))
        return [self._comparison("depth", one, two) for _, _, one, two in sorted(pairs, key=lambda pair: pair[:2])[:1]]

    def parameters(self, row: Row) -> float | None:
        """About how many parameters a structure has, by regression on what trials had; None where that is not known."""
        known = [trial for trial in self.trials if trial.parameters]
        if len(known) < LEAST:
            return None
        x = np.array([_log_features(trial.config) for trial in known])
        y = np.log2([float(trial.parameters or 1) for trial in known])
        middle = np.median(x, axis=0)
        features = np.where(np.isnan(_log_features(row)), middle, _log_features(row))
        beta = np.linalg.lstsq(np.nan_to_num(x), y, rcond=None)[0]
        return float(2 ** (np.nan_to_num(features) @ beta))

    def match(self) -> tuple[int, int | None] | None:
        """Units in both directions, and the fewest in one direction that lose no more; None where direction never differs."""
        if len(self.effects.levels("bidirectional")) < 2:
            return None
        base: Config = {"units": self.recommended.units, **self.recommended.rest}
        both = {**base, "bidirectional": True}
        for size in self.sizes:
            loss = self.effects.difference({**base, "units": size.units, "bidirectional": False}, both)
            if loss.df > 0 and loss.mean <= 0:
                return self.recommended.units, size.units
        return self.recommended.units, None


def _middle(values: Sequence[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(np.median(known)) if known else None


def _log_features(row: Row) -> np.ndarray:
    """Of a network's size: units, layers, directions, and what goes in."""

    def of(name: str, default: Value) -> float:
        value = row.get(name, default)
        return float(value) if isinstance(value, (bool, int, float)) else float("nan")

    units, layers = np.log2(max(1.0, of("units", 1))), of("layers", 1)
    halving = float(row.get("taper") == "halving")
    both, wide = of("bidirectional", False), np.log2(max(1.0, of("embedding", 1)))
    return np.array([1.0, units, units**2, layers - 1, (layers - 1) * units, both, both * units, halving, wide, wide * units])

"""A regression of trials' losses on their hyperparameters: what a change is worth while all else is held, with its error.

Linear in the terms below, robust to the few trials that failed to learn (Huber 1964), with errors that hold where the noise is
uneven (White 1980). Of many trials only the better half by their other settings is kept once those are known, so that
sizes are compared as they are when the rest is tuned.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .inference import Estimate
from .space import Value

Array: TypeAlias = np.ndarray
Row: TypeAlias = Mapping[str, Value]
HUBER = 1.345  # residuals beyond so many standard deviations count less; 95 % as efficient where noise is normal
MANY = 400  # rows from which the better half is taken
FEW = 10  # rows that a level needs to count for itself where rows are many; 3 where they are not
MISSING = "-"  # a parameter that does not count in a row


@dataclass(frozen=True)
class Term:
    """Columns of one parameter: of a number's place on its scale, and its square; or one a level but the first."""

    name: str
    levels: tuple[str, ...] = ()  # of a choice; empty for a number
    middle: float = 0.0
    width: float = 1.0
    log: bool = False
    squared: bool = False

    @classmethod
    def of(cls, name: str, values: Sequence[Value], choice: bool, least: int) -> Term | None:
        """The term for these values; None where there is nothing to compare."""
        if choice or not all(map(number, values)):
            counts = Counter(map(str, values))
            levels = tuple(level for level, count in counts.most_common() if count >= least)
            return cls(name, levels) if len(levels) > 1 else None
        array = np.array(values, float)
        if np.ptp(array) == 0:
            return None
        log = bool(array.min() > 0 and array.max() / array.min() >= 4)
        scaled = np.log2(array) if log else array
        squared = len(set(values)) > 2 and len(values) >= 30
        return cls(name, (), float(scaled.mean()), float(scaled.std()), log, squared)

    def columns(self, values: Sequence[Value]) -> Array:
        """(rows, columns); a level that is not known has the first's effect."""
        if self.levels:
            return np.array([[str(value) == level for level in self.levels[1:]] for value in values], float)
        array = np.array([float(value) if number(value) else math.nan for value in values])
        z = ((np.log2(np.maximum(array, 1e-12)) if self.log else array) - self.middle) / self.width
        z = np.nan_to_num(z)
        return np.stack([z, z**2], axis=1) if self.squared else z[:, None]


class Effects:
    """The fitted regression. `structure`: parameters that are compared with each other in every combination."""

    def __init__(self, rows: Sequence[Row], losses: Sequence[float], structure: Sequence[str]) -> None:
        self.names = list(dict.fromkeys(name for row in rows for name in row))
        self.structure = [name for name in structure if name in self.names]
        self.many = len(rows) >= MANY
        self.terms = self._terms(rows)
        widths = {term.name: max(1, len(term.levels) - 1) for term in self.terms}
        cells = {name: widths.get("units", 0) * widths.get(name, 0) for name in self.structure if name != "units"}
        self.products = [name for name, count in cells.items() if 0 < FEW * count <= len(rows)]
        y = np.asarray(losses, float)
        whole = self._fit(self.encoded(rows), y)
        self.every, self._whole = list(rows), whole
        self.kept = np.ones(len(rows), bool)
        if self.many:
            self.kept = self._better_half(rows, whole)
            rows, y = [row for row, kept in zip(rows, self.kept, strict=True) if kept], y[self.kept]
            whole = self._fit(self.encoded(rows), y)
        self.rows, self.losses = list(rows), y
        self.beta, self.covariance, self.noise = whole
        x = self.encoded(rows)
        self.df = float(max(1, len(rows) - np.linalg.matrix_rank(x)))
        self._known = np.linalg.pinv(x) @ x  # projects onto the contrasts that the rows tell anything of

    def _terms(self, rows: Sequence[Row]) -> list[Term]:
        found = []
        for name in self.names:
            values = [row.get(name, MISSING) for row in rows]
            many = len(rows) >= FEW * len(set(values))  # else a size's place on its scale has to do
            choice = len(set(values)) <= 2 or (name in self.structure and (many or name != "units"))
            term = Term.of(name, values, choice, FEW if self.many else 3)
            if term is not None and len(term.levels) <= 40:
                found.append(term)
        return found

    def encoded(self, rows: Sequence[Row]) -> Array:
        """The design: a constant, every term, and products of the structure's terms with that of the size."""
        parts = {term.name: term.columns([row.get(term.name, MISSING) for row in rows]) for term in self.terms}
        columns = [np.ones((len(rows), 1)), *parts.values()]
        size = parts.get("units")
        for name in self.products:
            if size is not None:
                first = size if self._term("units").levels else size[:, :1]
                columns.append((first[:, :, None] * parts[name][:, None, :]).reshape(len(rows), -1))
        return np.concatenate(columns, axis=1)

    def _term(self, name: str) -> Term:
        return next(term for term in self.terms if term.name == name)

    @staticmethod
    def _fit(x: Array, y: Array) -> tuple[Array, Array, float]:
        """Iteratively weighted least squares: weights, their covariance, the residuals' standard deviation (by the median)."""
        weights, beta, residuals, deviation = np.ones(len(y)), np.zeros(x.shape[1]), y, 0.0
        for _ in range(30):
            root = np.sqrt(weights)[:, None]
            before, beta = beta, np.linalg.lstsq(x * root, y * root[:, 0], rcond=None)[0]
            residuals = y - x @ beta
            deviation = 1.4826 * float(np.median(np.abs(residuals)))
            weights = np.minimum(1.0, HUBER * max(deviation, 1e-12) / np.maximum(np.abs(residuals), 1e-12))
            if np.allclose(before, beta, rtol=1e-6, atol=1e-9):
                break
        bread = np.linalg.pinv(x.T @ (x * weights[:, None]))
        leverage = np.clip(np.einsum("ij,jk,ik->i", x, bread, x * weights[:, None]), 0.0, 0.9)
        pulled = x * (weights * residuals / (1 - leverage))[:, None]  # HC3: MacKinnon and White (1985)
        return beta, bread @ (pulled.T @ pulled) @ bread, deviation

    def _better_half(self, rows: Sequence[Row], whole: tuple[Array, Array, float]) -> Array:
        """Rows whose other settings promise less loss than those of the middle row."""
        plain = [{**row, **{name: rows[0].get(name, MISSING) for name in self.structure}} for row in rows]
        promised = self.encoded(plain) @ whole[0]
        return np.asarray(promised <= np.median(promised))

    def difference(self, first: Row, second: Row) -> Estimate:
        """How much more the first row loses than the second; what neither names has no part in it."""
        contrast = (self.encoded([first]) - self.encoded([second]))[0]
        if not np.allclose(contrast @ self._known, contrast, atol=1e-6):
            return Estimate(float(contrast @ self.beta), math.inf, 0.0, 0)  # two settings that always changed together
        variance = float(contrast @ self.covariance @ contrast)
        return Estimate(float(contrast @ self.beta), math.sqrt(max(0.0, variance)), self.df, len(self.rows))

    def levels(self, name: str) -> list[Value]:
        """Values of a parameter that can be compared, in order; the commonest alone where none can."""
        return self._levels(name, self.rows)

    def _levels(self, name: str, rows: Sequence[Row]) -> list[Value]:
        counts = Counter(row[name] for row in rows if name in row)
        term = next((term for term in self.terms if term.name == name), None)
        if term is None:
            counts = Counter(dict(counts.most_common(1)))
        elif term.levels:  # a rarer value has no column of its own
            counts = Counter({value: count for value, count in counts.items() if str(value) in term.levels})
        least = FEW if self.many else 1
        known = [value for value, count in counts.items() if count >= least]
        return sorted(known, key=lambda value: (isinstance(value, str), value))

    def p(self, name: str) -> float:
        """How likely so large effects of a parameter would be if it had none (Wald's test).

        Of one that has a single value in the better half, as it decided which half that is, in all rows.
        """
        if not any(term.name == name for term in self.terms):
            return 1.0
        found = self._wald(name, self.rows, self.beta, self.covariance)
        if found is None and self.many:
            found = self._wald(name, self.every, *self._whole[:2])
        return 1.0 if found is None else found

    def _wald(self, name: str, rows: Sequence[Row], beta: Array, variances: Array) -> float | None:
        """The p in a fit of these rows; None where the parameter has one value there."""
        from scipy import stats

        still, spread = self.encoded(rows[:1])[0], self._spread(name, rows)
        if len(set(spread)) < 2:
            return None
        moved = np.array([self.encoded([{**rows[0], name: value}])[0] - still for value in spread])
        moved = moved[np.abs(moved).sum(axis=1) > 0]
        effect, covariance = moved @ beta, moved @ variances @ moved.T
        rank = int(np.linalg.matrix_rank(covariance))
        if not rank:
            return None
        wald = float(effect @ np.linalg.pinv(covariance) @ effect)
        return float(stats.f.sf(wald / rank, rank, self.df))

    def _spread(self, name: str, rows: Sequence[Row]) -> list[Any]:
        """Values at which a parameter's effect is looked at."""
        term = self._term(name)
        if term.levels:
            return self._levels(name, rows)
        values = sorted(float(row[name]) for row in rows if number(row.get(name, MISSING)))
        return [values[int(share * (len(values) - 1))] for share in (0.1, 0.5, 0.9)]


def number(value: object) -> bool:
    """Whether a value is a number (True is none)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)

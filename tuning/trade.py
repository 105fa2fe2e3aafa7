"""Two objectives at once: the score, and what the network costs (its parameters, or milliseconds a prediction).

Strategies know one score. Each trial is judged by both in a mixture of its own (ParEGO: Knowles 2006), so that whatever the
strategy, some trials are small and some are good. The answer is the Pareto front: all that nothing beats in both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from .ledger import Ledger, Record, alive
from .objective import Cost, Objective
from .strategies import Strategy
from .trial import Decision, Result, derived_seed

LEVEL = 0.05  # weight of the sum beside the larger of both


class TradeLedger(Ledger):
    """A ledger whose strategy is told both objectives as one score."""

    def __init__(self, strategy: Strategy, objective: Objective, batch: int | None, cost: Cost, seed: int) -> None:
        super().__init__(strategy, objective, batch)
        self.cost: Cost = cost
        self.seed = seed
        self._told: list[tuple[float, float]] = []  # loss, log of the cost

    def report(self, record: Record, epoch: int, score: float) -> Decision:
        """Go on: what the strategy was told is no score that this one could be compared with."""
        return Decision.CONTINUE

    def judged(self, record: Record, result: Result) -> Result:
        """The larger of both, each on the scale of what was told so far and weighed as the trial's own mixture says."""
        cost = cost_of(record, self.cost)
        if result.score is None or cost is None:
            return result
        here = (self.objective.key(result.score), math.log(max(cost, 1e-9)))
        self._told.append(here)
        scaled = [_within(value, [told[axis] for told in self._told]) for axis, value in enumerate(here)]
        weight = derived_seed(self.seed, "mixture", record.id) / 2**31
        parts = [weight * scaled[0], (1 - weight) * scaled[1]]
        return replace(result, score=self.objective.key(max(parts) + LEVEL * sum(parts)), curve=())


def _within(value: float, values: list[float]) -> float:
    low, high = min(values), max(values)
    return (value - low) / (high - low) if high > low else 0.0


def cost_of(record: Record, cost: Cost) -> float | None:
    """What a trial's network costs; None where it was not measured."""
    return record.latency_ms if cost == "latency_ms" else float(record.parameters)


def front(records: Iterable[Record], objective: Objective, cost: Cost) -> list[Record]:
    """The completed trials that none beats in both, the cheapest first; of equals the first."""
    found: list[Record] = []
    known = [(cost_of(r, cost), objective.key(r.score or 0.0), r.id, r) for r in records if r.completed and alive(r)]
    for _, loss, _, record in sorted((c, loss, n, r) for c, loss, n, r in known if c is not None):
        if not found or loss < objective.key(found[-1].score or 0.0):
            found.append(record)
    return found

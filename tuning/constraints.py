"""The most a network may have: known once it is built, before it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Infeasible


@dataclass(frozen=True)
class Constraints:
    """Limits on parameters and on milliseconds a prediction (of one row); None where there is no limit."""

    parameters: int | None = None
    latency_ms: float | None = None
    timed: bool = False  # latency is measured though nothing limits it: it is an objective

    @property
    def need_latency(self) -> bool:
        """Whether latency must be measured before a trial is trained."""
        return self.timed or self.latency_ms is not None

    def check(self, parameters: int, latency_ms: float | None) -> None:
        """Raises Infeasible for what is above a limit."""
        if self.parameters is not None and parameters > self.parameters:
            raise Infeasible(f"{parameters:,} parameters are more than --max-params {self.parameters:,}")
        if self.latency_ms is not None and latency_ms is not None and latency_ms > self.latency_ms:
            raise Infeasible(f"{latency_ms:g} ms a prediction are more than --max-latency-ms {self.latency_ms:g}")

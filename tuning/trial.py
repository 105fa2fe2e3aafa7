"""The values that strategies, executors and the study pass to each other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum, StrEnum

from .space import Config


class Decision(StrEnum):
    """What becomes of a trial after an epoch."""

    CONTINUE = "continue"
    PAUSE = "pause"
    STOP = "stop"


class Status(StrEnum):
    """How a trial ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    INFEASIBLE = "infeasible"


class Answer(Enum):
    """What `ask` returns when it has no trial to give."""

    WAIT = "wait"
    DONE = "done"


WAIT, DONE = Answer.WAIT, Answer.DONE


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration under evaluation, to be trained up to `epochs` in all (a promotion asks for more)."""

    id: int
    config: Config
    epochs: int


@dataclass(frozen=True, slots=True)
class Result:
    """How a trial ended: its score (objective at the best epoch so far), or None where it has none.

    `curve`: the score of each epoch so far, where that is known. `paused`: ended by a decision to pause, so that it may go on.
    `seconds`: what an epoch took, the middle one without the first (in which the network may be traced); None where nothing
    may depend on it (deterministic searches), or where there was but one.
    """

    status: Status
    score: float | None = None
    seconds: float | None = None
    curve: tuple[float, ...] = ()
    paused: bool = False


def next_epoch(seconds: list[float]) -> float:
    """Seconds the next epoch will take at most, from those before it; a first epoch is mostly tracing.

    >>> next_epoch([8.0, 1.0, 1.2])
    1.2
    """
    return 1.2 * min(seconds) if len(seconds) > 1 else 0.6 * seconds[0]


def derived_seed(*parts: int | str) -> int:
    """A 31-bit seed from any parts; neighbouring parts give unrelated seeds.

    >>> derived_seed(0, "trial", 1) != derived_seed(0, "trial", 2)
    True
    """
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1

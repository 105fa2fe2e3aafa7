"""The number that is searched for: its name, and whether more or less of it is better."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import BadValue, UnknownName

Direction = Literal["max", "min"]
Cost = Literal["parameters", "latency_ms"]
LESS = (  # in a metric's name, words that say that less is better
    *("loss", "error", "errors", "mae", "mse", "rmse", "mape", "msle", "rmsle", "perplexity", "ppl", "distance", "deviance"),
    *("entropy", "crossentropy", "divergence", "hinge", "poisson", "logcosh", "wer", "cer", "nll", "brier", "regret"),
)
MORE = (  # in a metric's name, words that say that more is better
    *("accuracy", "acc", "f1", "auc", "exact", "precision", "recall", "score", "kappa", "mcc", "iou", "dice", "bleu"),
    *("rouge", "meteor", "chrf", "r2", "similarity", "correlation"),
)


@dataclass(frozen=True)
class Objective:
    """A metric of the validation split and its direction.

    >>> Objective.parse("val_accuracy").better(0.8, 0.7)
    True
    >>> Objective.parse("perplexity")
    Objective(name='val_perplexity', direction='min')
    """

    name: str
    direction: Direction

    @classmethod
    def parse(cls, text: str) -> Objective:
        """NAME, val_NAME, or NAME:max / NAME:min; BadValue where the name does not say which way is better."""
        name, colon, given = text.partition(":")
        metric = name.removeprefix("val_")
        if colon and given not in ("max", "min"):
            raise BadValue(f"an objective is NAME, NAME:max or NAME:min, not {text!r}")
        direction: Direction = "max" if (given or _told_by(name)) == "max" else "min"
        return cls(f"val_{metric}", direction)

    @property
    def metric(self) -> str:
        """The metric's name without the split's."""
        return self.name.removeprefix("val_")

    @property
    def worst(self) -> float:
        """The score nothing is worse than."""
        return -math.inf if self.direction == "max" else math.inf

    def better(self, score: float, than: float) -> bool:
        """Whether one score beats another."""
        return score > than if self.direction == "max" else score < than

    def key(self, score: float) -> float:
        """A sort key: the best first."""
        return -score if self.direction == "max" else score


def _told_by(name: str) -> Direction:
    """The direction that a word of the name says, as in test_f1 or brier_score.

    >>> _told_by("answer_f1"), _told_by("mean_squared_error")
    ('max', 'min')
    """
    words = re.split(r"[^a-z0-9]+", name.lower())
    if any(word in LESS for word in words):
        return "min"
    if any(word in MORE for word in words):
        return "max"
    raise BadValue(f"whether more or less of {name} is better is not told by its name: say {name}:max or {name}:min")


def objectives(text: str) -> tuple[str, Cost | None]:
    """SCORE, or SCORE,COST, as its two names.

    >>> objectives("val_f1,parameters"), objectives("val_f1")
    (('val_f1', 'parameters'), ('val_f1', None))
    """
    score, comma, cost = text.partition(",")
    if not comma:
        return score, None
    for known in get_args(Cost):
        if cost == known and score:
            return score, known
    if "," in cost or not score:
        raise BadValue(f"--objective takes a score, or a score and a cost, as in val_accuracy,parameters; given: {text}")
    raise UnknownName("second objective", cost, get_args(Cost))

"""Numbers as people say them: points of a score, a loss in its own unit, sizes, shares."""

from __future__ import annotations

from collections.abc import Sequence

from .metrics import BOUNDED  # told in points: hundredths
from .objective import Objective
from .space import Config

ORDINAL = {2: "second", 3: "third", 4: "fourth"}


class Scale:
    """How differences of an objective are told."""

    def __init__(self, objective: Objective, points: bool | None = None) -> None:
        self.objective = objective
        self.points = objective.metric in BOUNDED if points is None else points

    def amount(self, value: float, width: float = 0.2) -> str:
        """The bare number, as finely as an interval of that width makes sense of.

        >>> Scale(Objective.parse("val_accuracy")).amount(0.0193), Scale(Objective.parse("val_loss")).amount(0.01934)
        ('1.9', '0.0193')
        """
        if not self.points:
            return f"{value:.3g}"
        return f"{100 * value:.{1 if width >= 0.002 else 2}f}"

    def _all(self, value: float, low: float, high: float) -> tuple[str, str, str]:
        width = high - low
        return self.amount(value, width), self.amount(low, width), self.amount(high, width)

    def gain(self, value: float, low: float, high: float) -> str:
        """A signed difference with its interval.

        >>> Scale(Objective.parse("val_accuracy")).gain(0.001, -0.004, 0.006)
        '+0.1 (-0.4 to 0.6)'
        """
        middle, least, most = self._all(value, low, high)
        return f"{'+' if value >= 0 else ''}{middle} ({least} to {most})"

    def cost(self, value: float, low: float, high: float) -> str:
        """What is lost, with its interval.

        >>> Scale(Objective.parse("val_accuracy")).cost(0.019, 0.012, 0.026)
        '1.9 points (1.2 to 2.6)'
        """
        unit = " points" if self.points else f" of {self.objective.metric}"
        middle, least, most = self._all(value, low, high)
        return f"{middle}{unit} ({least} to {most})"


def against(low: float, high: float) -> str:
    """How something stands to another from the interval of what it gains.

    >>> against(0.01, 0.03), against(-0.01, 0.03)
    ('better than', 'no different from')
    """
    return "better than" if low > 0 else "worse than" if high < 0 else "no different from"


def span(units: Sequence[int], among: Sequence[int]) -> str:
    """Sizes as a range where they are neighbours among those compared, else as a list.

    >>> span([16, 32, 64], [8, 16, 32, 64]), span([8, 32], [8, 16, 32]), span([8], [8, 16])
    ('16 to 64', '8 and 32', '8')
    """
    inside = [one for one in among if min(units) <= one <= max(units)]
    if len(units) < 2:
        return str(units[0])
    if sorted(units) == sorted(inside):
        return f"{min(units)} to {max(units)}"
    *most, last = sorted(units)
    return f"{', '.join(map(str, most))} and {last}"


def structure(config: Config) -> str:
    """Layers and directions in words; nothing for one layer in one direction.

    >>> structure({"layers": 2, "bidirectional": True}), structure({"layers": 1})
    ('2 layers, both directions', '')
    """
    words = [f"{config['layers']} layers"] if config.get("layers", 1) != 1 else []
    words += ["both directions"] if config.get("bidirectional") is True else []
    words += ["halving"] if config.get("taper") == "halving" else []
    return ", ".join(words)


def named(parameter: str) -> str:
    """A parameter as it begins a sentence.

    >>> named("learning_rate")
    'Learning rate'
    """
    return parameter.replace("_", " ").capitalize()

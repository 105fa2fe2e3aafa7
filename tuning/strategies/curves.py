"""Where a learning curve will end, foretold from those that went on to their end."""

from __future__ import annotations

from collections import deque

import numpy as np

from .cube import Array

CURVES = 100  # that ended, the latest, from which others' ends are foretold
FEW = 2  # trials trained to their end before others' ends are foretold from them
ENOUGH = 8  # losses before any of them counts as bad
HELD = 2.0  # so many trials does the prior of that weigh
LEFT = 0.2  # of the spread of early losses, what is left of it at the end where nothing is known


def tamed(losses: Array) -> Array:
    """Losses with those that are worse than the middle by more than the best is better cut to that: bad, not how bad.

    Of one row, or of each of many.
    """
    finite = np.isfinite(losses)
    counts = finite.sum(axis=-1, keepdims=True)
    if not counts.all():
        return np.zeros(losses.shape)
    order = np.sort(np.where(finite, losses, np.inf), axis=-1)
    if counts.min() < ENOUGH:
        return np.asarray(np.minimum(losses, np.take_along_axis(order, counts - 1, axis=-1)))
    middle = (np.take_along_axis(order, (counts - 1) // 2, axis=-1) + np.take_along_axis(order, counts // 2, axis=-1)) / 2
    return np.asarray(np.minimum(losses, middle + np.maximum(middle - order[..., :1], 1e-12)))


class Curves:
    """Foretells where a curve will end, from those that went on to their end: a regression for each epoch."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self._whole: deque[Array] = deque(maxlen=CURVES)  # best loss so far after each epoch
        self._fitted = False

    def add(self, losses: Array) -> None:
        """A curve that ended; one that ended before the last epoch stays where it was."""
        self._whole.append(np.concatenate([losses, np.full(self.epochs - len(losses), losses[-1])]))
        self._fitted = False

    def _fit(self) -> None:
        whole = tamed(np.array(self._whole).T)  # (epochs, curves)
        self._fitted = True
        self._early, late = whole.mean(axis=1), whole[-1]
        self._late = float(late.mean())
        off, off_late = whole - self._early[:, None], late - self._late
        wide = np.maximum((off**2).mean(axis=1), 1e-24)
        narrow = ((off_late**2).sum() + HELD * LEFT**2 * wide) / (len(late) + HELD)
        # held to half of what the spreads would allow, as if by HELD trials: few curves say little
        held = HELD * np.sqrt(wide * narrow) * 0.5
        self._slope = (off @ off_late + held) / ((off**2).sum(axis=1) + HELD * wide)
        missed = ((off_late - self._slope[:, None] * off) ** 2).sum(axis=1)
        self._unknown = (missed + HELD * 0.5 * narrow) / (len(late) + HELD)
        self._slope[-1], self._unknown[-1], self._early[-1] = 1.0, 0.0, self._late

    @property
    def known(self) -> bool:
        """Whether there is enough to foretell from."""
        return len(self._whole) >= FEW

    def ends(self, losses: Array, after: Array) -> tuple[Array, Array]:
        """What losses `after` so many epochs will be at the end, and the variance of that."""
        if not self._whole:
            return losses.astype(float), np.zeros(len(losses))
        if not self._fitted:
            self._fit()
        epoch = after - 1
        return self._late + self._slope[epoch] * (losses - self._early[epoch]), self._unknown[epoch]

"""Finance: open, high, low and close of each day; will the next close be higher (`--goal direction`), or by how much
(`--goal returns`)?

`synthetic` switches between a regime with momentum and one that reverts; the sign of the next return follows (or
opposes) the last with probability 0.65. Who knew the regime would be right in 0.65 of days, and nobody can be expected to be
right more often. The regime has to be told from the last days, and shows in their range.

Walk-forward with an embargo as long as the window. `--data` takes a csv with columns open, high, low, close and a time column.
"""

import numpy as np

from tuning import DataOptions, Recipe, Task, market_windows, ohlc_table

SURE = 0.65


def synthetic(options: DataOptions) -> Task:
    """Two regimes, switching about every 60 days; the best possible accuracy is 0.65."""
    rng = np.random.default_rng(options.split_seed)
    days = options.rows or 3000
    momentum, sign, close = True, 1.0, 100.0
    rows = []
    for _ in range(days):
        momentum ^= bool(rng.random() < 1 / 60)
        follows = rng.random() < SURE
        sign = sign if follows == momentum else -sign
        size = 0.01 * abs(rng.normal()) + 0.001
        opened, close = close * np.exp(rng.normal(0, 0.001)), close * np.exp(sign * size)
        spread = (0.004 if momentum else 0.012) * (0.5 + rng.random())
        rows.append((opened, max(opened, close) * (1 + spread), min(opened, close) * (1 - spread), close))
    prices: dict[str, np.ndarray] = dict(zip(("open", "high", "low", "close"), np.array(rows).T, strict=True))
    ceiling = SURE if options.goal == "direction" else None
    return market_windows("finance", "synthetic", prices, options, ceiling=ceiling)


def own(options: DataOptions) -> Task:
    """The user's own prices."""
    prices, notes = ohlc_table(options)
    return market_windows("finance", str(options.data), prices, options, notes=notes)


RECIPE = Recipe("the direction or size of the next return", {"synthetic": synthetic}, own)

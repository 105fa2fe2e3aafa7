"""Memory: k independent bits, each set and reset by pulses, to be reported at the end (the k-bit flip-flop of Sussillo and
Barak 2013). `--bits` is k.

At each step at most one channel carries a pulse of +1 or -1; every channel gets at least one. A bit is its channel's last pulse.
Each bit must be held apart from all others until the end, so the units needed grow with k, whatever the data's size. The
ceiling is 1 by construction.
"""

import numpy as np

from tuning import DataError, DataOptions, Recipe, Task, bit_series, parse_range


def pulses(rng: np.random.Generator, rows: int, bits: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Series (rows, steps, bits) of pulses, and the bits (rows, bits) that hold at the end."""
    x = np.zeros((rows, steps, bits), np.float32)
    for row in x:
        times = rng.permutation(steps)[: bits + int(rng.integers(steps - bits + 1))]
        channels = np.concatenate([rng.permutation(bits), rng.integers(bits, size=len(times) - bits)])
        row[times, channels] = rng.choice([-1.0, 1.0], size=len(times))
    last = steps - 1 - np.argmax(x[:, ::-1] != 0, axis=1)  # (rows, bits): when each channel's last pulse came
    return x, (np.take_along_axis(x, last[:, None, :], axis=1)[:, 0] > 0).astype(np.int32)


def synthetic(options: DataOptions) -> Task:
    """Pulse trains of at least 3 steps a bit."""
    rng = np.random.default_rng(options.split_seed)
    steps = options.window or max(20, 2 * options.bits)
    if steps < options.bits:
        raise DataError(f"every bit needs a pulse, so --window is at least --bits; given: {steps} for {options.bits} bits")
    rows = options.rows or 3000
    parts = {"train": rows * 2 // 3, "valid": rows // 6, "test": rows // 6}
    given = {part: pulses(rng, count, options.bits, steps) for part, count in parts.items()}
    limits = {"units": parse_range("units", "1:128"), "pooling": parse_range("pooling", "last")}
    limits["bidirectional"] = parse_range("bidirectional", "no")  # backwards, the last pulse comes first
    return bit_series("memory", given, ceiling=1.0, limits=limits)


RECIPE = Recipe("k bits to be remembered: the units needed grow with k", {"synthetic": synthetic})

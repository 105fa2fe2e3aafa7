"""Sequence to sequence: text in, text out, character by character (or word by word).

`synthetic` are additions ("53+8" -> "61"), `dates` are dates written in five ways ("sep 7, 1994" -> "1994-09-07"); the ceiling of
both is 1. Exact match (`--objective val_exact`) counts whole answers. `--data` takes pairs, a pair a line, tab-separated
(or `--separator _`).
"""

from datetime import date, timedelta

import numpy as np

from tuning import DataOptions, Recipe, Task, parts_in, read_table, text_pairs, two_columns

DAYS = 36524  # from 1950 to 2049


def synthetic(options: DataOptions) -> Task:
    """Sums of two numbers below 100."""
    rng = np.random.default_rng(options.split_seed)
    numbers = rng.choice(100 * 100, size=min(options.rows or 4000, 100 * 100), replace=False)
    pairs = [(f"{number // 100}+{number % 100}", str(number // 100 + number % 100)) for number in numbers]
    return text_pairs("seq2seq", "synthetic", {"train": pairs}, options, ceiling=1.0)


def dates(options: DataOptions) -> Task:
    """Days from 1950 to 2049 in five ways of writing them."""
    rng = np.random.default_rng(options.split_seed)
    days = [
        date(1950, 1, 1) + timedelta(days=int(n)) for n in rng.choice(DAYS, size=min(options.rows or 4000, DAYS), replace=False)
    ]
    ways = ["%d.%m.%Y", "%b %d, %Y", "%A, %d %B %Y", "%m/%d/%Y", "%d %b %Y"]
    pairs = [(day.strftime(ways[int(rng.integers(5))]).lower(), day.isoformat()) for day in days]
    return text_pairs("seq2seq", "dates", {"train": pairs}, options, ceiling=1.0)


def own(options: DataOptions) -> Task:
    """The user's own pairs: what goes in, then what comes out."""
    headless = options.model_copy(update={"columns": options.columns or "0,1"})
    given = {}
    for part, path in parts_in(options).items():
        table = read_table(path, headless)
        source, target = two_columns(table, headless)
        given[part] = list(zip(table[source], table[target], strict=True))
    return text_pairs("seq2seq", str(options.data), given, options)


RECIPE = Recipe("text in, text out", {"synthetic": synthetic, "dates": dates}, own)

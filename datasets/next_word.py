"""Next word: how well can the next token be told from those before? (perplexity, less is better)

`synthetic` is a grammar of known entropy: each word is followed by one of four, which four depends on the last two words,
with shares .55, .25, .15, .05; nothing can have a perplexity below exp(1.110) = 3.03. A bigram model sees one word only.

`--data` takes any text file, or a folder with train, valid and test; `--level characters` reads characters instead of words.
"""

import math

import numpy as np

from tuning import DataOptions, Recipe, Task, parts_in, read_text, running_text

SHARES = np.array([0.55, 0.25, 0.15, 0.05])
ENTROPY = float(-(SHARES * np.log(SHARES)).sum())
WORDS = [f"w{index:02d}" for index in range(24)]


def synthetic(options: DataOptions) -> Task:
    """A second-order chain over 24 words; the best possible perplexity is 3.03."""
    rng = np.random.default_rng(options.split_seed)
    a, b, c = 5, 7, 11  # followers of (u, v): words numbered a*kind(u) + b*v + c*k, k = 0..3
    length = (options.rows or 1500) * 32
    draws = rng.choice(4, size=length, p=SHARES)
    chain = [0, 1]
    for draw in draws:
        chain.append((a * (chain[-2] % 3) + b * chain[-1] + c * int(draw)) % len(WORDS))
    text = [WORDS[index] for index in chain]
    return running_text("next_word", "synthetic", text, options, ceiling=math.exp(ENTROPY))


def own(options: DataOptions) -> Task:
    """The user's own text."""
    texts = {part: read_text(path) for part, path in parts_in(options).items()}
    return running_text("next_word", str(options.data), texts, options)


RECIPE = Recipe("the next token of a text", {"synthetic": synthetic}, own)

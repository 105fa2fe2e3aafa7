"""Tagging: a label for every token.

`synthetic`: words whose tag depends on what stands before (an ambiguous word is a verb after a pronoun, a noun after an
article) or, for questions, on the sentence's last token, which only a second direction sees. The ceiling is 1; each
word's most common tag falls clearly short.

`--data` takes CoNLL-U, or any file with a token a line and blank lines between sentences (`--columns 0,1` says which
columns are token and tag).
"""

import numpy as np

from tuning import DataOptions, Recipe, Task, parts_in, read_conll, tagged_tokens

PRONOUNS, ARTICLES = ["i", "you", "we", "they"], ["the", "a", "this", "every"]
AMBIGUOUS = ["walk", "play", "run", "dream", "plan", "work", "visit", "answer", "call", "dance"]
ADJECTIVES, ADVERBS = ["old", "green", "quick", "happy", "small"], ["often", "rarely", "soon", "here"]


def sentence(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """A few phrases; "so" is an adverb in a question and a conjunction in a statement."""
    question = rng.random() < 0.5
    tokens, tags = ["so"], ["ADV" if question else "CONJ"]
    for _ in range(int(rng.integers(2, 5))):
        if rng.random() < 0.5:
            chosen = [(PRONOUNS, "PRON"), (ADVERBS, "ADV"), (AMBIGUOUS, "VERB")]
        else:
            chosen = [(ARTICLES, "DET"), (ADJECTIVES, "ADJ"), (AMBIGUOUS, "NOUN")]
        if rng.random() < 0.5:
            del chosen[1]
        tokens += [str(rng.choice(words)) for words, _ in chosen]
        tags += [tag for _, tag in chosen]
    return [*tokens, "?" if question else "."], [*tags, "PUNCT"]


def synthetic(options: DataOptions) -> Task:
    """Sentences of a small grammar; the best possible accuracy is 1."""
    rng = np.random.default_rng(options.split_seed)
    pairs = [sentence(rng) for _ in range(options.rows or 2000)]
    given = {"train": ([tokens for tokens, _ in pairs], [tags for _, tags in pairs])}
    return tagged_tokens("tagging", "synthetic", given, options, ceiling=1.0)


def own(options: DataOptions) -> Task:
    """The user's own tagged sentences."""
    given = {part: read_conll(path, options) for part, path in parts_in(options).items()}
    return tagged_tokens("tagging", str(options.data), given, options)


RECIPE = Recipe("a label for every token", {"synthetic": synthetic}, own)

"""The words that a task knows, from its training split alone or from a file of pretrained vectors too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import DataError
from .task import DataOptions
from .vectors import pretrained

WORDS, PREDICTED = 10_000, 4_000  # most words that go in; that are predicted (each costs a softmax over all of them)


@dataclass(frozen=True)
class Vocabulary:
    """Words by rank; their vectors (ids, dimensions) where a file has them; what is to be said of both."""

    words: tuple[str, ...]
    vectors: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def vocabulary_of(tokens: Iterable[str], options: DataOptions, level: str = "words", *, predicted: bool = False) -> Vocabulary:
    """The most frequent tokens of train, ties in alphabetical order; with --embeddings, filled up with the file's own.

    Where they are `predicted` too there are fewer, and those of the file stay out: train has none to learn them from.
    """
    counts, most = Counter(tokens), options.vocabulary or (PREDICTED if predicted else WORDS)
    words = tuple(sorted(counts, key=lambda token: (-counts[token], token))[:most])
    if options.embeddings is None:
        return Vocabulary(words)
    if level != "words":
        raise DataError(f"--embeddings are vectors of words, and the unit of text is {level} here: add --level words")
    known, vectors, note = pretrained(Path(options.embeddings), counts, words, len(words) if predicted else most)
    return Vocabulary(known, vectors, (note,))

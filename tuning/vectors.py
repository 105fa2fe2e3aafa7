"""Pretrained word vectors from their text format: GloVe's, word2vec's, fastText's.

Networks are given them turned onto their principal axes: one that takes the first few dimensions of a token takes those that tell
most (Raunak et al. 2019, "Effective dimensionality reduction for word embeddings"), and one that takes all of them loses nothing.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from .codec import SPECIAL
from .errors import DataError
from .files import require_file

Array = np.ndarray


class Row(NamedTuple):
    """One line: a word and, not parsed yet, its numbers. Files have gigabytes, and few of their words are wanted."""

    word: str
    rest: str
    dimensions: int
    path: Path
    line: int

    @property
    def place(self) -> str:
        """Where it is."""
        return f"{self.path}, line {self.line}"

    def numbers(self) -> Array | None:
        """Its vector; None for a token with blanks in it, of which the first word alone was taken."""
        parts = self.rest.split()
        if len(parts) > self.dimensions:
            return None
        try:
            vector = np.array(parts, np.float32)
        except ValueError:
            raise DataError(f"{self.place}: a word and numbers are needed; given: {self.word} {self.rest[:40]}") from None
        if len(parts) < self.dimensions:
            raise DataError(f"{self.place}: {self.dimensions} numbers are needed, as before; {self.word!r} has {len(parts)}")
        if not np.isfinite(vector).all():
            raise DataError(f"{self.place}: the vector of {self.word!r} holds what is no finite number")
        return vector


def pretrained(path: Path, counts: Counter[str], words: Sequence[str], most: int) -> tuple[tuple[str, ...], Array, str]:
    """A vocabulary, its vectors (ids, dimensions) of float32 (0 where there is none), and what is to be said of them.

    The vocabulary is `words`, filled up to `most` with the file's first (files are sorted: the most frequent), so that what train
    lacks is known when it is met. `counts`: how often train has each word. Of a word in several cases that in lower case counts,
    or else the first.

    Raises DataError where the file is no text of vectors, or has none of the words.
    """
    found, more = _wanted(path, set(words), most - len(words))
    if not found:
        raise DataError(f"no word of train has a vector in {path}: is it of their language?")
    vocabulary = (*words, *more)
    vectors = {**found, **more}
    matrix = np.zeros((len(vocabulary) + SPECIAL, len(next(iter(vectors.values())))), np.float32)
    for place, word in enumerate(vocabulary, SPECIAL):
        matrix[place] = vectors.get(word, 0.0)
    share = sum(counts[word] for word in found) / counts.total()
    return vocabulary, matrix, f"{share:.0%} of the words of train have a vector ({matrix.shape[1]} dimensions) in {path.name}"


def _wanted(path: Path, words: set[str], room: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """The vectors of these words, and of the file's first others in lower case that there is room for."""
    found, more, lower = dict[str, Array](), dict[str, Array](), set[str]()
    for row in rows(path):
        low = row.word.lower()
        if low in words:
            if low in lower or (low in found and row.word != low):
                continue
        elif row.word != low or low in more or len(more) >= room:
            continue
        vector = row.numbers()
        if vector is not None:
            (found if low in words else more)[low] = vector
            lower |= {low} if row.word == low else set()
    return found, more


def rows(path: Path) -> Iterator[Row]:
    """The file's words, without the line of word2vec and fastText that says how many there are."""
    dimensions = number = counted = 0
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            word, _, rest = line.rstrip().partition(" ")
            if number == 1:
                if "\0" in line or "\ufffd" in line:
                    raise DataError(
                        f"{path} is no text; gensim's save_word2vec_format(..., binary=False) writes word2vec's binary as such"
                    )
                if word.isdigit() and rest.isdigit():
                    dimensions = counted = int(rest)
                    continue
                dimensions = len(rest.split())
                if not rest:
                    raise DataError(
                        f"{path}, line 1: a word and numbers are needed, apart by blanks; given: {line.rstrip()[:60]!r}"
                    )
            if number == 2 and counted not in (0, len(rest.split())):
                raise DataError(f"{path}: by line 1 vectors have {dimensions} numbers; line 2 has {len(rest.split())}")
            if line.strip():
                yield Row(word, rest, dimensions, path, number)
    if not number:
        raise DataError(f"{path} is empty")


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """The file as UTF-8 text, gzip read through; it may be larger than the memory."""
    require_file(path)
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        read = gzip.open if packed else open
        with read(path, "rt", encoding="utf-8-sig", errors="replace", newline="\n") as file:
            yield file
    except (OSError, EOFError, zlib.error) as wrong:
        raise DataError(f"{path} cannot be read: {wrong}") from None


def on_principal_axes(matrix: Array) -> Array:
    """The vectors centred, the axis along which they differ most first; rows of 0 (words that have none) stay so."""
    from sklearn.decomposition import PCA  # slow to import

    known = matrix.any(axis=1)
    table = matrix[known].astype(np.float64)
    if not np.ptp(table, axis=0).any():
        return matrix  # they differ in nothing
    turned = PCA(min(table.shape), svd_solver="covariance_eigh").fit_transform(table)
    found = np.zeros_like(matrix)
    found[known, : turned.shape[1]] = turned
    return found

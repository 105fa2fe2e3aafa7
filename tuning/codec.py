"""Preprocessing that travels with the model: raw input as the user has it, to arrays as the network takes them.

A codec is fitted on the training split alone (`text.py`, `series.py`), is plain data, and is written into best.json.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from .errors import DataError

Array = np.ndarray
PADDING, UNKNOWN, START, END = range(4)
SPECIAL = 4  # ids below this are not words
PAD = -1e9
WORD = re.compile(r"\w+(?:'\w+)?|[^\w\s]|\n")


def tokens_of(text: str | Sequence[str], level: str) -> list[str]:
    """Lower-cased words and punctuation marks, or characters; what is given as tokens stays as it is.

    >>> tokens_of("It isn't BAD.", "words")
    ['it', "isn't", 'bad', '.']
    """
    return WORD.findall(text.lower()) if isinstance(text, str) and level != "characters" else list(text)


def padded(sequences: Sequence[Sequence[int] | Array], steps: int) -> tuple[Array, Array]:
    """Sequences of ids as (rows, steps) int32, padded with 0 on the right, and their lengths (at least 1)."""
    x = np.zeros((len(sequences), steps), np.int32)
    lengths = np.ones(len(sequences), np.int32)
    for row, ids in enumerate(sequences):
        cut = list(ids[:steps]) or [UNKNOWN]
        x[row, : len(cut)] = cut
        lengths[row] = len(cut)
    return x, lengths


def columns_of(one: Array | Sequence[float]) -> Array:
    """A series as (steps, channels); of numbers alone, one channel. DataError for anything else."""
    series = np.asarray(one)
    series = series[:, None] if series.ndim == 1 else series
    if series.ndim != 2:
        raise DataError(f"a series is (steps, channels), or steps of one channel; given: shape {series.shape}")
    return series


class TextCodec(BaseModel):
    """Text, or a list of tokens, to ids: 0 padding, 1 unknown, 2 start, 3 end, then the vocabulary."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["text"] = "text"
    level: Literal["words", "characters"] = "words"
    vocabulary: tuple[str, ...]
    steps: int
    end: bool = False  # whether an end token closes each sequence (sequence to sequence)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Each token's id."""
        return {token: index + SPECIAL for index, token in enumerate(self.vocabulary)}

    @property
    def size(self) -> int:
        """How many ids there are."""
        return len(self.vocabulary) + SPECIAL

    def ids_of(self, raw: str | Sequence[str]) -> list[int]:
        """The ids of one text or token list, not padded."""
        ids = [self.ids.get(token, self.ids.get(token.lower(), UNKNOWN)) for token in tokens_of(raw, self.level)]
        return [*ids[: self.steps - 1], END] if self.end else ids

    def encode(self, raw: Sequence[str | Sequence[str]]) -> tuple[Array, Array]:
        """Ids (rows, steps) and lengths."""
        return padded([self.ids_of(one) for one in raw], self.steps)

    def decode(self, ids: Sequence[int]) -> str:
        """Ids back to text, up to the end token."""
        words = []
        for index in ids:
            if index in (END, PADDING):
                break
            words.append(self.vocabulary[index - SPECIAL] if index >= SPECIAL else "<unknown>")
        return ("" if self.level == "characters" else " ").join(words)


class SeriesCodec(BaseModel):
    """Series of (steps, channels) to scaled arrays; shorter ones are padded on the right with PAD."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["series"] = "series"
    mean: tuple[float, ...]
    std: tuple[float, ...]
    steps: int
    ragged: bool = False
    length: int | None = None  # of every raw series, where only its first `steps` steps are taken

    def encode(self, raw: Sequence[Array]) -> tuple[Array, Array]:
        """Scaled series (rows, steps, channels) and lengths."""
        channels = len(self.mean)
        x = np.full((len(raw), self.steps, channels), PAD, np.float32)
        lengths = np.zeros(len(raw), np.int32)
        for row, one in enumerate(raw):
            series = columns_of(one).astype(np.float64)
            if series.shape[1] != channels or not len(series):
                raise DataError(f"a series is (steps, {channels}) numbers; row {row} has shape {series.shape}")
            if not self.ragged and len(series) != (self.length or self.steps):
                raise DataError(f"every series has {self.length or self.steps} steps here; row {row} has {len(series)}")
            cut = (series[: self.steps] - self.mean) / self.std
            x[row, : len(cut)] = cut
            lengths[row] = len(cut)
        return x, lengths


class WindowCodec(BaseModel):
    """Tables with one row a time step to windows of their last `steps` rows; `ohlc` first makes returns of prices."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["window"] = "window"
    columns: tuple[str, ...]
    transform: Literal["none", "ohlc"] = "none"
    mean: tuple[float, ...]
    std: tuple[float, ...]
    steps: int
    target: int = 0
    time: str = ""  # the time column, where its name had to be given

    @property
    def needed(self) -> int:
        """Rows of raw input for one prediction."""
        return self.steps + (self.transform == "ohlc")

    def features(self, table: Mapping[str, Array]) -> Array:
        """Scaled features (rows, channels) of a whole table; one row fewer than the table for ohlc."""
        missing = [name for name in self.columns if name not in table]
        if missing:
            raise DataError(f"the model was trained on columns {', '.join(self.columns)}; missing: {', '.join(missing)}")
        raw = side_by_side(table, self.columns)
        raw = ohlc_features(raw) if self.transform == "ohlc" else raw
        return ((raw - self.mean) / self.std).astype(np.float32)

    def encode(self, raw: Sequence[Mapping[str, Array]]) -> tuple[Array, Array]:
        """The last window of each table (rows, steps, channels) and lengths."""
        windows = []
        for table in raw:
            features = self.features(table)
            if len(features) < self.steps:
                rows = self.needed
                raise DataError(f"one prediction needs the last {rows} rows; given: {len(next(iter(table.values())))}")
            windows.append(features[-self.steps :])
        return np.stack(windows), np.full(len(windows), self.steps, np.int32)


class PairCodec(BaseModel):
    """Two texts: what goes in and what comes out."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["pair"] = "pair"
    source: TextCodec
    target: TextCodec

    def encode(self, raw: Sequence[str]) -> tuple[Array, Array]:
        """Ids of what goes in, and lengths."""
        return self.source.encode(raw)


def side_by_side(table: Mapping[str, Array], columns: Sequence[str]) -> Array:
    """Columns of a table as (rows, columns)."""
    return np.stack([np.asarray(table[column], np.float64) for column in columns], axis=1)


def ohlc_features(prices: Array) -> Array:
    """Open, high, low, close (rows, 4) to four stationary features (rows - 1, 4).

    Log return close to close, overnight gap, day's range, and where in the range the day closed.
    """
    if (prices <= 0).any():
        row = int(np.argwhere((prices <= 0).any(axis=1))[0, 0])
        raise DataError(f"prices must be greater than 0 (log returns are taken); row {row + 1} is not")
    logs = np.log(prices)
    before, now = logs[:-1, 3], logs[1:]
    spread = now[:, 1] - now[:, 2]
    place = np.where(spread > 0, (now[:, 3] - now[:, 2]) / np.where(spread > 0, spread, 1.0), 0.5)
    return np.stack([now[:, 3] - before, now[:, 0] - before, spread, place], axis=1)


Codec: TypeAlias = Annotated[TextCodec | SeriesCodec | WindowCodec | PairCodec, Field(discriminator="kind")]

"""Raw input of `predict`: the file a user has, in the shape the model's codec takes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .codec import Codec, SeriesCodec, WindowCodec
from .errors import DataError
from .files import lines_of, read_text
from .formats import read_npz_series, read_ts, timed_table
from .tables import numbers
from .task import DataOptions


def read_raw(source: str, codec: Codec) -> list[Any]:
    """Texts (a line each), series (.ts, .npz, or a JSON list a line), or one table of columns (csv)."""
    if source != "-" and not Path(source).is_file():
        raise DataError(f"there is no file {source}; - reads standard input")
    if isinstance(codec, WindowCodec):
        return [_table(source, codec)]
    if isinstance(codec, SeriesCodec):
        return _series(source)
    lines = lines_of(_text(source))
    if not any(line.strip() for line in lines):
        raise DataError(f"{source} is empty: one text a line is needed")
    return list(lines)


def _text(source: str) -> str:
    return sys.stdin.read() if source == "-" else read_text(Path(source))


def _series(source: str) -> list[np.ndarray]:
    name = source.removesuffix(".gz")
    if name.endswith(".ts"):
        return read_ts(Path(source))[0]
    if name.endswith(".npz"):
        return read_npz_series(Path(source))[0]
    series = []
    for number, line in enumerate(lines_of(_text(source)), start=1):
        try:
            series.append(np.array(json.loads(line), np.float64))
        except (ValueError, TypeError):
            raise DataError(f"line {number} of {source} is no JSON list of steps, as in [[0.1, 0.2], [0.3, 0.4]]") from None
    return series


def _table(source: str, codec: WindowCodec) -> dict[str, np.ndarray]:
    if source == "-":
        raise DataError("a table is read from a csv file, not from standard input")
    table, _, _ = timed_table(DataOptions(data=source, time=codec.time or None))
    lower = {name.lower(): name for name in table}
    found = {}
    for name in codec.columns:
        actual = name if name in table else lower.get(name.lower())
        if actual is None:
            raise DataError(f"the model was trained on columns {', '.join(codec.columns)}; {source} has {', '.join(table)}")
        found[name] = numbers(table, actual, source)
    return found

"""Formats of their own: UCR/UEA `.ts`, ragged `.npz`, CoNLL and CoNLL-U, tables with a time column."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from .errors import DataError, UnknownName
from .files import lines_of, parts_in, read_bytes, read_text
from .tables import Table, column, numbers, read_table
from .task import DataOptions

Array = np.ndarray
Labelled = tuple[list[Array], list[str]]
LABELS = ("label", "labels", "class", "classes", "y", "target", "digit")
TIMES = ("time", "date", "datetime", "timestamp", "month", "day", "year", "week", "period")
FORMATS = ("%Y-%m-%d", "%Y-%m", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y")


def read_ts(path: Path) -> Labelled:
    """A UCR/UEA `.ts` file: channels separated by ':', values by ',', the last field the label; lengths may differ."""
    series, labels, inside = [], [], False
    for number, line in enumerate(lines_of(read_text(path)), start=1):
        line = line.strip()
        if line.lower().startswith("@data"):
            inside = True
        elif inside and line:
            *channels, label = line.split(":")
            try:
                rows = [[float(value) for value in channel.split(",")] for channel in channels]
            except ValueError:
                raise DataError(f"line {number} of {path} has a value that is no number (missing values: fill them)") from None
            if not rows or len({len(row) for row in rows}) != 1:
                raise DataError(f"the channels of line {number} of {path} differ in length")
            series.append(np.array(rows).T)  # (steps, channels)
            labels.append(label.strip())
    if not series:
        raise DataError(f"{path} has no series after a line @data")
    return series, labels


def read_npz_series(path: Path) -> tuple[list[Array], dict[str, list[str]]]:
    """Series in an `.npz`, and its columns of one value a series.

    Series are frames (sum of lengths, channels) with lengths (rows), or one array (rows, steps[, channels]).
    """
    content = read_bytes(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, AttributeError, zipfile.BadZipFile) as wrong:
        raise DataError(f"{path} is no readable .npz of plain arrays: {wrong}") from None
    lengths = next((a for n, a in arrays.items() if n in ("length", "lengths") and a.ndim == 1), None)
    frames = [name for name, a in arrays.items() if a.ndim >= 2 and np.issubdtype(a.dtype, np.number)]
    if not frames:
        raise DataError(f"{path} needs an array of two or three dimensions with the series; it has {', '.join(arrays)}")
    values = arrays[frames[0]].astype(np.float64)
    if not np.isfinite(values).all():
        raise DataError(f"array {frames[0]} of {path} has a value that is no finite number")
    if lengths is not None and values.ndim == 2:
        if int(lengths.sum()) != len(values):
            raise DataError(f"lengths of {path} sum to {int(lengths.sum())}, but there are {len(values)} frames")
        series = np.split(values, np.cumsum(lengths)[:-1])
    else:
        whole = values[..., None] if values.ndim == 2 else values
        given = lengths if lengths is not None and len(lengths) == len(whole) else [whole.shape[1]] * len(whole)
        series = [one[: int(length)] for one, length in zip(whole, given, strict=True)]
    sizes = ("length", "lengths")
    rows = {n: [str(v) for v in a] for n, a in arrays.items() if a.ndim == 1 and len(a) == len(series) and n not in sizes}
    return series, rows


def read_npz(path: Path, label: str | None) -> Labelled:
    """Series in an `.npz` with the labels in one of its columns."""
    series, rows = read_npz_series(path)
    return series, rows[column(rows, label, LABELS, "label")]


def labelled_series(options: DataOptions) -> dict[str, Labelled]:
    """Series with labels from `.ts` or `.npz`, one file or a folder with parts."""
    found = {}
    for part, path in parts_in(options).items():
        name = path.name.removesuffix(".gz")
        if name.endswith(".npz"):
            found[part] = read_npz(path, options.label)
        elif name.endswith(".ts"):
            found[part] = read_ts(path)
        else:
            raise DataError(f"series are read from .ts or .npz; given: {path.name}")
    return found


def read_conll(path: Path, options: DataOptions) -> tuple[list[list[str]], list[list[str]]]:
    """Tokens and tags, one token a line, a blank line between sentences.

    CoNLL-U (10 columns): form and UPOS, multiword and empty nodes passed over. Otherwise the first and last column, or
    --columns TOKEN,TAG.
    """
    tokens: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    lines = lines_of(read_text(path))
    width = next((len(_cells(line, options)) for line in lines if line.strip() and not line.startswith("#")), 0)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            if tokens[-1]:
                tokens.append([])
                tags.append([])
            continue
        cells = _cells(line, options)
        if line.startswith("#") and len(cells) != width:
            continue  # a comment; a token "#" has all its columns
        if len(cells) != width:
            raise DataError(f"every line needs {width} columns; line {number} of {path} has {len(cells)}")
        if re.fullmatch(r"\d+[-.]\d+", cells[0]) and width == 10:
            continue
        word, tag = _token_columns(width, options)
        tokens[-1].append(cells[word])
        tags[-1].append(cells[tag].replace(" ", "_"))
    sentences = [(a, b) for a, b in zip(tokens, tags, strict=True) if a]
    sentences = sentences[: options.rows] if options.rows else sentences
    if not sentences:
        raise DataError(f"{path} has no sentences")
    return [a for a, _ in sentences], [b for _, b in sentences]


def _cells(line: str, options: DataOptions) -> list[str]:
    return line.split("\t") if "\t" in line else line.split(options.separator)


def _token_columns(width: int, options: DataOptions) -> tuple[int, int]:
    if options.columns is None:
        if width < 2:
            raise DataError("a line needs a token and a tag; it has one column (is --separator right?)")
        return (1, 3) if width == 10 else (0, width - 1)
    chosen = options.columns.split(",")
    for name in chosen:
        if not name.strip().isdigit() or int(name) >= width:
            raise UnknownName("column", name, map(str, range(width)))
    if len(chosen) != 2:
        raise DataError(f"--columns takes two numbers here, token and tag, as in 0,1; given: {options.columns!r}")
    return int(chosen[0]), int(chosen[1])


def time_of(cell: str) -> datetime | None:
    """A time in one of the usual ways of writing it."""
    for form in FORMATS:
        try:
            return datetime.strptime(cell, form)
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def timed_table(options: DataOptions) -> tuple[Table, list[str], str]:
    """A table in time order, notes on what was done to get there, and the time column's name ('' where there is none).

    Rows out of order are sorted; gaps are kept and told; two rows of one time are refused.
    """
    parts = parts_in(options)
    if len(parts) > 1:
        told = ", ".join(path.name for path in parts.values())
        raise DataError(f"a table in time order is one file, whose last parts are valid and test; given: {told}: put them together")
    path = parts["train"]
    table = read_table(path, options)
    name = options.time and column(table, options.time, (), "time")
    name = name or next((n for n in table if n.lower() in TIMES), "")
    if not name:
        return table, [], ""
    times = [time_of(cell) for cell in table[name]]
    wrong = [row for row, time in enumerate(times) if time is None]
    if wrong:
        raise DataError(f"column {name} needs times; row {wrong[0] + 1} of {path} has {table[name][wrong[0]]!r}")
    stamps = np.array([(t if t.tzinfo else t.replace(tzinfo=UTC)).timestamp() for t in times if t is not None])
    notes = []
    order = np.argsort(stamps, kind="stable")
    if (np.diff(stamps) < 0).any():
        table = {column_name: [cells[row] for row in order] for column_name, cells in table.items()}
        stamps = stamps[order]
        notes.append(f"column {name} was not in time order: rows were sorted")
    steps = np.diff(stamps)
    if (steps == 0).any():
        raise DataError(f"two rows of {path} have the same {name}: {table[name][int(np.argmin(steps))]!r}")
    usual = float(np.median(steps))
    gaps = np.flatnonzero(steps > 4.5 * usual)  # weekends, holidays and months of 28 to 31 days are no gaps
    if len(gaps):
        first = int(gaps[0])
        notes.append(f"column {name} has {len(gaps)} gaps, the first after {table[name][first]}: rows were kept as they follow")
    return table, notes, name


def timed_numbers(options: DataOptions) -> tuple[dict[str, Array], str, list[str]]:
    """The numeric columns of a table in time order, the target's name, and notes."""
    table, notes, time = timed_table(options)
    path = str(options.data)
    if options.target is not None:
        target = column(table, options.target, (), "target")
    else:
        numeric = [name for name in table if name != time and _is_number(table[name][0])]
        target = numeric[0] if len(numeric) == 1 else column(table, None, ("target", "value", "y", "close"), "target")
    others = [name for name in table if name not in (time, target) and _is_number(table[name][0])]
    return {name: numbers(table, name, path) for name in (target, *others)}, target, notes


def ohlc_table(options: DataOptions) -> tuple[dict[str, Array], list[str]]:
    """Open, high, low and close of a table in time order, and notes."""
    table, notes, _ = timed_table(options)
    path = str(options.data)
    prices = {role: numbers(table, column(table, None, (role,), role), path) for role in ("open", "high", "low", "close")}
    stack = np.stack(list(prices.values()))
    flat = int((stack.max(axis=0) == stack.min(axis=0)).sum())
    if flat:
        notes.append(f"{flat} rows have open = high = low = close: their range says nothing")
    return prices, notes


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

"""Tables as columns of strings: csv, tsv, jsonl, parquet; which column is what; columns as numbers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from .errors import DataError, UnknownName
from .files import lines_of, read_bytes, read_text
from .task import DataOptions

Table = dict[str, list[str]]


def read_table(path: Path, options: DataOptions) -> Table:
    """A csv, tsv, jsonl or parquet file as columns of strings; without a header where --columns gives numbers."""
    name = path.name.removesuffix(".gz").lower()
    if name.endswith((".jsonl", ".ndjson")):
        table = _read_jsonl(path)
    elif name.endswith(".parquet"):
        table = _read_parquet(path)
    else:
        table = _read_csv(path, options)
    if options.rows:
        table = {column: values[: options.rows] for column, values in table.items()}
    if not table or not next(iter(table.values())):
        raise DataError(f"{path} has no rows")
    return table


def _separator(first: str, given: str | None) -> str:
    if given:
        return {"\\t": "\t", "tab": "\t"}.get(given, given)
    if "\t" in first:
        return "\t"
    return max((",", ";", "|"), key=first.count) if any(mark in first for mark in ",;|") else ","


def _read_csv(path: Path, options: DataOptions) -> Table:
    text = read_text(path)
    first = text.lstrip().split("\n", 1)[0]
    separator = _separator(first, options.separator)
    if len(separator) == 1:
        quoted = separator != "\t"  # tab-separated text keeps its quotation marks
        reader = csv.reader(io.StringIO(text), delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
        rows = []
        try:
            rows += [row for row in reader if row]
        except csv.Error as wrong:
            raise DataError(f"line {reader.line_num} of {path} cannot be read: {wrong}") from None
    else:
        rows = [line.split(separator) for line in lines_of(text) if line.strip()]
    headless = options.columns is not None
    header = [str(index) for index in range(len(rows[0]))] if headless else [cell.strip() for cell in rows[0]]
    body = rows if headless else rows[1:]
    for number, row in enumerate(body, start=1 if headless else 2):
        if len(row) != len(header):
            raise DataError(f"every row needs {len(header)} columns; row {number} of {path} has {len(row)}")
    return {column: [row[index].strip() for row in body] for index, column in enumerate(header)}


def _read_jsonl(path: Path) -> Table:
    rows: list[Mapping[str, object]] = []
    for number, line in enumerate(lines_of(read_text(path)), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as wrong:
            raise DataError(f"line {number} of {path} is no JSON: {wrong.msg}") from None
        if not isinstance(row, dict) or (rows and row.keys() != rows[0].keys()):
            raise DataError(f"every line needs the same fields; line {number} of {path} differs")
        rows.append(row)
    return {column: ["" if row[column] is None else str(row[column]) for row in rows] for column in rows[0]}


def _read_parquet(path: Path) -> Table:
    read_bytes(path)
    try:
        import pyarrow.parquet
    except ImportError:
        raise DataError(f"{path.name} needs pyarrow: pip install 'unitwise[parquet]'") from None
    try:
        columns = pyarrow.parquet.read_table(path).to_pydict()
    except Exception as wrong:
        raise DataError(f"{path} is no parquet file: {' '.join(str(wrong).split())[:100]}") from None
    return {name: ["" if value is None else str(value) for value in values] for name, values in columns.items()}


def column(table: Mapping[str, Sequence[str]], given: str | None, guesses: Iterable[str], role: str) -> str:
    """The column for a role: as given, or the one whose name is usual for it; UnknownName or DataError otherwise."""
    if given is not None:
        exact = [name for name in table if name == given] or [n for n in table if n.lower() == given.lower()]
        if not exact:
            raise UnknownName("column", given, table)
        return exact[0]
    for guess in guesses:
        for name in table:
            if name.lower() == guess:
                return name
    raise DataError(f"which column is the {role}? say --{role} NAME (there are: {', '.join(table)})")


def two_columns(table: Table, options: DataOptions) -> tuple[str, str]:
    """The two columns that --columns names, or the only two there are, or the first and the last."""
    if options.columns is None:
        names = list(table)
        return names[0], names[-1]
    chosen = [name.strip() for name in options.columns.split(",")]
    for name in chosen:
        if name not in table:
            raise UnknownName("column", name, table)
    if len(chosen) != 2:
        raise DataError(f"--columns takes two numbers here, as in 0,1; given: {options.columns!r}")
    return chosen[0], chosen[1]


def numbers(table: Table, name: str, path: str) -> np.ndarray:
    """One column as numbers; what is no finite number is refused with its row."""
    values = np.empty(len(table[name]))
    for row, cell in enumerate(table[name]):
        try:
            values[row] = float(cell)
        except ValueError:
            raise DataError(f"column {name} needs numbers; row {row + 1} of {path} has {cell!r}") from None
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise DataError(f"column {name} has no finite number in row {int(bad[0]) + 1} of {path}: fill or drop such rows")
    return values

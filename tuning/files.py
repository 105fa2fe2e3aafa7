"""The user's own files: texts, tables, folders; gzip is read through, and what is wrong is said with its line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from .errors import DataError, UnknownName
from .task import DataOptions

T = TypeVar("T")
Table = dict[str, list[str]]
PASSED_OVER = re.compile(r"^(readme|license|licence|changelog|notice|unsup$|\.)", re.IGNORECASE)
PART = re.compile(r"(?:^|[_\-.])(train|training|valid|validation|val|dev|test|testing)(?=[_\-.]|$)", re.IGNORECASE)
PART_NAMES = {"train": "train", "training": "train", "test": "test", "testing": "test"}


def read_bytes(path: Path) -> bytes:
    """A file's content, unzipped where it is gzip."""
    if not path.exists():
        near = [other.name for other in path.parent.glob("*")] if path.parent.is_dir() else []
        raise UnknownName("file", path.name, near) if near else DataError(f"there is no file {path}")
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as wrong:
        raise DataError(f"{path} cannot be read: {wrong}") from None
    if not content.strip():
        raise DataError(f"{path} is empty")
    return content


def read_text(path: Path) -> str:
    """A text file as UTF-8, or Latin-1 where it is not; binary files are refused."""
    content = read_bytes(path)
    if b"\0" in content[:100_000]:
        raise DataError(f"{path} is a binary file; a text file is needed (csv, tsv, jsonl, txt)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def lines_of(text: str) -> list[str]:
    """Lines as editors count them; str.splitlines also splits at marks that occur within texts."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def stem_of(path: Path) -> str:
    """The file's name without .gz and its own ending."""
    name = path.name.removesuffix(".gz")
    return Path(name).stem


def files_in(folder: Path) -> list[Path]:
    """The data files of a folder; README, licence and hidden files are passed over."""
    return sorted(path for path in folder.iterdir() if not PASSED_OVER.match(path.name))


def parts_in(options: DataOptions) -> dict[str, Path]:
    """The files of --data by part: a file alone is train; in a folder, names with train, valid/dev, test are the split."""
    path = Path(str(options.data))
    if not path.is_dir():
        read_bytes(path)
        return {"train": path}
    found: dict[str, Path] = {}
    files = [file for file in files_in(path) if file.is_file()]
    for file in files:
        match = PART.search(file.name.removesuffix(".gz"))
        if match:
            part = PART_NAMES.get(match[1].lower(), "valid")
            if part in found:
                raise DataError(f"a folder holds one file for each part; {found[part].name} and {file.name} are both {part}")
            found[part] = file
    if "train" in found:
        return found
    if len(files) == 1:
        return {"train": files[0]}
    names = ", ".join(file.name for file in files[:5]) or "nothing"
    raise DataError(f"a folder needs one file, or files named train (and valid, test); {path} holds {names}")


def each_part(options: DataOptions, read: Callable[[Path], T]) -> dict[str, T]:
    """`read` applied to each part's file."""
    return {part: read(path) for part, path in parts_in(options).items()}


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


def texts_and_labels(path: Path, options: DataOptions) -> tuple[list[str], list[str]]:
    """Texts and labels of a table; of two columns by number the one with fewer different values is the label."""
    table = read_table(path, options)
    if options.columns is not None:
        a, b = two_columns(table, options)
        text, label = (a, b) if len(set(table[a])) >= len(set(table[b])) else (b, a)
    else:
        label = column(table, options.label, ("label", "class", "target", "sentiment", "topic", "category", "intent", "y"), "label")
        others = [name for name in table if name != label]
        usual = ("text", "sentence", "review", "utterance", "content", "body", "message")
        text = others[0] if options.text is None and len(others) == 1 else column(table, options.text, usual, "text")
    for name in (text, label):
        if "" in table[name]:
            raise DataError(f"column {name} has an empty cell in row {table[name].index('') + 1} of {path}")
    return table[text], table[label]


def labelled_texts(options: DataOptions) -> dict[str, tuple[list[str], list[str]]]:
    """Texts with labels from a table, a folder of tables, or a folder with a file or a folder of texts per class."""
    path = Path(str(options.data))
    if not path.is_dir():
        return {"train": texts_and_labels(path, options)}
    entries = files_in(path)
    if any(PART.search(entry.name.removesuffix(".gz")) for entry in entries):
        if any(entry.is_dir() for entry in entries):
            return {_part(e): class_folder(e) for e in entries if e.is_dir() and PART.search(e.name)}
        return each_part(options, lambda file: texts_and_labels(file, options))
    if len(entries) == 1 and entries[0].is_file():
        return {"train": texts_and_labels(entries[0], options)}
    return {"train": class_folder(path)}


def _part(path: Path) -> str:
    match = PART.search(path.name)
    return PART_NAMES.get(match[1].lower(), "valid") if match else "train"


def class_folder(path: Path) -> tuple[list[str], list[str]]:
    """One file per class with a text a line, or one folder per class with a text a file."""
    entries = files_in(path)
    entries = [entry for entry in entries if entry.is_dir()] or entries  # beside folders, files are something else
    if len(entries) < 2:
        raise DataError(f"a folder of classes needs at least two files or folders; {path} has {len(entries)}")
    stems = {stem_of(entry) for entry in entries}
    texts: list[str] = []
    labels: list[str] = []
    for entry in entries:
        if entry.is_dir():
            label, found = entry.name, [read_text(file).strip() for file in files_in(entry)]
        else:
            suffix = Path(entry.name.removesuffix(".gz")).suffix
            label = suffix.lstrip(".") if len(stems) == 1 and suffix else stem_of(entry)
            found = [line.strip() for line in read_text(entry).split("\n") if line.strip()]
        texts += found
        labels += [label] * len(found)
    return texts, labels


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

"""Texts with labels: tables, folders of tables, folders with a file or a folder of texts for each class."""

from __future__ import annotations

from pathlib import Path

from .errors import DataError
from .files import by_part, files_in, parts_at, read_text, stem_of, with_named
from .tables import column, read_table, two_columns
from .task import DataOptions


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

    def read(path: Path) -> tuple[list[str], list[str]]:
        return class_folder(path) if path.is_dir() else texts_and_labels(path, options)

    return with_named({part: read(path) for part, path in _parts(Path(str(options.data))).items()}, options, read)


def _parts(path: Path) -> dict[str, Path]:
    """Files or folders by part: folders of a split, tables of a split, or all of it to train on."""
    if not path.is_dir():
        return {"train": path}
    entries = files_in(path)
    folders = [entry for entry in entries if entry.is_dir()]
    if parts := by_part(folders):
        if "train" not in parts:
            raise DataError(f"folders of a split need one named train; {path} holds {', '.join(folder.name for folder in folders)}")
        return parts
    if not folders and (by_part(entries) or len(entries) == 1):
        return parts_at(path)
    return {"train": path}


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

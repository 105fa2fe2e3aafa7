"""The user's own files and folders: gzip is read through, names say which part of the split a file is."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from .errors import DataError, UnknownName
from .task import DataOptions

T = TypeVar("T")
PASSED_OVER = re.compile(r"^(readme|license|licence|changelog|notice|unsup$|\.)", re.IGNORECASE)
PART = re.compile(r"(?:^|[_\-.])(train|training|valid|validation|val|dev|test|testing)(?=[_\-.]|$)", re.IGNORECASE)
PART_NAMES = {"train": "train", "training": "train", "test": "test", "testing": "test"}


def require_file(path: Path) -> None:
    """Refuse what is not there, with the nearest name that is."""
    if not path.exists():
        near = [other.name for other in path.parent.glob("*")] if path.parent.is_dir() else []
        raise UnknownName("file", path.name, near) if near else DataError(f"there is no file {path}")


def read_bytes(path: Path) -> bytes:
    """A file's content, unzipped where it is gzip."""
    require_file(path)
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


def by_part(paths: Iterable[Path]) -> dict[str, Path]:
    """Those of which the name says which part of the split they are; DataError where two are the same."""
    found: dict[str, Path] = {}
    for path in paths:
        match = PART.search(path.name.removesuffix(".gz"))
        part = PART_NAMES.get(match[1].lower(), "valid") if match else ""
        if part in found:
            raise DataError(
                f"a folder holds one {'folder' if path.is_dir() else 'file'} for each part; "
                f"{found[part].name} and {path.name} are both {part}"
            )
        if part:
            found[part] = path
    return found


def parts_in(options: DataOptions) -> dict[str, Path]:
    """The files of --data by part: a file alone is train; in a folder, names with train, valid/dev, test are the split.

    --valid and --test are those parts.
    """
    return with_named(parts_at(Path(str(options.data))), options, Path)


def parts_at(path: Path) -> dict[str, Path]:
    """A file alone as train, or the files of a folder by part."""
    if not path.is_dir():
        read_bytes(path)
        return {"train": path}
    files = [file for file in files_in(path) if file.is_file()]
    found = by_part(files)
    if "train" in found:
        return found
    if len(files) == 1:
        return {"train": files[0]}
    names = ", ".join(file.name for file in files[:5]) or "nothing"
    raise DataError(f"a folder needs one file, or files named train (and valid, test); {path} holds {names}")


def with_named(parts: Mapping[str, T], options: DataOptions, read: Callable[[Path], T]) -> dict[str, T]:
    """These parts and those that --valid and --test name, read; DataError where there is one already."""
    named = {"valid": options.valid, "test": options.test}
    for part, path in named.items():
        if path is not None and part in parts:
            raise DataError(f"--{part} {path} names a part that --data {options.data} has already: give one of them")
    return {**parts, **{part: read(Path(path)) for part, path in named.items() if path is not None}}

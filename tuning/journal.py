"""The study's append-only record: one JSON object a line, flushed and fsynced; the state of a study is its replay.

A torn last line (a crash while writing) is cut off before anything is appended; an earlier bad line is an error that
names it. NaN and infinity are written as null, so that every line is strict JSON.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from .errors import BadFile

Event: TypeAlias = dict[str, Any]


class Journal:
    """`trials.jsonl` of one study; one writer at a time (the folder's lock sees to that)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = None if not path.exists() else self._opened()

    def _opened(self) -> Any:
        """Open to append, after cutting off a torn last line."""
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content.rfind(b"\n") + 1
        file = self.path.open("ab")
        if whole < len(content):
            file.truncate(whole)
        return file

    def append(self, event: Event) -> None:
        """Write one event so that it survives a crash right after."""
        self._file = self._file or self._opened()
        line = json.dumps(strict(event), separators=(",", ":"), allow_nan=False)
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read(path: Path) -> Iterator[Event]:
    """The events of a journal; a torn last line is passed over, an earlier bad line raises BadFile."""
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            event = json.loads(line)
        except ValueError:
            raise BadFile(f"line {number} of {path} is no JSON: the journal was damaged or edited there") from None
        if not isinstance(event, dict) or "event" not in event:
            raise BadFile(f"line {number} of {path} is no event: the journal was damaged or edited there")
        yield event


def strict(value: Any) -> Any:
    """The value with null for every number that JSON does not know.

    >>> strict({"loss": float("nan"), "path": ["a", 1.0]})
    {'loss': None, 'path': ['a', 1.0]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    return value


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_bytes_whole(path, text.encode())


def write_bytes_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a temporary file beside it, fsync, rename."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)

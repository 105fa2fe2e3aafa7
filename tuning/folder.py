"""The study's folder: one that is its own, held by a lock, and taken away again where a search never began."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import BadFile, BadValue, StudyConflict
from .settings import Settings, settings_of

ARRAYS = ".arrays"  # the task's arrays in the study's folder, while a search works there
LEFTOVERS = {".lock", "workers.log", ARRAYS}  # of a search that was killed before it began


def stored_settings(folder: Path) -> Settings:
    """The settings in a study's folder; BadFile where it holds none."""
    path = folder / "settings.json"
    try:
        return settings_of(json.loads(path.read_text(encoding="utf-8"))["settings"])
    except (OSError, ValueError, KeyError, TypeError, BadValue):
        raise BadFile(f"{folder} holds no study that can be resumed: {path} is missing or damaged") from None


def new_folder(settings: Settings, out: Path | None) -> Path:
    """A folder of this search's own; one that holds something is never overwritten."""
    folder = out or _unused(Path("runs") / f"{Path(settings.task).stem}-{time.strftime('%Y%m%d-%H%M%S')}")
    if folder.exists() and (not folder.is_dir() or {path.name for path in folder.iterdir()} - LEFTOVERS):
        what = "another study" if (folder / "settings.json").exists() else "other files"
        raise StudyConflict(f"--out needs a new or empty folder; {folder} holds {what} (--resume {folder} goes on with a study)")
    return folder


def _unused(folder: Path) -> Path:
    """The folder, or the same name with a number where two searches begin in one second."""
    names = (folder, *(folder.with_name(f"{folder.name}-{number}") for number in range(2, 1000)))
    return next(name for name in names if not name.exists())


@contextlib.contextmanager
def locked(folder: Path, keep: bool) -> Iterator[Callable[[], None]]:
    """Hold the folder; unless `keep` is said (by calling what this yields), a folder made here is taken away on an error."""
    made, kept = not folder.exists(), [keep]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as wrong:
        raise BadValue(f"--out must be a folder that can be written; {folder}: {wrong.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StudyConflict(f"another search is working in {folder}") from None
        try:
            yield lambda: kept.__setitem__(0, True)
        finally:
            if not kept[0]:
                _taken_away(folder, made)


def _taken_away(folder: Path, made: bool) -> None:
    """Remove what a search that never began has left."""
    for name in (".lock", "workers.log"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / ARRAYS, ignore_errors=True)
    if made:
        with contextlib.suppress(OSError):
            folder.rmdir()

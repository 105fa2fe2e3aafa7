"""A task's arrays on disk as plain `.npy`, opened by each child as memory maps, and its spec as JSON beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..task import Split, Task, TaskSpec
from ..vectors import on_principal_axes

PIECES = ("x", "y", "lengths")
VECTORS = "vectors.npy"


def save_task(task: Task, folder: Path) -> None:
    """Write the three splits, pretrained vectors as networks are given them, and the spec."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, split in task.splits.items():
        for piece in PIECES:
            np.save(folder / f"{name}_{piece}.npy", np.ascontiguousarray(getattr(split, piece)))
    if task.vectors is not None:
        np.save(folder / VECTORS, on_principal_axes(task.vectors))
    (folder / "task.json").write_text(task.spec.model_dump_json(), encoding="utf-8")


def open_spec(folder: Path) -> TaskSpec:
    """The spec that was saved."""
    return TaskSpec.model_validate_json((folder / "task.json").read_text(encoding="utf-8"))


def open_split(folder: Path, name: str) -> Split:
    """One split as memory maps: no copy a child."""
    x, y, lengths = (np.load(folder / f"{name}_{piece}.npy", mmap_mode="r") for piece in PIECES)
    return Split(x, y, lengths)


def open_vectors(folder: Path) -> np.ndarray | None:
    """Pretrained word vectors (ids, dimensions) as a memory map; None where the task has none."""
    path = folder / VECTORS
    return np.load(path, mmap_mode="r") if path.exists() else None

"""Where the states of a study's networks lie: of trials by number and attempt, of runs on fresh seeds by name and seed."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

STATE = "state.npz"
FRESH = "fresh"


class Checkpoints:
    """`DIR/checkpoints`: TRIAL/ATTEMPT/state.npz and fresh/NAME/NUMBER/state.npz."""

    def __init__(self, study: Path) -> None:
        self.root = study / "checkpoints"

    def of(self, trial: int, attempt: int) -> Path:
        """Where an attempt of a trial writes its state."""
        return self.root / str(trial) / str(attempt) / STATE

    def latest(self, trial: int) -> Path | None:
        """The state of the trial's latest attempt that wrote one."""
        found = _attempts(self.root / str(trial))
        return found[-1] if found else None

    def fresh(self, name: str, number: int) -> Path:
        """Where a run on a fresh seed keeps its best weights."""
        return self.root / FRESH / name / str(number) / STATE

    def sweep(self, kept: Collection[int]) -> None:
        """Remove the states of all trials but these, and of these all but the latest."""
        for folder in self.root.iterdir() if self.root.is_dir() else ():
            if not folder.name.isdigit():  # runs on fresh seeds; what a user put there
                continue
            if int(folder.name) not in kept:
                shutil.rmtree(folder, ignore_errors=True)
            for old in _attempts(folder)[:-1]:
                shutil.rmtree(old.parent, ignore_errors=True)

    def sweep_fresh(self, kept: str | None) -> None:
        """Remove the weights of runs on fresh seeds but for those of one name."""
        for folder in (self.root / FRESH).glob("*"):
            if folder.name != kept:
                shutil.rmtree(folder, ignore_errors=True)


def _attempts(folder: Path) -> list[Path]:
    """The states of a trial's attempts, the latest last."""
    found = [path for path in folder.glob(f"*/{STATE}") if path.parent.name.isdigit()]
    return sorted(found, key=lambda path: int(path.parent.name))

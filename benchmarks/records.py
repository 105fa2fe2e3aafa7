"""What every benchmark shares: a history file of JSON lines, keyed by the commit that was measured."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuning.versions import versions

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"


def commit() -> str:
    """The commit that is measured."""
    argv = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def answer_of(*options: str) -> dict[str, Any]:
    """The answer of one search, as a user starts it; its folder is a temporary one."""
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, str(ROOT / "scripts" / "search.py"), *options, "--quiet", "--json", "--out", f"{folder}/run"]
        told = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return dict(told["answer"])


class History:
    """`benchmarks/history/NAME.jsonl`: a line for each measurement, so that a benchmark goes on where it was stopped."""

    def __init__(self, name: str, also: Callable[[dict[str, Any]], bool] = lambda line: False) -> None:
        """`also`: which lines of other commits count."""
        self.path = ROOT / "benchmarks" / "history" / f"{name}.jsonl"
        self.commit = commit()
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        self.lines: list[dict[str, Any]] = [line for line in map(json.loads, lines) if line["commit"] == self.commit or also(line)]

    def find(self, **keys: Any) -> dict[str, Any] | None:
        """The newest line with these values."""
        found = [line for line in self.lines if all(line.get(key) == value for key, value in keys.items())]
        return found[-1] if found else None

    def add(self, **figures: Any) -> dict[str, Any]:
        """Write a line."""
        line = {"commit": self.commit, **figures, "versions": versions()}
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.lines.append(line)
        return line

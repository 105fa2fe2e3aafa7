"""The command line: commands by name; mistakes are told in one line with exit status 2."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NoReturn

from .arguments import INTERRUPTED
from .errors import Mistake

COMMANDS = {
    "search": ("commands.search", "search architectures for a task, or go on with a search"),
    "compare": ("compare.command", "strategies against each other, live or on recorded trials"),
    "advise": ("commands.advise", "how many units, from trials recorded elsewhere"),
    "report": ("commands.report", "report.html again, from a search's folder"),
    "export": ("commands.export", "the best model as json, keras or savedmodel"),
    "train": ("commands.train", "an exported architecture, trained afresh"),
    "predict": ("commands.predict", "raw input in, one JSON value a line out"),
}
Command = Callable[[Sequence[str], str], int]


def command(name: str) -> Command:
    """The function behind a command, imported when it is asked for."""
    found: Command = importlib.import_module(f".{COMMANDS[name][0]}", __package__).main
    return found


def guarded(command: Callable[[Sequence[str], str], int], argv: Sequence[str], prog: str) -> int:
    """Run a command; a mistake is one line on standard error and status 2, Ctrl-C is 130."""
    try:
        return command(argv, prog)
    except Mistake as mistake:
        print(f"{prog}: {' '.join(str(mistake).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as wrong:  # a full disk, a folder that may not be written
        where = f"{wrong.filename}: " if wrong.filename else ""
        print(f"{prog}: {where}{wrong.strerror or wrong}", file=sys.stderr)
        return 2


def script(name: str) -> NoReturn:
    """Entry of `python scripts/NAME.py`."""
    leave(guarded(command(name), sys.argv[1:], f"{name}.py"))


def main() -> NoReturn:
    """Entry of `unitwise COMMAND`."""
    argv = sys.argv[1:]
    if not argv or argv[0] in ("-h", "--help"):
        told = "\n".join(f"  {name:<10}{words}" for name, (_, words) in COMMANDS.items())
        print(f"usage: unitwise {{{','.join(COMMANDS)}}} ...\n\n{told}")
        sys.exit(0 if argv else 2)
    if argv[0] not in COMMANDS:
        near = get_close_matches(argv[0], COMMANDS, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        print(f"unitwise: unknown command {argv[0]!r}{guess} (there are: {', '.join(COMMANDS)})", file=sys.stderr)
        sys.exit(2)
    leave(guarded(command(argv[0]), argv[1:], f"unitwise {argv[0]}"))


def leave(status: int) -> NoReturn:
    """End the process; where TensorFlow was loaded (by KerasTuner's strategies) without the second that unloading it takes."""
    if "tensorflow" in sys.modules:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    main()

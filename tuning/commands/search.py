"""`search`: options to settings, a search or its resumption, and what is printed at the end."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..arguments import INTERRUPTED, Parser, add_fields
from ..budget import STARTED
from ..errors import BadValue
from ..folder import stored_settings
from ..ranges import DEFAULTS, RULES, WORDS, parse_assignment
from ..recipe import load_task
from ..settings import Settings, settings_of
from ..space import told
from ..task import DataOptions


def main(argv: Sequence[str], prog: str) -> int:
    """Search; or print what there is, or what was understood."""
    from .listing import dry_run, listed

    args = search_parser(prog).parse(argv)
    given = given_settings(args)
    if args.list:
        return listed(args.list)
    if args.dry_run:
        return dry_run(settings_of(given))
    return searched(args, given)


def search_parser(prog: str) -> Parser:
    """The options of `search`."""
    parser = Parser(prog=prog, description="Search LSTM architectures for a task and export the best as JSON.", allow_abbrev=False)
    what = parser.add_argument_group("what is searched, how, and for how long")
    add_fields(what, Settings)
    what.add_argument("--try", dest="first", action="append", metavar="CONFIG", help=Settings.model_fields["first"].description)
    what.add_argument("--hypermodel", metavar="FILE.py:CLASS", help=Settings.model_fields["hypermodel"].description)
    add_fields(parser.add_argument_group("the data"), DataOptions)
    space = parser.add_argument_group("the space: LOW:HIGH, LOW:HIGH:STEP, A,B,C, or one value")
    for name in RULES:
        words = f"{WORDS[name]} (default: {told(DEFAULTS[name])})"
        space.add_argument(f"--{name.replace('_', '-')}", metavar="RANGE", help=words)
    space.add_argument("--space", action="append", metavar="NAME=RANGE", help="any parameter, also of your own HyperModel")
    space.add_argument("--fix", action="append", metavar="NAME=VALUE", help="one value for any parameter")
    out = parser.add_argument_group("where it goes")
    out.add_argument("--out", metavar="DIR", help="folder of the study (default: runs/TASK-YYYYMMDD-HHMMSS)")
    out.add_argument(
        "--resume", metavar="DIR", help="go on with a study; --budget adds to its time, --trials and --epochs replace its own"
    )
    out.add_argument("--json", action="store_true", help="print best.json's content and the folder, and nothing else")
    out.add_argument("--quiet", action="store_true", help="no progress")
    out.add_argument("--list", choices=("tasks", "strategies", "objectives"), help="what there is")
    out.add_argument(
        "--dry-run", action="store_true", help="what was understood, the space, baselines, predicted seconds; nothing is trained"
    )
    return parser


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that were written on the command line, and no others."""
    values = {name: getattr(args, name) for name in Settings.model_fields if name not in ("data", "space", "first")}
    found = {name: value for name, value in values.items() if value is not None}
    data = {name: getattr(args, name) for name in DataOptions.model_fields if getattr(args, name) is not None}
    space = {name: getattr(args, name) for name in RULES if getattr(args, name) is not None}
    for text in args.space or []:
        name, value = parse_assignment(text)
        space[name] = value
    for text in args.fix or []:
        name, value = parse_assignment(text)
        if any(mark in value for mark in ",:"):
            raise BadValue(f"--fix takes one value, not {value!r}; --space {name}={value} takes a range")
        space[name] = value
    if args.first:
        found["first"] = tuple(args.first)
    return found | ({"data": data} if data else {}) | ({"space": space} if space else {})


def searched(args: argparse.Namespace, given: dict[str, Any]) -> int:
    """Search, or go on with a search; print the leaderboard, the answer, and where the files are."""
    from .. import searching
    from ..folder import new_folder
    from ..progress import Progress

    watcher = None if args.quiet or (args.json and not sys.stderr.isatty()) else Progress()
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        if args.resume:
            result = resumed(args, given, watcher)
        else:
            settings = settings_of(given)
            folder = new_folder(settings, Path(args.out) if args.out else None)
            print(f"search in {folder}", file=sys.stderr if args.json else sys.stdout, flush=True)
            result = searching.run(settings, load(args), out=folder, watcher=watcher)
    finally:
        signal.signal(signal.SIGTERM, before)
        if watcher:
            watcher.close()
    shown(result, args.json)
    return INTERRUPTED if result.interrupted else 0


def shown(result: Any, as_json: bool) -> None:
    """Print what was found and where it is."""
    from ..journal import strict
    from ..progress import summary

    if as_json:
        print(json.dumps(strict({**(result.best or {}), "folder": str(result.folder)})))
    else:
        stored = stored_settings(result.folder)
        objective = result.best["search"]["objective"] if result.best else "max"
        name = objective.partition(":")[0] if result.best else stored.objective or "score"
        print("\n".join(summary(result.best, result.trials, name, objective.endswith(":min"))))
        if result.interrupted and result.best and result.best["scores"]["test"]:
            print("interrupted: the answer of the run before stands; --resume goes on")
        if result.exhausted:
            limited = stored.trials is not None and len(result.trials) >= stored.trials
            print("ended by --trials" if limited else "the space is exhausted: there is nothing left to try")
        files = [
            file
            for file in ("best.json", "best.keras", "report.html", "trials.jsonl", "front.html")
            if (result.folder / file).exists()
        ]
        print(f"files: {', '.join(str(result.folder / file) for file in files)}")


def load(args: argparse.Namespace) -> Callable[[Settings], Any]:
    """Load the task and say what was noted about its data."""

    def loader(settings: Settings) -> Any:
        task = load_task(settings.task, settings.data)
        if not args.quiet:
            for note in settings.notes(task.spec):
                print(f"note: {note}", file=sys.stderr)
        return task

    return loader


def resumed(args: argparse.Namespace, given: dict[str, Any], watcher: Any) -> Any:
    """Go on with a study; what was given again must be what the study has."""
    from .. import searching

    folder = Path(args.resume)
    if "data" in given:
        given = {**given, "data": {**stored_settings(folder).data.model_dump(), **given["data"]}}

    def told(settings: Settings) -> Any:
        print(f"search in {folder} goes on", file=sys.stderr if args.json else sys.stdout, flush=True)
        return load(args)(settings)

    return searching.resume(folder, told, watcher=watcher, since=STARTED, **given)


def _interrupt(number: int, frame: Any) -> NoReturn:
    raise KeyboardInterrupt

"""The command line: options from Settings, each command a function; mistakes are told in one line with exit status 2."""

from __future__ import annotations

import argparse
import atexit
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from .budget import STARTED
from .errors import BadValue, Mistake, StudyConflict
from .ranges import RULES, parse_assignment
from .settings import Settings, settings_of
from .task import DataOptions, load_recipe, load_task

INTERRUPTED = 130
HIDDEN = {"data", "space", "first", "hypermodel"}  # fields with options of another shape, written out below
OVERRIDES = {"budget", "trials", "epochs", "workers"}  # what may differ when a study is resumed


class Parser(argparse.ArgumentParser):
    """argparse that answers with one line, and with the option that was perhaps meant."""

    def error(self, message: str) -> NoReturn:
        """One line, status 2."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")

    def parse(self, args: Sequence[str]) -> argparse.Namespace:
        """Parse, and name the nearest option for one that does not exist."""
        found, unknown = self.parse_known_args(args)
        if unknown:
            options = [option for action in self._actions for option in action.option_strings if option.startswith("--")]
            near = get_close_matches(unknown[0].split("=")[0], options, n=1, cutoff=0.5)
            guess = f"; did you mean {near[0]}?" if near else ""
            self.error(f"unknown option {unknown[0]!r}{guess} (--help lists all)")
        return found


def add_fields(group: Any, model: Any) -> None:
    """An option for every field of a settings model."""
    for name, field in model.model_fields.items():
        if name in HIDDEN and model is Settings:
            continue
        flag = f"--{name.replace('_', '-')}"
        note = field.description or ""
        if field.annotation is bool:
            group.add_argument(flag, action="store_true", default=None, help=note)
        else:
            default = "" if field.default in (None, ()) else f" (default: {field.default})"
            group.add_argument(flag, metavar="X", help=note + default)


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
        space.add_argument(f"--{name.replace('_', '-')}", metavar="RANGE")
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
    out.add_argument("--dry-run", action="store_true", help="what was understood, the space, baselines; nothing is trained")
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


def search_command(args: argparse.Namespace) -> int:
    """Search, or go on with a search; print the leaderboard, the answer, and where the files are."""
    from . import searching
    from .folder import new_folder
    from .journal import strict
    from .progress import Progress, summary

    given = given_settings(args)
    if args.list:
        return listed(args.list)
    if args.dry_run:
        return dry_run(settings_of(given))
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
    if args.json:
        print(json.dumps(strict({**(result.best or {}), "folder": str(result.folder)})))
    else:
        stored = searching.stored_settings(result.folder)
        objective = result.best["search"]["objective"] if result.best else "max"
        name = objective.partition(":")[0] if result.best else stored.objective or "score"
        print("\n".join(summary(result.best, result.trials, name, objective.endswith(":min"))))
        if result.exhausted:
            limited = stored.trials is not None and len(result.trials) >= stored.trials
            print("ended by --trials" if limited else "the space is exhausted: there is nothing left to try")
        files = [file for file in ("best.json", "best.keras", "trials.jsonl", "front.html") if (result.folder / file).exists()]
        print(f"files: {', '.join(str(result.folder / file) for file in files)}")
    return INTERRUPTED if result.interrupted else 0


def load(args: argparse.Namespace) -> Callable[[Settings], Any]:
    """Load the task and say what was noted about its data."""

    def loader(settings: Settings) -> Any:
        task = load_task(settings.task, settings.data)
        if not args.quiet:
            for note in task.spec.notes:
                print(f"note: {note}", file=sys.stderr)
        return task

    return loader


def resumed(args: argparse.Namespace, given: dict[str, Any], watcher: Any) -> Any:
    """Go on with a study; what was given again must be what the study has."""
    from . import searching

    folder = Path(args.resume)
    stored = searching.stored_settings(folder)
    again = settings_of({**stored.model_dump(), **given, "data": {**stored.data.model_dump(), **given.get("data", {})}})
    for name in given.keys() - OVERRIDES:
        before, now = getattr(stored, name), getattr(again, name)
        if before != now:
            what = "space" if name == "space" else f"--{name.replace('_', '-')}"
            raise StudyConflict(f"a study is resumed as it was begun; {what} was {_short(before)}, given {_short(now)}")
    print(f"search in {folder} goes on", file=sys.stderr if args.json else sys.stdout, flush=True)
    changed = {name: getattr(again, name) for name in OVERRIDES & given.keys()}
    return searching.resume(folder, load(args), watcher=watcher, since=STARTED, **changed)


def _short(value: Any) -> str:
    text = value.model_dump_json(exclude_defaults=True) if isinstance(value, DataOptions) else str(value)
    return text if len(text) < 120 else text[:117] + "..."


def _interrupt(number: int, frame: Any) -> NoReturn:
    raise KeyboardInterrupt


def listed(what: str) -> int:
    """Print the tasks, strategies or objectives there are."""
    if what == "strategies":
        from .strategies import METHODS

        for name, method in METHODS.items():
            print(f"{name:<12}{method.words}")
    elif what == "tasks":
        from .task import recipe_files

        for name in recipe_files():
            recipe = load_recipe(name)[1]
            own = ", --data" if recipe.own else ""
            print(f"{name:<12}{recipe.summary} (sources: {', '.join(recipe.sources)}{own})")
    else:
        from .metrics import METRICS
        from .objective import DIRECTIONS

        for kind, names in METRICS.items():
            print(f"{kind:<10}{', '.join(f'val_{name} ({DIRECTIONS[name]})' for name in names)}")
    return 0


def dry_run(settings: Settings) -> int:
    """Print what was understood, without training anything."""
    from . import searching
    from .space import told

    task = load_task(settings.task, settings.data)
    spec = task.spec
    rows = ", ".join(f"{part} {count}" for part, count in spec.rows.items())
    print(f"task {spec.name} from {spec.source}: family {spec.family}; rows: {rows}")
    print(f"input: {spec.input.kind} of {spec.input.size}, up to {spec.input.steps} steps")
    print(f"output: {spec.output.kind} of {spec.output.size}")
    for note in spec.notes:
        print(f"note: {note}")
    objective = searching.objective_of(settings, task)
    for name, parts in spec.baselines.items():
        print(f"baseline {name}: {objective.name} {parts['valid'].get(objective.metric, float('nan')):.4f}")
    for parameter in searching.space_for(settings, task).parameters:
        print(f"  {parameter.name:<18}{told(parameter.domain)} (default {parameter.domain.default})")
    limit = settings.limit()
    print(f"strategy {settings.strategy}, objective {objective.name} ({objective.direction}), budget {vars(limit)}")
    return 0


def export_command(argv: Sequence[str], prog: str) -> int:
    """`export DIR --format json|keras|savedmodel`."""
    parser = Parser(prog=prog, description="Export the best model of a search.")
    parser.add_argument("folder", help="a search's folder, or its best.json")
    parser.add_argument("--format", choices=("json", "keras", "savedmodel"), default="json")
    parser.add_argument("--to", metavar="PATH", help="where (default: standard output, or DIR/best.FORMAT)")
    args = parser.parse(argv)
    from .best_schema import read_best

    best = read_best(args.folder)
    folder = Path(args.folder) if Path(args.folder).is_dir() else Path(args.folder).parent
    if args.format == "json" and args.to is None:
        print(best.model_dump_json(indent=1))
        return 0
    target = Path(args.to) if args.to else folder / {"keras": "best.export.keras", "savedmodel": "best_savedmodel"}[args.format]
    if target.exists():
        raise BadValue(f"an export never overwrites; {target} exists: give another --to")
    if not target.parent.is_dir():
        raise BadValue(f"--to needs a folder that exists; there is no {target.parent}")
    if args.format == "keras" and target.suffix != ".keras":
        raise BadValue(f"a Keras file ends with .keras; given: {target.name}; did you mean {target.name}.keras?")
    from .quiet import errors_to

    if args.format == "json":
        target.write_text(best.model_dump_json(indent=1), encoding="utf-8")
    else:
        with errors_to(os.devnull):
            from .best_model import load_best

            model = load_best(args.folder).load()
        if args.format == "keras":
            model.save(str(target))
        else:
            model.export(str(target), format="tf_saved_model", verbose=False)
    print(target)
    return 0


def train_command(argv: Sequence[str], prog: str) -> int:
    """`train best.json --task ... [--data ...]`: the exported architecture, trained afresh."""
    parser = Parser(prog=prog, description="Train an exported architecture afresh, without a search.")
    parser.add_argument("best", help="best.json, or a search's folder")
    parser.add_argument("--task", help="default: the one it was found for")
    parser.add_argument("--seed", default="1", help="seed of the weights (default: 1)")
    parser.add_argument("--max-epochs", metavar="N", help="default: as it was found with")
    parser.add_argument("--out", metavar="DIR", help="where best.keras goes (default: nowhere)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_fields(parser.add_argument_group("the data"), DataOptions)
    args = parser.parse(argv)
    from .best_schema import read_best
    from .searching import train_best

    best = read_best(args.best)
    data = {name: getattr(args, name) for name in DataOptions.model_fields if getattr(args, name) is not None}
    if args.task in (None, best.data.task) and not {"data", "source"} & data.keys():
        data["source" if best.data.source in load_recipe(best.data.task)[1].sources else "data"] = best.data.source
    epochs = args.max_epochs or best.training.max_epochs
    given = {"task": args.task or best.data.task, "data": data, "seed": args.seed}
    settings = settings_of({**given, "max_epochs": epochs, "patience": best.training.patience})
    task = load_task(settings.task, settings.data)
    found = train_best(best, task, settings, Path(args.out) if args.out else None)
    if args.json:
        print(json.dumps(found))
    else:
        span = f" (95 % over rows: {found['low']:.4f} to {found['high']:.4f})" if found.get("low") is not None else ""
        print(f"trained {found['epochs']} epochs on {task.spec.name}: test {found['metric']} {found['test']:.4f}{span}")
    return 0


def predict_command(argv: Sequence[str], prog: str) -> int:
    """`predict best.json FILE|-`: raw input in, one JSON value a line out."""
    parser = Parser(prog=prog, description="Predict from raw input: one JSON value a line on standard output.")
    parser.add_argument("best", help="best.json, or a search's folder")
    parser.add_argument(
        "input", help="a file, or - for standard input: a text a line, a series as .ts, .npz or JSON lines, or a csv"
    )
    args = parser.parse(argv)
    from .quiet import errors_to

    with errors_to(os.devnull):
        from .best_model import load_best
    best = load_best(args.best)
    from .raw_input import read_raw

    for prediction in best.predict(read_raw(args.input, best.best.data.preprocessing)):
        print(json.dumps(prediction, ensure_ascii=False))
    return 0


def search_main(argv: Sequence[str], prog: str) -> int:
    """`search`."""
    return search_command(search_parser(prog).parse(argv))


def compare_main(argv: Sequence[str], prog: str) -> int:
    """`compare`."""
    from .compare.command import main as compare

    return compare(argv, prog)


COMMANDS: dict[str, Callable[[Sequence[str], str], int]] = {
    "search": search_main,
    "compare": compare_main,
    "export": export_command,
    "train": train_command,
    "predict": predict_command,
}


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


def script(name: str) -> NoReturn:
    """Entry of `python scripts/NAME.py`."""
    leave(guarded(COMMANDS[name], sys.argv[1:], f"{name}.py"))


def main() -> NoReturn:
    """Entry of `unitwise COMMAND`."""
    argv = sys.argv[1:]
    if not argv or argv[0] in ("-h", "--help"):
        print(f"usage: unitwise {{{','.join(COMMANDS)}}} ...\n\n" + "\n".join(_commands()))
        sys.exit(0 if argv else 2)
    if argv[0] not in COMMANDS:
        near = get_close_matches(argv[0], COMMANDS, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        print(f"unitwise: unknown command {argv[0]!r}{guess} (there are: {', '.join(COMMANDS)})", file=sys.stderr)
        sys.exit(2)
    leave(guarded(COMMANDS[argv[0]], argv[1:], f"unitwise {argv[0]}"))


def leave(status: int) -> NoReturn:
    """End the process; where TensorFlow was loaded (by KerasTuner's strategies) without the second that unloading it takes."""
    if "tensorflow" in sys.modules:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _commands() -> Iterator[str]:
    for name, command in COMMANDS.items():
        yield f"  {name:<10}{(command.__doc__ or '').splitlines()[0]}"


if __name__ == "__main__":
    main()

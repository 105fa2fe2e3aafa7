"""`train`: an exported architecture, trained afresh."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..arguments import Parser, add_fields
from ..best_schema import Best, read_best
from ..errors import BadValue
from ..recipe import load_recipe, load_task
from ..settings import settings_of
from ..task import DataOptions, Task


def same_data(best: Best, task: Task) -> None:
    """Where nothing is said of the data, they must be those of the search."""
    if task.spec.fingerprint != best.data.fingerprint:
        told = f"{task.spec.name} from {best.data.source} is not what it was (another file, other options, another version)"
        raise BadValue(
            f"without --data, training needs the data of the search; {told}: say which with --data, --source or --embeddings"
        )


def same_recipe(given: str, known: str | None) -> bool:
    """Whether two files of recipes are those of one task: it may have been moved with its name."""
    return known is not None and given.endswith(".py") and Path(given).name == Path(known).name


def as_long(best: Best, task: Task, most: int | None) -> dict[str, int]:
    """Epochs and patience: as many passes over the training rows as it was found with, where nothing else is said."""
    known, per_pass = best.training, task.spec.epochs_per_pass
    passes = {"max_epochs": known.max_epochs, "patience": known.patience}
    found = {name: max(1, round(epochs * per_pass / known.epochs_per_pass)) for name, epochs in passes.items()}
    return found | ({"max_epochs": most} if most else {})


def main(argv: Sequence[str], prog: str) -> int:
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
    from ..searching import train_best

    best = read_best(args.best)
    data = {name: getattr(args, name) for name in DataOptions.model_fields if getattr(args, name) is not None}
    if args.task is None and best.data.recipe is not None:  # what a file names is never run unasked
        raise BadValue(f"it was found for a task of one's own, which is not run unasked: say --task {best.data.recipe}")
    name = args.task or best.data.task
    same = name == best.data.task or same_recipe(name, best.data.recipe)
    unsaid = not data and same
    if same and not {"data", "source"} & data.keys():
        named = "source" if best.data.source in load_recipe(name)[1].sources else "data"
        data = {named: best.data.source, **best.data.options, **data}
    more = {"seed": args.seed, "max_epochs": args.max_epochs, "class_weight": best.training.class_weight}
    given = settings_of({"task": name, "data": data, **more})
    task = load_task(given.task, given.data)
    settings = given.model_copy(update=as_long(best, task, given.max_epochs))
    if unsaid:
        same_data(best, task)
    found = train_best(best, task, settings, Path(args.out) if args.out else None)
    if args.json:
        print(json.dumps(found))
    else:
        span = f" (95 % over rows: {found['low']:.4f} to {found['high']:.4f})" if found.get("low") is not None else ""
        print(f"trained {found['epochs']} epochs on {task.spec.name}: test {found['metric']} {found['test']:.4f}{span}")
    return 0

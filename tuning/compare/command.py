"""`compare`: strategies against each other on one task, live or replayed on recorded trials."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from ..arguments import Parser
from ..budget import parse_seconds
from ..errors import BadValue, StudyConflict
from ..folder import stored_settings
from ..recorded import Table
from ..strategies import STRATEGIES
from .live import live
from .runs import Run
from .whole import add_rungs, compared, replay_all, target_of, write

SEEDS = 8  # with fewer no verdict is given
LIVE = "random,hyperband,bayesian,auto"
BUDGET = 120.0  # seconds of a live search where none are given
OWN = {  # options of a search that a comparison gives each of its searches itself
    "--seed": "--seeds N makes N searches of each strategy",
    "--strategy": "--strategies A,B says which are compared",
    "--confirm": "all of the budget searches",
    "--resume": "the same --out goes on with an unfinished one",
    "--dry-run": "search --dry-run says what would be searched",
    "--folds": "it is of the runs on fresh seeds, of which a comparison has none",
    "--list": "search --list says what there is",
}


def compare(
    out: Path,
    strategies: Sequence[str],
    seeds: int,
    budget: float | None,
    workers: int,
    replay: Sequence[Path],
    task: str,
    options: Sequence[str],
) -> list[str]:
    """Run, write both files; the verdict."""
    for name in strategies:
        STRATEGIES[name]
    if len(strategies) < 2:
        raise BadValue(f"a comparison needs two strategies, as in --strategies {LIVE}; given: {', '.join(strategies) or 'none'}")
    twice = [name for number, name in enumerate(strategies) if name in strategies[:number]]
    if twice:
        raise BadValue(f"a comparison takes each strategy once; {twice[0]} is given twice")
    if replay:
        tables = recorded(replay)
        with threadpool_limits(1, user_api="blas"):
            tasks = replay_all(tables, strategies, seeds, workers, budget)
        objectives = {name: table.objective for name, table in tables.items()}
        result = compared(tasks, objectives, {name: target_of(table) for name, table in tables.items()})
        add_rungs(result, tables)
    else:
        budget = budget or BUDGET
        runs, objective = live(out, strategies, seeds, budget, ["--task", task, *options])
        name = Path(task).stem
        tasks, target = {name: runs}, _target(runs)
        result = compared(tasks, {name: objective}, {name: (target, 0.0)})
    result |= {"seeds": seeds, "budget": budget, "workers": workers, "replayed": bool(replay)}
    write(out, result, tasks)
    return list(result["verdict"])


def recorded(given: Sequence[Path]) -> dict[str, Table]:
    """Tables by task: of files, of all files in a folder, of studies that were made with --record (those of one task together)."""
    studies = [path for path in given if (path / "settings.json").exists()]
    others = [path for path in given if path not in studies]
    files = [file for path in others for file in (sorted(path.glob("*.json.gz")) if path.is_dir() else [path])]
    if not files and not studies:
        raise BadValue(
            "--replay takes recorded tables (*.json.gz), folders of them, or folders of searches made with --record; "
            f"{', '.join(map(str, given))} holds none"
        )
    by_task: dict[str, list[Path]] = {}
    for folder in studies:
        by_task.setdefault(stored_settings(folder).task, []).append(folder)
    tables: dict[str, Table] = {}
    sources = [(file, Table.load(file)) for file in files] + [(each[0], Table.of(each)) for each in by_task.values()]
    for source, table in sources:
        if table.task in tables:
            raise BadValue(f"--replay takes one table a task; {source} is another of {table.task}")
        tables[table.task] = table
    return tables


def new_out(out: str | None, task: str) -> Path:
    """Where the files go: a folder of this comparison's own, or one that it goes on with."""
    folder = Path(out) if out else Path("runs") / f"compare-{Path(task).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    if folder.exists() and not folder.is_dir():
        raise BadValue(f"--out is a folder; {folder} is a file")
    if (folder / "compare.json").exists():
        raise StudyConflict(f"--out needs a new folder; {folder} holds a finished comparison")
    return folder


def _target(runs: Sequence[Run]) -> float:
    """The loss that the middle run ended with, of those that found anything: half of them can be timed."""
    ends = sorted(run.final for run in runs if run.points)
    return ends[len(ends) // 2]


def main(argv: Sequence[str], prog: str) -> int:
    """`compare --task T --strategies A,B --seeds N --budget B | --replay DIR...`."""
    words = "Compare strategies; other options (--data, --units, ...) go to every search."
    parser = Parser(prog=prog, description=words, allow_abbrev=False)
    parser.add_argument("--task", default="sentiment", metavar="NAME", help="what is searched, live (default: sentiment)")
    parser.add_argument("--strategies", default=LIVE, metavar="A,B", help=f"default: {LIVE}")
    parser.add_argument("--seeds", default=str(SEEDS), metavar="N", help=f"searches of each (default: {SEEDS})")
    parser.add_argument("--budget", metavar="X", help="wall time of each search (default: 2m; replayed: a quarter of the table)")
    parser.add_argument("--workers", default="2", metavar="N", help="trials at a time (default: 2)")
    parser.add_argument("--replay", nargs="+", metavar="PATH", help="recorded tables, or searches with --record, not training")
    parser.add_argument("--out", metavar="DIR", help="folder of the comparison (default: runs/compare-TASK-YYYYMMDD-HHMMSS)")
    args, options = parser.parse_known_args(argv)
    for name in (option.partition("=")[0] for option in options):
        if name in OWN:
            raise BadValue(f"{name} is an option of search, not of a comparison: {OWN[name]}")
    if args.replay and options:
        parser.parse(argv)  # there is no search that they could go to
    if not args.seeds.isdigit() or not args.workers.isdigit() or int(args.seeds) < 1 or int(args.workers) < 1:
        raise BadValue(f"--seeds and --workers take whole numbers from 1; given: {args.seeds}, {args.workers}")
    out = new_out(args.out, "replay" if args.replay else args.task)
    print(f"comparison in {out}", flush=True)
    replay = [Path(path) for path in args.replay or ()]
    names = [name for name in args.strategies.split(",") if name]
    given = options if args.replay else [*options, "--workers", args.workers]
    budget = parse_seconds(args.budget) if args.budget else None
    verdict = compare(out, names, int(args.seeds), budget, int(args.workers), replay, args.task, given)
    print("\n".join(verdict))
    print(f"files: {out / 'compare.json'}, {out / 'compare.html'}")
    return 0

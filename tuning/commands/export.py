"""`export`: the best model of a search in another format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..arguments import Parser
from ..errors import BadValue


def main(argv: Sequence[str], prog: str) -> int:
    """`export DIR --format json|keras|savedmodel`."""
    parser = Parser(prog=prog, description="Export the best model of a search.")
    parser.add_argument("folder", help="a search's folder, or its best.json")
    parser.add_argument("--format", choices=("json", "keras", "savedmodel"), default="json")
    parser.add_argument("--to", metavar="PATH", help="where (default: standard output, or DIR/best.FORMAT)")
    args = parser.parse(argv)
    from ..best_schema import read_best
    from ..journal import write_whole

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
    from ..quiet import errors_to

    if args.format == "json":
        write_whole(target, best.model_dump_json(indent=1))
    else:
        with errors_to(os.devnull):
            from ..best_model import load_best

            model = load_best(args.folder).load()
        if args.format == "keras":
            model.save(str(target))
        else:
            model.export(str(target), format="tf_saved_model", verbose=False)
    print(target)
    return 0

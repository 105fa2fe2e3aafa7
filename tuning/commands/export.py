"""`export`: the best model of a search in another format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..arguments import Parser
from ..errors import BadValue

FILES = {
    "keras": "best.export.keras",
    "savedmodel": "best_savedmodel",
    "onnx": "best.onnx",
    "litert": "best.tflite",
}


def main(argv: Sequence[str], prog: str) -> int:
    """`export DIR --format json|keras|savedmodel|onnx|litert`."""
    parser = Parser(prog=prog, description="Export the best model of a search.")
    parser.add_argument("folder", help="a search's folder, or its best.json")
    parser.add_argument("--format", choices=("json", *FILES), default="json")
    parser.add_argument("--to", metavar="PATH", help="where (default: standard output for json, or a file in DIR)")
    parser.add_argument("--trust", metavar="FILE", help="the file of your own HyperModel, where its network has layers of your own")
    args = parser.parse(argv)
    from ..best_schema import read_best
    from ..journal import write_whole

    best = read_best(args.folder)
    folder = Path(args.folder) if Path(args.folder).is_dir() else Path(args.folder).parent
    if args.format == "json" and args.to is None:
        print(best.model_dump_json(indent=1))
        return 0
    target = Path(args.to) if args.to else folder / FILES[args.format]
    if target.exists():
        raise BadValue(f"an export never overwrites; {target} exists: give another --to")
    if not target.parent.is_dir():
        raise BadValue(f"--to needs a folder that exists; there is no {target.parent}")
    ending = Path(FILES.get(args.format, "")).suffix
    if ending and target.suffix != ending:
        raise BadValue(
            f"a file of --format {args.format} ends with {ending}; given: {target.name}; did you mean {target.name}{ending}?"
        )
    if args.format == "json":
        write_whole(target, best.model_dump_json(indent=1))
    else:
        exported(args.folder, args.format, target, args.trust)
    print(target)
    return 0


def exported(folder: str, kind: str, target: Path, trust: str | None) -> None:
    """Write the network with its trained weights."""
    from ..quiet import errors_to

    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # on a GPU the graph would hold operations of cuDNN, which no other runtime has
    with errors_to(os.devnull):
        from ..best_model import load_best
        from ..training.portable import write_litert, write_onnx

        best = load_best(folder, trust)
        if kind == "keras":
            best.load().save(str(target))
        elif kind == "savedmodel":
            best.load().export(str(target), format="tf_saved_model", verbose=False)
        else:
            {"onnx": write_onnx, "litert": write_litert}[kind](best, target)

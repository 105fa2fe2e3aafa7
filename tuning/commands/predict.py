"""`predict`: raw input in, predictions out."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from ..arguments import Parser


def main(argv: Sequence[str], prog: str) -> int:
    """`predict best.json FILE|-`: raw input in, one JSON value a line out."""
    parser = Parser(prog=prog, description="Predict from raw input: one JSON value a line on standard output.")
    parser.add_argument("best", help="best.json, or a search's folder")
    parser.add_argument(
        "input", help="a file, or - for standard input: a text a line, a series as .ts, .npz or JSON lines, or a csv"
    )
    args = parser.parse(argv)
    from ..quiet import errors_to

    with errors_to(os.devnull):
        from ..best_model import load_best
    best = load_best(args.best)
    from ..raw_input import read_raw

    for prediction in best.predict(read_raw(args.input, best.best.data.preprocessing)):
        print(json.dumps(prediction, ensure_ascii=False))
    return 0

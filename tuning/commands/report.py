"""`report`: report.html again, from what a search's folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..arguments import Parser
from ..report import write_report


def main(argv: Sequence[str], prog: str) -> int:
    """`report DIR`."""
    parser = Parser(prog=prog, description="Write DIR/report.html again from what DIR holds.")
    parser.add_argument("folder", metavar="DIR", help="folder of a search")
    args = parser.parse(argv)
    print(write_report(Path(args.folder), thorough=True))
    return 0

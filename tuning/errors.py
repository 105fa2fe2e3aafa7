"""Every error this package raises on purpose, and who can mend it.

TuningError
├── Mistake             the user can mend it: told in one line, exit status 2
│   ├── UnknownName     no task, strategy, option or column of that name
│   ├── BadValue        a value outside the rule
│   ├── DataError       a file or table that cannot be used
│   ├── RecipeError     a recipe in datasets/ (or the user's own) that raises
│   ├── StudyConflict   a folder that holds another study, or a resume that does not fit
│   └── BadFile         a journal or best.json that is damaged or edited
└── TrialError          one trial cannot go on; the search does
    ├── Diverged        the training loss is not a finite number
    └── Infeasible      the network is larger or slower than the user allows
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TuningError(Exception):
    """The root of the errors raised on purpose."""


class Mistake(TuningError):
    """Something the user can mend; the message is one line: the rule, what was given, the nearest right choice."""


class UnknownName(Mistake):
    """A name that is not registered.

    >>> str(UnknownName("strategy", "hyperbnd", ["grid", "hyperband"]))
    "unknown strategy 'hyperbnd'; did you mean 'hyperband'? (there are: grid, hyperband)"
    """

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(given.lower(), [name.lower() for name in names], n=1, cutoff=0.5)
        match = [name for name in names if near and name.lower() == near[0]]
        guess = f"; did you mean {match[0]!r}?" if match else ";"
        super().__init__(f"unknown {kind} {given!r}{guess} (there are: {', '.join(names) or 'none'})")


class BadValue(Mistake):
    """A value outside its rule."""


class DataError(Mistake):
    """A file or table that cannot be used as it is."""


class RecipeError(Mistake):
    """A recipe that cannot be run; names its file and line."""


class StudyConflict(Mistake):
    """A folder that already holds a study, or a resume whose data, space or version differs."""


class BadFile(Mistake):
    """A file of ours that was truncated or edited."""


class TrialError(TuningError):
    """One trial failed for a reason worth telling; `kind` is that reason in a word."""

    kind = "diverged"


class Diverged(TrialError):
    """The training loss or the score is no finite number."""


class Infeasible(TrialError):
    """The network is above a limit that the user set; it is not trained."""

    kind = "infeasible"

"""unitwise: how many LSTM units, layers, how much dropout, one direction or two, for my data?

Names are loaded when they are first used, so that `import tuning` stays quick and never loads TensorFlow by itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .budget import STARTED  # first of all: the clock of a search runs from here

if TYPE_CHECKING:
    from .best_model import BestModel, load_best
    from .errors import BadFile, BadValue, DataError, Mistake, RecipeError, StudyConflict, TuningError, UnknownName
    from .files import parts_in, read_text
    from .formats import labelled_series, ohlc_table, read_conll, timed_numbers
    from .labelled import labelled_texts
    from .opened import SearchResult
    from .ranges import parse_range
    from .recipe import Recipe, load_task
    from .searching import resume, search
    from .series import bit_series, series_classes
    from .settings import Settings
    from .tables import read_table, two_columns
    from .task import DataOptions, Input, Output, Split, Task, TaskSpec
    from .text import running_text, tagged_tokens, text_classes, text_pairs
    from .training.public_data import keras_text
    from .windows import forecast_windows, market_windows

_WHERE = {
    "best_model": ("BestModel", "load_best"),
    "errors": (
        *("BadFile", "BadValue", "DataError", "Mistake", "RecipeError"),
        *("StudyConflict", "TuningError", "UnknownName"),
    ),
    "files": ("parts_in", "read_text"),
    "labelled": ("labelled_texts",),
    "tables": ("read_table", "two_columns"),
    "formats": ("labelled_series", "ohlc_table", "read_conll", "timed_numbers"),
    "training.public_data": ("keras_text",),
    "ranges": ("parse_range",),
    "opened": ("SearchResult",),
    "searching": ("resume", "search"),
    "series": ("bit_series", "series_classes"),
    "settings": ("Settings",),
    "recipe": ("Recipe", "load_task"),
    "task": ("DataOptions", "Input", "Output", "Split", "Task", "TaskSpec"),
    "text": ("running_text", "tagged_tokens", "text_classes", "text_pairs"),
    "windows": ("forecast_windows", "market_windows"),
}
_MODULE = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "BadFile",
    "BadValue",
    "BestModel",
    "DataError",
    "DataOptions",
    "Input",
    "Mistake",
    "Output",
    "Recipe",
    "RecipeError",
    "STARTED",
    "SearchResult",
    "Settings",
    "Split",
    "StudyConflict",
    "Task",
    "TaskSpec",
    "TuningError",
    "UnknownName",
    "bit_series",
    "forecast_windows",
    "keras_text",
    "labelled_series",
    "labelled_texts",
    "load_best",
    "load_task",
    "market_windows",
    "ohlc_table",
    "parse_range",
    "parts_in",
    "read_conll",
    "read_table",
    "read_text",
    "resume",
    "running_text",
    "search",
    "series_classes",
    "tagged_tokens",
    "text_classes",
    "text_pairs",
    "timed_numbers",
    "two_columns",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module at its first use."""
    if name not in _MODULE:
        raise AttributeError(f"module 'tuning' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_MODULE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return __all__

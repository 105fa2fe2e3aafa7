"""Recipes: files with one `RECIPE` that make a task, from a source they offer or from the user's own data.

They are run by path, as nox runs noxfiles: they import `tuning`, never the reverse, and a user adds a task by copying one
(`docs/extending.md`).
"""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import DataError, Mistake, RecipeError, UnknownName
from .noted import idle, noted
from .task import DataOptions, Task

Source = Callable[[DataOptions], Task]


@dataclass(frozen=True)
class Recipe:
    """A task as a file in datasets/ offers it: its sources by name, and how it reads the user's own data."""

    summary: str
    sources: Mapping[str, Source]
    own: Source | None = None
    default: str = "synthetic"


def recipe_folders() -> list[Path]:
    """Where recipes are found: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).parent
    return [folder for folder in (package.parent / "datasets", package / "recipes") if folder.is_dir()]


def recipe_files() -> dict[str, Path]:
    """Every shipped recipe by name."""
    found: dict[str, Path] = {}
    for folder in recipe_folders():
        for path in sorted(folder.glob("*.py")):
            if "RECIPE" in path.read_text(encoding="utf-8"):
                found.setdefault(path.stem, path)
    return found


def load_recipe(name: str) -> tuple[str, Recipe]:
    """The recipe of that name, or in that file; its name and what it defines."""
    path = Path(name) if name.endswith(".py") else recipe_files().get(name)
    if path is None:
        raise UnknownName("task", name, recipe_files())
    if not path.is_file():
        raise RecipeError(f"a task is a name or a recipe's file; there is no file {name!r}")
    module_spec = importlib.util.spec_from_file_location(f"unitwise_recipe_{path.stem}", path)
    if module_spec is None or module_spec.loader is None:
        raise RecipeError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
    except Mistake:
        raise
    except Exception as raised:
        raise RecipeError(_where(raised, path)) from raised
    recipe = getattr(module, "RECIPE", None)
    if not isinstance(recipe, Recipe):
        raise RecipeError(f"{path} must define RECIPE = Recipe(...); it defines {type(recipe).__name__}")
    return path.stem, recipe


def load_task(name: str, options: DataOptions | None = None, **given: Any) -> Task:
    """The task of that name or recipe file, from the given source or data.

    Raises UnknownName, DataError (also for an option that does nothing for this task), or RecipeError with the recipe's file and
    line.
    """
    options = options or DataOptions(**given)
    stem, recipe = load_recipe(name)
    if options.data is not None and recipe.own is None:
        raise DataError(f"task {stem} makes its own data and takes no --data; sources: {', '.join(recipe.sources)}")
    wanted = options.source or recipe.default
    if options.data is None and wanted not in recipe.sources:
        raise UnknownName(f"source of task {stem}", wanted, recipe.sources)
    if options.data is not None and options.source is not None:
        raise DataError(f"give --data or --source, not both (--data {options.data}, --source {options.source})")
    make = recipe.own if options.data is not None and recipe.own else recipe.sources[wanted]
    watched, read = noted(options)
    try:
        task = make(watched)
    except Mistake:
        raise
    except Exception as raised:
        raise RecipeError(_where(raised, Path(make.__code__.co_filename))) from raised
    for name in idle(options, read | {"data", "source", "split_seed"}):  # a split of one's own needs no seed, and harms none
        here = f"{stem} on this data" if options.data is not None else stem
        counts = ", ".join(f"--{one.replace('_', '-')}" for one in DataOptions.model_fields if one in read - {"data", "source"})
        raise DataError(f"--{name.replace('_', '-')} does nothing for {here}; what counts there: {counts}")
    return task


def _where(raised: Exception, path: Path) -> str:
    """The recipe's file and line at which it went wrong, and what was raised."""
    if isinstance(raised, SyntaxError):
        return f"recipe {path}, line {raised.lineno}: {raised.msg}"
    frames = traceback.extract_tb(raised.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path]
    at = f", line {lines[-1]}" if lines else ""
    message = " ".join(str(raised).split()) or "no message"
    return f"recipe {path}{at}: {type(raised).__name__}: {message}"

"""Options of the command line, made from settings models; what is wrong with them is told in one line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from .settings import Settings

INTERRUPTED = 130  # exit status after Ctrl-C
HIDDEN = {"data", "space", "first", "hypermodel"}  # fields of Settings with options of another shape, written out by search


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

"""A dictionary whose missing keys are answered with the nearest right name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .errors import UnknownName

T = TypeVar("T")


class Registry(dict[str, T], Generic[T]):
    """Names to things of one kind.

    >>> colours = Registry("colour")
    >>> colours["red"] = 1
    >>> colours["rde"]
    Traceback (most recent call last):
    tuning.errors.UnknownName: unknown colour 'rde'; did you mean 'red'? (there are: red)
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def __missing__(self, name: str) -> T:
        raise UnknownName(self.kind, name, self)

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: file the thing below under `name`."""

        def filed(thing: T) -> T:
            self[name] = thing
            return thing

        return filed

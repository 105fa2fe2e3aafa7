"""Which of the given options were looked at: one that nothing looks at does nothing, and is better refused than passed over."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)


def noted(options: Model) -> tuple[Model, set[str]]:
    """The same options, and the names of those that were read, filled as they are."""
    kind, read = type(options), set[str]()
    fields = kind.model_fields.keys()

    class Noted(kind):  # type: ignore[misc,valid-type]  # mypy knows no class whose base is a value
        def __getattribute__(self, name: str) -> Any:
            if name in fields:
                read.add(name)
            return super().__getattribute__(name)

    values = {name: getattr(options, name) for name in fields}
    return cast(Model, Noted.model_construct(_fields_set=set(options.model_fields_set), **values)), read


def idle(options: BaseModel, read: set[str]) -> list[str]:
    """Names of options that were given, are not their defaults, and were not read."""
    fields = type(options).model_fields
    given = [name for name in fields if name in options.model_fields_set and getattr(options, name) != fields[name].default]
    return [name for name in given if name not in read]

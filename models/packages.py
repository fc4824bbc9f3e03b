"""Finds the models by walking the packages, so that no registry needs editing."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from tortoise import Model, Tortoise

if TYPE_CHECKING:
    from models.base import Record


def walk(package: str) -> list[ModuleType]:
    """Import every module under `package`, migrations left out, and return them by name."""
    root = importlib.import_module(package)
    found = pkgutil.walk_packages(root.__path__, f"{package}.")
    names = sorted(m.name for m in found if ".migrations" not in m.name)
    return [importlib.import_module(name) for name in names]


@cache
def table_models() -> tuple[type[Model], ...]:
    """Every table, by name, also those without an id of their own; their references resolved."""
    walk("models")
    found: list[type[Model]] = []
    waiting = list(Model.__subclasses__())
    while waiting:
        model = waiting.pop()
        waiting.extend(model.__subclasses__())
        ours = model.__module__.startswith("models.")
        if ours and not model._meta.abstract:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - kept nowhere else
            found.append(model)
    # Tortoise resolves references by name, and makes their `_id` columns, only when told to.
    Tortoise.init_models(sorted({model.__module__ for model in found}), "models")
    return tuple(sorted(found, key=lambda model: model.__name__))


@cache
def record_models() -> tuple[type[Record], ...]:
    """Every table of records."""
    from models.base import Record  # a record's module imports this one

    return tuple(model for model in table_models() if issubclass(model, Record))


@cache
def _by_prefix() -> dict[str, type[Record]]:
    return {model.prefix: model for model in record_models()}


def model_of(prefix: str) -> type[Record] | None:
    """The model whose ids start with `prefix`."""
    return _by_prefix().get(prefix)

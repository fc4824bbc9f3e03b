"""Enums of the models, with a description for each value."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, cast

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition


def describe(
    choices: type[StrEnum], description: str, *, name: str | None = None, **values: str
) -> None:
    """Give an enum and each of its values the text that the SDL shows."""
    missing = {choice.name for choice in choices} ^ set(values)
    assert not missing, f"{choices.__name__}: {missing}"
    if not hasattr(choices, "__strawberry_definition__"):
        strawberry.enum(cast("Any", choices))
    # An annotation elsewhere may have made the definition already, so it is amended in place.
    definition: StrawberryEnumDefinition = cast("Any", choices).__strawberry_definition__
    definition.name = name or choices.__name__
    definition.description = description
    for value in definition.values:
        value.description = values[value.name]

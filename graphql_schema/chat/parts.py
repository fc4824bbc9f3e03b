"""The parts of a message in the API, a union. What is called alike is of one type, so that one
selection may ask it of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import strawberry

from graphql_schema.core.scalars import JSON
from models.chat import parts

TypeT = TypeVar("TypeT", bound=type)


def part(model: type[Any], description: str) -> Callable[[TypeT], TypeT]:
    """A type whose objects are values of `model`, one kind of part."""

    def wrap(cls: TypeT) -> TypeT:
        cls.is_type_of = classmethod(lambda _cls, value, _info: isinstance(value, model))  # type: ignore[attr-defined]
        return strawberry.type(cls, description=description)

    return wrap


@part(parts.TextPart, "Text for the reader.")
class TextPart:
    text: str = strawberry.field(description="The text.")


@part(parts.ReasoningPart, "What the model thought.")
class ReasoningPart:
    text: str = strawberry.field(description="The thought.")


@part(parts.ToolCallPart, "A call of a tool.")
class ToolCallPart:
    call_id: str | None = strawberry.field(description="The call's own id; its result has it too.")
    name: str | None = strawberry.field(description="The tool.")
    arguments: JSON | None = strawberry.field(description="What it is called with.")


@part(parts.ToolResultPart, "What a tool gave.")
class ToolResultPart:
    call_id: str | None = strawberry.field(description="The call's id.")
    name: str | None = strawberry.field(description="The tool.")
    result: JSON | None = strawberry.field(description="What it gave.")


@part(parts.FilePart, "A file.")
class FilePart:
    url: str | None = strawberry.field(description="Where it is.")
    name: str | None = strawberry.field(description="Its file name.")
    media_type: str | None = strawberry.field(description="Its media type.")


@part(parts.SourcePart, "Something the answer rests on.")
class SourcePart:
    url: str | None = strawberry.field(description="Where it is.")
    title: str | None = strawberry.field(description="What it is called.")


MessagePart = Annotated[
    TextPart | ReasoningPart | ToolCallPart | ToolResultPart | FilePart | SourcePart,
    strawberry.union("MessagePart", description="A part of a message."),
]

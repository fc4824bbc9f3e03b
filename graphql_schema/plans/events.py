"""Events that need no reading: from an object's attributes to the bytes of `data`.

The bytes of the event that came last are kept, so that all who ask the same of it share them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
)

from graphql_schema.plans.plan import (
    LeafValue,
    ListValue,
    MaybeValue,
    ObjectValue,
    RootField,
)
from graphql_schema.plans.running import Surprise
from graphql_schema.plans.shapes import Fixed

if TYPE_CHECKING:
    from graphql_schema.plans.plan import EntryField, Value


PLAIN: Mapping[Any, str] = {
    GraphQLString.serialize: "type({0}) is str",
    GraphQLID.serialize: "type({0}) is str",
    GraphQLBoolean.serialize: "type({0}) is bool",
    GraphQLInt.serialize: f"type({{0}}) is int and {GRAPHQL_MIN_INT} <= {{0}} <= {GRAPHQL_MAX_INT}",
}
"""What shows a value, and which values it gives back as they are."""


class Reading(Exception):
    """The value holds rows, which have to be read."""


class EventEncoder:
    """Makes `data` of events, with one variant of a subscription's selection."""

    __slots__ = ("_build", "_data", "_encoded", "_event")

    def __init__(self, build: Callable[[Any], Any], encoded: Callable[[], None]) -> None:
        """`encoded` is called for each event that is really encoded."""
        self._build = build
        self._encoded = encoded
        self._event: object = None
        self._data: bytes | None = None

    def __call__(self, event: Any) -> bytes | None:
        """The bytes, or None for an event in which graphql-core has to find what is wrong."""
        if event is not self._event:
            self._event, self._data = event, self._made(event)
        return self._data

    def _made(self, event: Any) -> bytes | None:
        self._encoded()
        try:
            return orjson.dumps(self._build(event))
        except Exception:  # noqa: BLE001 - graphql-core meets it again, and says where
            return None


def event_encoder(
    fields: Sequence[RootField | EntryField | Fixed], encoded: Callable[[], None]
) -> EventEncoder | None:
    """The encoder of a subscription's events; None where they are rows, which are read."""
    (field,) = fields
    if not isinstance(field, RootField):
        return None
    source = _Source()
    try:
        made = source.expression(field.value, "event")
    except Reading:
        return None
    return EventEncoder(source.function(f"{{{field.key!r}: {made}}}"), encoded)


class _Source:
    """The text of a function that makes JSON of an event, and the names it uses."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {"missing": _missing}

    def function(self, body: str) -> Callable[[Any], Any]:
        exec(f"def build(event):\n    return {body}", self._names)  # noqa: S102 - see shapes.compiled
        return self._names["build"]

    def expression(self, value: Value, of: str) -> str:
        """What makes JSON of the value that `of` gives. Raises Reading."""
        match value:
            case MaybeValue(inner, required):
                name, null = self._new("v"), "missing()" if required else "None"
                return f"({null} if ({name} := {of}) is None else {self.expression(inner, name)})"
            case LeafValue(show):
                return self._leaf(show, of)
            case ObjectValue(fields):
                return f"{{{', '.join(self._field(field, of) for field in fields)}}}"
            case ListValue(item):
                name = self._new("item")
                return f"[{self.expression(item, name)} for {name} in {of}]"
            case _:
                raise Reading

    def _leaf(self, show: Callable[[Any], Any], of: str) -> str:
        """A value. Showing those that need no look takes as long as all the rest."""
        shown = f"{self._new('show', show)}({of})"
        if show in PLAIN:
            return f"({of} if {PLAIN[show].format(of)} else {shown})"
        kind = getattr(show, "__self__", None)
        if isinstance(kind, GraphQLEnumType):
            names = self._new("names", {one.value: name for name, one in kind.values.items()})
            return f"({names}[{of}] if type({of}) is str and {of} in {names} else {shown})"
        return shown

    def _field(self, field: tuple[str, str, Value] | Fixed, of: str) -> str:
        if isinstance(field, Fixed):
            return f"{field.key!r}: {self._new('fixed', field.value)}"
        key, name, inner = field
        return f"{key!r}: {self.expression(inner, f'{of}.{name}')}"

    def _new(self, kind: str, value: Any = None) -> str:
        name = f"{kind}{len(self._names)}"
        self._names[name] = value
        return name


def _missing() -> None:
    raise Surprise("null where there must be a value")

"""Lists of a union's objects, which are values of their own and no rows, to JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from graphql_schema.plans.collecting import NotTaken
from graphql_schema.plans.leaves import Show, leaf
from graphql_schema.plans.shapes import Fixed

if TYPE_CHECKING:
    from graphql import FieldNode, GraphQLObjectType


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field of an object, shown under `key`."""

    key: str
    name: str
    show: Show

    def of(self, value: Any) -> Any:
        """Its JSON."""
        found = getattr(value, self.name)
        return None if found is None else self.show(found)


Attributes = Sequence[Attribute | Fixed]


def union_field(kind: GraphQLObjectType, key: str, nodes: Sequence[FieldNode]) -> Attribute:
    """What nodes ask of an object. Raises NotTaken for more than one value."""
    field = kind.fields[nodes[0].name.value]
    definition = field.extensions["strawberry-definition"]
    if not definition.is_basic_field:
        raise NotTaken("a resolver of its own")
    return Attribute(key, definition.python_name, cast("Any", leaf(field)).serialize)


def union_list(fields: Mapping[GraphQLObjectType, Attributes]) -> Show:
    """What makes JSON of a list of objects, each shown by the fields of its type."""
    known: dict[type, Attributes] = {}

    def attributes(value: Any) -> Attributes:
        of: type = value.__class__
        if of not in known:
            kinds = (kind for kind in fields if cast("Any", kind).is_type_of(value, None))
            known[of] = fields[next(kinds)]
        return known[of]

    def show(values: Sequence[Any]) -> list[dict[str, Any]]:
        return [
            {one.key: one.value if isinstance(one, Fixed) else one.of(value)
             for one in attributes(value)}
            for value in values
        ]  # fmt: skip

    return show

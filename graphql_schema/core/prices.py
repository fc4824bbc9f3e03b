"""What one field costs and how many rows it gives, read from the schema.

A field may say its own: `extensions={"cost": 5, "rows": 50}` on a `GraphQLField`, or
`metadata={"cost": 5}` on a Strawberry field.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
)

FIELD_COST = 1
MUTATION_COST = 10
LIST_ROWS = 10
WRAPPED = 0.5
"""Rows below `ofType`: tools ask for nine in each other, of which hardly two are not null."""


class Rows(Enum):
    """Where the number of rows of a selection set comes from."""

    OF_FRAGMENT = auto()
    """From the set that the fragment is spread in."""
    FIXED = auto()
    """Its price says it: 1 for an object, the declared bound for a list."""
    PAGE = auto()
    """`first` or `last`, for a list."""
    CONNECTION = auto()
    """`first` or `last`, for the lists below it."""
    OF_CONNECTION = auto()
    """The connection that it is a list of."""
    IDS = auto()
    """The length of `ids`."""
    INTROSPECTION = auto()
    """`__schema` and `__type`: all below has its own scale."""


@dataclass(frozen=True, slots=True)
class Price:
    """`cost` per parent row, `type` and number of the rows below; None for an unknown type."""

    cost: int
    type: GraphQLNamedType | None
    kind: Rows = Rows.FIXED
    rows: float = 1
    arguments: tuple[str, ...] = ()
    """The arguments that say the number of rows instead."""


UNKNOWN = Price(FIELD_COST, None)

_COMPOSITE = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


class Prices:
    """The prices of a schema's fields, each worked out at its first use."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._known: dict[tuple[str, str], Price] = {}
        self._introspected = _introspected(schema)

    def of(self, parent: GraphQLNamedType | None, name: str) -> Price:
        """The price of a field; an unknown one counts as a plain field."""
        if parent is None:
            return UNKNOWN
        key = (parent.name, name)
        price = self._known.get(key)
        if price is None:
            composite = isinstance(parent, _COMPOSITE)
            field = self.schema.get_field(parent, name) if composite else None
            if field is None:
                return UNKNOWN
            price = self._known[key] = self._price(parent, name, field)
        return price

    def _price(self, parent: GraphQLNamedType, name: str, field: GraphQLField) -> Price:
        default = MUTATION_COST if parent is self.schema.mutation_type else FIELD_COST
        cost = _declared(field, "cost", default)
        output = _output(field)
        below = self.schema.get_type(output.strip("[]!"))
        is_list = output.startswith("[")
        if name in ("__schema", "__type"):
            return Price(cost, below, Rows.INTROSPECTION)
        if "first" in field.args or "last" in field.args:
            kind = Rows.PAGE if is_list else Rows.CONNECTION
            return Price(cost, below, kind, arguments=("first", "last"))
        if not is_list:
            return Price(cost, below, rows=WRAPPED if name == "ofType" else 1)
        if "ids" in field.args:
            return Price(cost, below, Rows.IDS, arguments=("ids",))
        if parent.name.startswith("__"):
            return Price(cost, below, rows=self._introspected.get(name, LIST_ROWS))
        if isinstance(parent, GraphQLObjectType) and "pageInfo" in parent.fields:
            return Price(cost, below, Rows.OF_CONNECTION)
        return Price(cost, below, rows=_declared(field, "rows", LIST_ROWS))


def _output(field: GraphQLField) -> str:
    """A field's type as the SDL writes it: `[Item!]!`."""
    return str(field.type)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - what a list holds


def _declared(field: GraphQLField, key: str, default: int) -> int:
    """What a field says of itself, in its own extensions or in its Strawberry metadata."""
    extensions = field.extensions
    if key in extensions:
        return int(extensions[key])
    definition: object = extensions.get("strawberry-definition")
    metadata: dict[object, object] = getattr(definition, "metadata", None) or {}
    found = metadata.get(key)
    return found if isinstance(found, int) else default


def _introspected(schema: GraphQLSchema) -> dict[str, int]:
    """How long the lists of the introspection types are, on average and rounded up."""
    types = list(schema.type_map.values())
    objects = [t for t in types if isinstance(t, GraphQLObjectType | GraphQLInterfaceType)]
    abstract = [t for t in types if isinstance(t, GraphQLInterfaceType | GraphQLUnionType)]
    return {
        "types": len(types),
        "directives": len(schema.directives),
        "fields": _mean(len(t.fields) for t in objects),
        "args": _mean(len(field.args) for t in objects for field in t.fields.values()),
        "interfaces": _mean(len(t.interfaces) for t in objects),
        "possibleTypes": _mean(len(schema.get_possible_types(t)) for t in abstract),
        "enumValues": _mean(len(t.values) for t in types if isinstance(t, GraphQLEnumType)),
        "inputFields": _mean(len(t.fields) for t in types if isinstance(t, GraphQLInputObjectType)),
    }


def _mean(lengths: Iterable[int]) -> int:
    found = list(lengths)
    return max(1, -(-sum(found) // max(1, len(found))))

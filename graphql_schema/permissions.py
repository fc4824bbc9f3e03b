"""What each field of the schema needs, read from the declarations: mutations say it, and whatever
shows rows needs what the rule of their table says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
)

from graphql_schema.core.entries import Entry
from graphql_schema.core.record_type import MODELS, definition_of
from graphql_schema.schema import graphql_core_schema
from models.access import OperatorOnly, Owned, PartOf
from models.base import Record
from models.permissions import Permission
from models.reading import Listing

NODE = "node "
"""Begins the names of types that `node` may give: `node Project`."""


def needs() -> dict[str, Permission | None]:
    """`Query.projects`, `Mutation.createOrg`, `node Project` → the permission it needs; None for
    what is open to all, or only about who asks."""
    return dict(_needs())


def read_permission(model: type[Record]) -> Permission:
    """What reading a row of a table needs."""
    rule = model.access
    if isinstance(rule, PartOf):
        return read_permission(model.referenced(rule.whole))
    if isinstance(rule, OperatorOnly):
        return Permission.OPERATE
    return rule.read if isinstance(rule, Owned) else Owned().read


def _needs() -> Iterator[tuple[str, Permission | None]]:
    schema = graphql_core_schema()
    for root in ("Query", "Mutation", "Subscription"):
        kind: Any = schema.type_map[root]
        for name, field in kind.fields.items():
            metadata = field.extensions["strawberry-definition"].metadata
            if "needs" in metadata or _is_public(metadata):
                yield f"{root}.{name}", metadata.get("needs")
            else:
                yield f"{root}.{name}", _shown(field.type)
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    for kind in schema.get_possible_types(node):
        yield f"{NODE}{kind.name}", _shown(kind)


def _is_public(metadata: dict[str, Any]) -> bool:
    entry: Entry | None = metadata.get("entry")
    return entry is not None and isinstance(entry.query, Listing) and entry.query.public


def _shown(kind: Any) -> Permission | None:
    """What the rows need that a type is of, or the nodes of a connection or an event."""
    models = {definition_of(made).name: model for made, model in MODELS.items()}
    name = _row_type(cast("GraphQLNamedType", get_named_type(kind)))
    return read_permission(models[name]) if name in models else None


def _row_type(kind: GraphQLNamedType) -> str:
    fields: dict[str, Any] = kind.fields if isinstance(kind, GraphQLObjectType) else {}
    found = fields.get("nodes") or fields.get("node")
    row = kind if found is None else cast("GraphQLNamedType", get_named_type(found.type))
    return row.name

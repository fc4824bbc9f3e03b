"""Queries that ask for all that a type has, generated from the schema."""

from __future__ import annotations

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_object_type,
    is_required_argument,
    is_union_type,
)

from graphql_schema.core.record_type import MODELS, definition_of
from graphql_schema.schema import graphql_core_schema
from tests.harness.documents import of_union


def record_types() -> dict[str, GraphQLObjectType]:
    """Every type over a table, by name."""
    schema = graphql_core_schema()
    names = sorted(definition_of(made).name for made in MODELS)
    return {name: schema.type_map[name] for name in names}  # type: ignore[misc]


def scalars(kind: GraphQLObjectType) -> str:
    """The names of its fields without a selection."""
    return " ".join(name for name, field in kind.fields.items() if _is_leaf(field))


def everything(kind: GraphQLObjectType, *, first: int = 5) -> str:
    """All its scalars, and each relation with all of that one's scalars, `first` per page."""
    related = (
        f"{name}{_window(field, first)} {{ {_one_level(get_named_type(field.type))} }}"
        for name, field in kind.fields.items()
        if not _is_leaf(field) and not any(map(is_required_argument, field.args.values()))
    )
    return f"{scalars(kind)} {' '.join(related)}"


def nodes_query(name: str, selection: str) -> str:
    """The query of `nodes` for rows of one type, with `$ids`."""
    return f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {name} {{ {selection} }} }} }}"


OF_A_LINK = {
    "SharedConversation": "%s",
    "SharedHeading": "heading { %s }",
    "SharedMessage": "messages(first: COUNT) { nodes { %s } }",
    "SharedAttachment": "messages(first: COUNT) { nodes { attachments { %s } } }",
}
"""The types that a share link shows, each with the way there."""


def shared_query(name: str, selection: str, count: int) -> str:
    """The query of one of these types, with `$token`; `count` rows where there are several."""
    inner = OF_A_LINK[name].replace("COUNT", str(count)) % selection
    return f"query($token: String!) {{ sharedConversation(token: $token) {{ {inner} }} }}"


def connection(kind: GraphQLObjectType) -> str:
    """All of a connection, its nodes with everything."""
    return f"{_page_info(kind)} edges {{ cursor }} nodes {{ {everything(_node_of(kind))} }}"


def _one_level(kind: object) -> str:
    if is_union_type(kind):
        return of_union(kind)
    assert is_object_type(kind), kind
    if "edges" not in kind.fields:
        return scalars(kind)
    node = scalars(_node_of(kind))
    return f"{_page_info(kind)} edges {{ cursor node {{ {node} }} }} nodes {{ {node} }}"


def _node_of(kind: GraphQLObjectType) -> GraphQLObjectType:
    return get_named_type(kind.fields["nodes"].type)  # type: ignore[return-value]


def _page_info(kind: GraphQLObjectType) -> str:
    return f"pageInfo {{ {scalars(get_named_type(kind.fields['pageInfo'].type))} }}"  # type: ignore[arg-type]


def _window(field: GraphQLField, first: int) -> str:
    return f"(first: {first})" if "first" in field.args else ""


def _is_leaf(field: GraphQLField) -> bool:
    return is_leaf_type(get_named_type(field.type))

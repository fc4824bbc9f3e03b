"""A validated operation as a tree of shapes and steps; what it can't take is said by reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    SelectionSetNode,
    get_named_type,
)

from graphql_schema.core.computing import Computed
from graphql_schema.core.fields import FirstOf, Many, One, OneBy, Paged, Relation
from graphql_schema.core.record_type import MODELS
from graphql_schema.plans.arguments import Arguments
from graphql_schema.plans.collecting import Collector, Flags, NotTaken
from graphql_schema.plans.connections import (
    ConnectionShape,
    EdgeField,
    Info,
    PageField,
)
from graphql_schema.plans.leaves import Show, leaf, show_field, type_of
from graphql_schema.plans.shapes import Branch, Fixed, Leaf, Part, Shape, Step
from graphql_schema.plans.steps import ComputedStep, FirstStep, ManyStep, OneStep, PageStep
from graphql_schema.plans.unions import union_field, union_list
from models.base import Record

Nodes = list[FieldNode]

STATEMENTS = 40
"""Relations of one plan. An operation of more goes to graphql-core, whose loaders read what is
asked under several aliases at once."""


class Compiler:
    """Compiles the selections of one document, its conditions decided by `flags`."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, flags: Flags) -> None:
        self.collector = Collector(schema, document, flags)
        self._statements = 0

    def count_statement(self) -> None:
        """Raise NotTaken when there are too many."""
        self._statements += 1
        if self._statements > STATEMENTS:
            raise NotTaken("too many relations")

    def shape(self, kind: GraphQLObjectType, nodes: Nodes) -> Shape:
        """What nodes ask of rows of a record type."""
        model = model_of_type(kind)
        if model is None:
            raise NotTaken("an object that is no row")
        fields = self.collector.collect(kind, selections(nodes))
        return Shape(model, tuple(self._part(kind, model, *field) for field in fields.items()))

    def _part(self, kind: GraphQLObjectType, model: type[Record], key: str, nodes: Nodes) -> Part:
        name = nodes[0].name.value
        if name == "__typename":
            return Fixed(key, kind.name)
        field = kind.fields[name]
        definition = field.extensions["strawberry-definition"]
        relation = definition.metadata.get("relation")
        if isinstance(relation, Relation):
            return Branch(key, self._step(model, relation, field, nodes))
        if not definition.is_basic_field:
            raise NotTaken("a resolver of its own")
        column = model.column(definition.python_name)
        if column.null and isinstance(type_of(field), GraphQLNonNull):
            raise NotTaken("a value that must be there")
        return Leaf(key, definition.python_name, show_field(field, column), column.null)

    def _step(
        self, model: type[Record], relation: Relation, field: GraphQLField, nodes: Nodes
    ) -> Step:
        if isinstance(relation, Computed):
            return ComputedStep(model, relation, self._shown(field, nodes))
        self.count_statement()
        if isinstance(type_of(field), GraphQLNonNull) and isinstance(
            relation, One | OneBy | FirstOf
        ):
            raise NotTaken("a row that must be there")
        target = object_of(field)
        if isinstance(relation, Paged):
            arguments = Arguments(field, nodes[0])
            return PageStep(bound(relation), self.connection(target, nodes), arguments)
        shape = self.shape(target, nodes)
        if isinstance(relation, One):
            return OneStep(bound(relation), relation.key, shape)
        if isinstance(relation, OneBy):
            return OneStep(bound(relation), "id", shape)
        if isinstance(relation, FirstOf):
            return FirstStep(tuple(_chain(relation)), shape)
        if isinstance(relation, Many):
            return ManyStep(bound(relation), shape, relation.by)
        raise NotTaken("a relation of a new kind")

    def _shown(self, field: GraphQLField, nodes: Nodes) -> Show:
        """What makes JSON of a computed value: one value, or a list of a union's objects."""
        kind = cast("GraphQLNamedType", get_named_type(type_of(field)))
        if not isinstance(kind, GraphQLUnionType):
            return cast("Any", leaf(field)).serialize
        return union_list(
            {one: self._each(one, nodes, union_field) for one in cast("Any", kind).types}
        )

    # -- connections -----------------------------------------------------------------------

    def connection(self, kind: GraphQLObjectType, nodes: Nodes) -> ConnectionShape:
        """What nodes ask of a connection."""
        fields = self.collector.collect(kind, selections(nodes))
        return ConnectionShape(tuple(self._page_field(kind, *field) for field in fields.items()))

    def _page_field(self, kind: GraphQLObjectType, key: str, nodes: Nodes) -> PageField | Fixed:
        name: Any = nodes[0].name.value
        if name == "__typename":
            return Fixed(key, kind.name)
        inner = object_of(kind.fields[name])
        if name == "nodes":
            return PageField(key, name, shape=self.shape(inner, nodes))
        if name == "edges":
            return PageField(key, name, edge=self._each(inner, nodes, self._edge_field))
        return PageField(key, name, info=self._each(inner, nodes, _info_field))

    def _edge_field(self, kind: GraphQLObjectType, key: str, nodes: Nodes) -> EdgeField:
        name = nodes[0].name.value
        if name == "cursor":
            return EdgeField(key)
        if name != "node":
            return EdgeField(key, column=name)
        inner = object_of(kind.fields["node"])
        return EdgeField(key, self.shape(inner, nodes))

    def _each(
        self,
        kind: GraphQLObjectType,
        nodes: Nodes,
        make: Callable[[GraphQLObjectType, str, Nodes], Any],
    ) -> tuple[Any, ...]:
        fields = self.collector.collect(kind, selections(nodes))
        return tuple(
            Fixed(key, kind.name) if found[0].name.value == "__typename" else make(kind, key, found)
            for key, found in fields.items()
        )


def _info_field(_kind: GraphQLObjectType, key: str, nodes: Nodes) -> Info:
    return Info(key, nodes[0].name.value)


def selections(nodes: Nodes) -> Iterable[SelectionSetNode | None]:
    """The selection sets of fields that are merged."""
    return [node.selection_set for node in nodes]


def object_of(field: GraphQLField) -> GraphQLObjectType:
    """The object type that a field leads to, through lists and what must not be null."""
    return cast("GraphQLObjectType", get_named_type(type_of(field)))


def bound(relation: Any) -> Any:
    """The query of a relation, which the schema gave it."""
    assert relation.query is not None, "the schema is not built yet"
    return relation.query


def _chain(relation: FirstOf) -> Iterable[Any]:
    step: FirstOf | None = relation
    while step is not None:
        yield bound(step)
        step = step.then


def model_of_type(kind: GraphQLObjectType) -> type[Record] | None:
    """The table of a record type, None for other types."""
    definition = kind.extensions.get("strawberry-definition")
    return MODELS.get(definition.origin) if definition is not None else None

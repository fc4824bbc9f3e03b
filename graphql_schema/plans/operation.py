"""Operations as plans: compiled once for each combination of @skip and @include."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from graphql import (
    DocumentNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    is_introspection_type,
    is_leaf_type,
)

from graphql_schema.core.entries import Entry
from graphql_schema.plans.arguments import Arguments
from graphql_schema.plans.collecting import NotTaken, conditions_of
from graphql_schema.plans.compiling import (
    Compiler,
    Nodes,
    model_of_type,
    object_of,
    selections,
)
from graphql_schema.plans.events import event_encoder
from graphql_schema.plans.leaves import type_of
from graphql_schema.plans.plan import (
    EntryField,
    LeafValue,
    ListValue,
    MaybeValue,
    ObjectValue,
    PageValue,
    Plan,
    RootField,
    RowValue,
    Value,
)
from graphql_schema.plans.resolvers import caller
from graphql_schema.plans.shapes import Fixed
from graphql_schema.plans.steps import OneStep, PageStep
from models.reading import Lookup

OutputType = Any
"""A GraphQLOutputType, of which graphql-core leaves the list's parameter open."""

VARIANTS = 4
"""Combinations of @skip and @include that are kept of one document, the latest ones."""


class PlannedOperation:
    """The plans of one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        encoded: Callable[[], None] = lambda: None,
    ) -> None:
        """Raises NotTaken for what can't be compiled, whatever the conditions.

        `encoded` is called for each event that a plan encodes.
        """
        self._schema, self._document, self._operation = schema, document, operation
        self._encoded = encoded
        self._conditions = conditions_of(document)
        self._plans: dict[tuple[bool, ...], Plan | NotTaken] = {}
        if not self._conditions:
            self._plans[()] = self._compiled(())

    def plan(self, variables: Mapping[str, Any]) -> Plan:
        """The plan for coerced variables. Raises NotTaken."""
        values = [variables.get(name) for name in self._conditions]
        if None in values:
            raise NotTaken("a condition that is null")
        flags = tuple(map(bool, values))
        if flags not in self._plans:
            while len(self._plans) >= VARIANTS:
                del self._plans[next(iter(self._plans))]
            self._plans[flags] = self._tried(flags)
        found = self._plans[flags]
        if isinstance(found, NotTaken):
            raise NotTaken(str(found))  # a new one, as each raise adds to an exception's traceback
        return found

    def _tried(self, flags: tuple[bool, ...]) -> Plan | NotTaken:
        try:
            return self._compiled(flags)
        except NotTaken as reason:
            return reason

    def _compiled(self, flags: tuple[bool, ...]) -> Plan:
        known = dict(zip(self._conditions, flags, strict=True))
        compiler = Compiler(self._schema, self._document, known)
        plan = _Roots(self._schema, compiler).plan(self._operation)
        if self._operation.operation is OperationType.SUBSCRIPTION:
            return replace(plan, encode=event_encoder(plan.fields, self._encoded))
        return plan


class _Roots:
    """Compiles the root fields, and values that are not rows."""

    def __init__(self, schema: GraphQLSchema, compiler: Compiler) -> None:
        self._schema = schema
        self._compiler = compiler

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        kind = cast("GraphQLObjectType", self._schema.get_root_type(operation.operation))
        fields = self._compiler.collector.collect(kind, [operation.selection_set])
        if operation.operation is OperationType.MUTATION and len(fields) > 1:
            # Were one to fail after another's payload was read, the payloads would be read anew,
            # after all of them; they have to tell of the time in between.
            raise NotTaken("several mutations")
        return Plan(tuple(self._root(kind, *field) for field in fields.items()))

    def _root(
        self, kind: GraphQLObjectType, key: str, nodes: Nodes
    ) -> RootField | EntryField | Fixed:
        name = nodes[0].name.value
        if name == "__typename":
            return Fixed(key, kind.name)
        if name.startswith("__"):
            raise NotTaken("introspection")
        field = kind.fields[name]
        arguments = Arguments(field, nodes[0])
        entry = field.extensions["strawberry-definition"].metadata.get("entry")
        if entry is None:
            return RootField(key, caller(field), arguments, self._value(type_of(field), nodes))
        return EntryField(key, entry, self._entry(entry, field, nodes, arguments), arguments)

    def _entry(
        self, entry: Entry, field: GraphQLField, nodes: Nodes, arguments: Arguments
    ) -> OneStep | PageStep:
        self._compiler.count_statement()
        target = object_of(field)
        if isinstance(entry.query, Lookup):
            return OneStep(entry.query, "id", self._compiler.shape(target, nodes))
        return PageStep(entry.query, self._compiler.connection(target, nodes), arguments)

    def _value(self, kind: OutputType, nodes: Nodes) -> Value:
        required = isinstance(kind, GraphQLNonNull)
        inner = cast("Any", kind).of_type if required else kind
        return MaybeValue(self._inner(inner, nodes), required)

    def _inner(self, kind: OutputType, nodes: Nodes) -> Value:
        if isinstance(kind, GraphQLList):
            return ListValue(self._value(cast("Any", kind).of_type, nodes))
        if is_leaf_type(kind):
            return LeafValue(cast("Any", kind).serialize)
        if isinstance(kind, GraphQLInterfaceType):
            return self._rows(kind, nodes)
        if not isinstance(kind, GraphQLObjectType) or is_introspection_type(kind):
            raise NotTaken("a type of a new kind")
        if model_of_type(kind) is not None:
            return self._rows_of([kind], nodes)
        if kind.name.endswith("Connection"):
            return PageValue(self._compiler.connection(kind, nodes))
        return self._object(kind, nodes)

    def _rows(self, kind: GraphQLInterfaceType, nodes: Nodes) -> RowValue:
        return self._rows_of(self._schema.get_possible_types(kind), nodes)

    def _rows_of(self, kinds: Any, nodes: Nodes) -> RowValue:
        shapes: dict[Any, Any] = {}
        for kind in kinds:
            model = model_of_type(kind)
            if model is None:
                raise NotTaken("an interface of more than rows")
            shapes[model] = self._compiler.shape(kind, nodes)
        return RowValue(shapes)

    def _object(self, kind: GraphQLObjectType, nodes: Nodes) -> ObjectValue:
        found: list[Any] = []
        for key, inner in self._compiler.collector.collect(kind, selections(nodes)).items():
            name = inner[0].name.value
            if name == "__typename":
                found.append(Fixed(key, kind.name))
                continue
            field = kind.fields[name]
            definition = field.extensions["strawberry-definition"]
            if not definition.is_basic_field:
                raise NotTaken("a resolver of its own")
            found.append((key, definition.python_name, self._value(type_of(field), inner)))
        return ObjectValue(tuple(found))

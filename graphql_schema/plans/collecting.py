"""Which fields of a type a selection asks for, by the specification's CollectFields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    is_abstract_type,
)
from graphql.language import BooleanValueNode, VariableNode, Visitor, visit

Flags = Mapping[str, bool]
"""The variables that @skip and @include ask, with their values."""

Fields = dict[str, list[FieldNode]]
"""Response key → the nodes that are merged under it, in the order of the response."""


MOST = 1_500
"""Selections that are looked at for one plan; fragments are looked at wherever they are spread."""


class NotTaken(Exception):
    """The compiler does not take an operation; the message is the reason, one of a few."""


class Collector:
    """Collects the fields of one document's selections, its conditions decided by `flags`."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, flags: Flags) -> None:
        self._schema = schema
        self._flags = flags
        self._left = MOST
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def collect(self, kind: GraphQLObjectType, sets: Iterable[SelectionSetNode | None]) -> Fields:
        """The fields that selection sets ask for of an object of type `kind`.

        Raises NotTaken when all that was collected is too much for a plan.
        """
        found: Fields = {}
        seen: set[str] = set()
        for selections in sets:
            for node in self._walk(kind, selections, seen):
                key = (node.alias or node.name).value
                found.setdefault(key, []).append(node)
        return found

    def _walk(
        self, kind: GraphQLObjectType, selections: SelectionSetNode | None, seen: set[str]
    ) -> Iterator[FieldNode]:
        for node in selections.selections if selections else ():
            self._left -= 1
            if self._left < 0:
                raise NotTaken("too many selections")
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                if condition is None or self._applies(kind, condition.name.value):
                    yield from self._walk(kind, node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = self._fragments[node.name.value]
                if self._applies(kind, fragment.type_condition.name.value):
                    yield from self._walk(kind, fragment.selection_set, seen)

    def _applies(self, kind: GraphQLObjectType, condition: str) -> bool:
        other = self._schema.type_map[condition]
        if is_abstract_type(other):
            return self._schema.is_sub_type(other, kind)
        return other is kind

    def _included(self, node: SelectionNode) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name in {"skip", "include"} and self._truth(_condition(directive)) is (
                name == "skip"
            ):
                return False
        return True

    def _truth(self, value: ValueNode) -> bool:
        if isinstance(value, VariableNode):
            return self._flags[value.name.value]
        return isinstance(value, BooleanValueNode) and value.value


def _condition(directive: DirectiveNode) -> ValueNode:
    return next(iter(directive.arguments or ())).value


class _Conditions(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        if node.name.value in {"skip", "include"}:
            value = _condition(node)
            if isinstance(value, VariableNode):
                self.names.add(value.name.value)


def conditions_of(document: DocumentNode) -> tuple[str, ...]:
    """The variables that @skip and @include of a document ask, by name."""
    visitor = _Conditions()
    visit(document, visitor)
    return tuple(sorted(visitor.names))

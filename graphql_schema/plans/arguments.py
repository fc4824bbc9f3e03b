"""The arguments of a field, as far as they can be known when a document is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLNonNull,
    Node,
    VariableNode,
    get_argument_values,
)

from graphql_schema.core.values import children

Values = dict[str, Any]


class Arguments:
    """The arguments of one field of a document.

    Those without a variable are coerced once. One that is a variable is taken as that was coerced,
    for a valid document gives it no other type. Whatever else happens, graphql-core decides.
    """

    def __init__(self, definition: GraphQLField, node: FieldNode) -> None:
        self._definition = definition
        self._node = node
        self._fixed: Values = {}
        self._variables: list[tuple[str, str, bool, Values]] = []
        self._mixed = False
        given = {argument.name.value: argument for argument in node.arguments or ()}
        for name, argument in definition.args.items():
            self._read(name, argument, given.get(name))

    def values(self, variables: Any) -> Values:
        """The values by name, for coerced variables. Raises GraphQLError."""
        if self._mixed:
            return self._by_the_book(variables)
        coerced: Mapping[str, Any] = variables.coerced
        found = self._fixed.copy()
        for name, variable, required, default in self._variables:
            value = coerced.get(variable)
            if value is None and required:
                return self._by_the_book(variables)
            if variable in coerced:
                found[name] = value
            else:
                found |= default
        return found

    def _by_the_book(self, variables: Any) -> Values:
        return get_argument_values(self._definition, self._node, variables)

    def _read(self, name: str, argument: GraphQLArgument, given: ArgumentNode | None) -> None:
        if given is not None and isinstance(given.value, VariableNode):
            required = isinstance(cast("Any", argument).type, GraphQLNonNull)
            default = {} if required else self._alone(name, argument, ())
            variable = given.value.name.value
            self._variables.append((argument.out_name or name, variable, required, default))
        elif given is not None and _has_variable(given.value):
            self._mixed = True
        else:
            self._fixed |= self._alone(name, argument, () if given is None else (given,))

    def _alone(
        self, name: str, argument: GraphQLArgument, given: tuple[ArgumentNode, ...]
    ) -> Values:
        field = GraphQLField(cast("Any", self._definition).type, args={name: argument})
        return get_argument_values(field, FieldNode(name=self._node.name, arguments=given))


def _has_variable(value: Node) -> bool:
    stack: list[Node] = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, VariableNode):
            return True
        stack.extend(children(node))
    return False

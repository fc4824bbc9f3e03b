"""Answers about the schema, kept: they depend on the operation and its variables alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)

from graphql_schema.core.document_cache import DocumentCache

if TYPE_CHECKING:
    from graphql_schema.core.preparing import Prepared

OF_SCHEMA = {"__schema", "__type", "__typename"}
ANSWERS = 100
ANSWERS_BYTES = 32 << 20
"""Bytes of all answers that are kept; one of more than an eighth is not."""


class Answers:
    """The `data` of operations that ask for the schema and nothing else, as JSON."""

    def __init__(self) -> None:
        self._held: DocumentCache[bytes] = DocumentCache(entries=ANSWERS, size=ANSWERS_BYTES)

    def get(self, prepared: Prepared, variables: Mapping[str, Any]) -> dict[str, Any] | None:
        """The response to an operation with its coerced variables, if it was answered before."""
        if not prepared.asks_schema:
            return None
        found = self._held.get(_key(prepared, variables))
        return {"data": orjson.Fragment(found)} if found is not None else None

    def keep(
        self, prepared: Prepared, variables: Mapping[str, Any], response: Mapping[str, Any]
    ) -> None:
        """Keep an answer that has no errors."""
        if prepared.asks_schema and "errors" not in response:
            key, data = _key(prepared, variables), orjson.dumps(response["data"])
            self._held.put(key, data, 1_000 + len(data) + 4 * len(key[0]))


def _key(prepared: Prepared, variables: Mapping[str, Any]) -> tuple[str, str | None, Hashable]:
    """Only texts and conditions can be arguments here, so every value can be a key."""
    assert prepared.document.loc is not None
    return prepared.document.loc.source.body, prepared.name, tuple(sorted(variables.items()))


def asks_schema(document: DocumentNode, operation: OperationDefinitionNode) -> bool:
    """Whether a valid operation has no root field but those of introspection."""
    names = set(_root_names(document, operation.selection_set))
    return operation.operation is OperationType.QUERY and names <= OF_SCHEMA


def _root_names(document: DocumentNode, root: SelectionSetNode) -> Iterator[str]:
    """The names of the fields of a selection set, those in fragments too."""
    fragments = {
        one.name.value: one for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }  # fmt: skip
    sets, spread = [root], set[str]()
    while sets:
        for node in sets.pop().selections:
            if isinstance(node, FieldNode):
                yield node.name.value
            elif isinstance(node, InlineFragmentNode):
                sets.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                sets.append(fragments[node.name.value].selection_set)

"""What the engine needs of those who bound operations and of those who compile them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode

from graphql_schema.core.delivering import Encode


class Cost(Protocol):
    """What one operation asks for with its variables."""

    @property
    def cost(self) -> int:
        """In rows and fields."""
        ...

    def as_dict(self) -> dict[str, int]:
        """The value of `extensions.cost`."""
        ...


class Meter(Protocol):
    """Measures one operation."""

    def measure(self, variables: Mapping[str, object]) -> Cost:
        """Raises TooCostly."""
        ...


class Limits(Protocol):
    """What a document may ask for; each step takes linear time and raises TooCostly."""

    def parse(self, source: str) -> DocumentNode:
        """Look at the text, then parse it; raises GraphQLSyntaxError."""
        ...

    def meter(self, document: DocumentNode, operation: OperationDefinitionNode) -> Meter:
        """Look at the document, not validated yet."""
        ...

    def validate(self, document: DocumentNode) -> list[GraphQLError]:
        """Check the document by the rules of the specification."""
        ...


class Planned(Protocol):
    """An operation that may be read without graphql-core."""

    async def data(self, context: Any, variables: Any) -> dict[str, Any] | None:
        """The response's `data`, or None where graphql-core is to execute the operation."""
        ...

    async def event(self, context: Any, variables: Any, event: Any) -> dict[str, Any] | None:
        """The `data` of one event of a subscription, or None in the same way."""
        ...

    def encoder(self, variables: Any) -> Encode | None:
        """What encodes a subscription's events; None where they have to be read first."""
        ...


class Planner(Protocol):
    """Compiles operations."""

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode) -> Planned | None:
        """A valid operation, compiled; None for one that can't be."""
        ...

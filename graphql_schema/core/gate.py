"""The limits bound to one schema, in the order in which the engine asks them."""

from __future__ import annotations

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
)

from graphql_schema.core import limits
from graphql_schema.core.cost import CostModel, Meter
from graphql_schema.core.limits import Limits


class Gate:
    """Parses, measures and validates documents of one schema; see core.contracts.Limits.

    Built once: a rule built per request would defeat every cache of what was validated.
    """

    def __init__(
        self, schema: GraphQLSchema, bounds: Limits, *, introspection: bool = True
    ) -> None:
        """Without `introspection` no field tells of the schema, nor does a suggestion."""
        rules = limits.RULES if introspection else (*limits.RULES, NoSchemaIntrospectionCustomRule)
        self._rules = rules
        self._introspection = introspection
        self._schema = schema
        self._bounds = bounds
        self._costs = CostModel(schema, bounds)

    def parse(self, source: str) -> DocumentNode:
        """Look at the text, then parse it. Raises TooCostly and GraphQLSyntaxError."""
        return limits.parse(source, self._bounds)

    def meter(self, document: DocumentNode, operation: OperationDefinitionNode) -> Meter:
        """Look at the document, not validated yet. Raises TooCostly."""
        return self._costs.meter(document, operation)

    def validate(self, document: DocumentNode) -> list[GraphQLError]:
        """Check the document by the rules of the specification. Raises TooCostly."""
        return limits.validate(
            self._schema, document, rules=self._rules, hide_suggestions=not self._introspection
        )

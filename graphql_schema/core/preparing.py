"""What becomes of a document that is new: it is parsed, measured, validated and compiled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from graphql import (
    DocumentNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    get_operation_ast,
)

from graphql_schema.core.contracts import Limits, Meter, Planned, Planner
from graphql_schema.core.errors import (
    Refused,
    ResponseError,
    parse_error,
    refusal,
    validation_error,
)
from graphql_schema.core.introspection import asks_schema
from graphql_schema.core.repeats import Repeat, repeats_of
from graphql_schema.core.values import check_literals
from graphql_schema.core.variables import Variables
from models.errors import BadRequest, DomainError

Kind: TypeAlias = Literal["query", "mutation", "subscription"]

TOKEN_BYTES = 1_200
"""What graphql-core and the plan keep per lexical token, measured."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that may run: parsed, measured and valid."""

    kind: Kind
    name: str | None
    document: DocumentNode
    operation: OperationDefinitionNode
    meter: Meter
    variables: Variables
    repeats: Mapping[str, Repeat] = field(default_factory=dict[str, Repeat])
    planned: Planned | None = None
    asks_schema: bool = False


Verdict: TypeAlias = Prepared | list[ResponseError]
"""The operation, or why it may not run."""

Judged: TypeAlias = tuple[Verdict, int]
"""A verdict, and the bytes that it takes to keep."""


def accepted(verdict: Verdict) -> Prepared:
    """The operation. Raises Refused."""
    if isinstance(verdict, list):
        raise Refused(verdict)
    return verdict


class Judge:
    """Checks documents against one schema."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, planner: Planner | None) -> None:
        self._schema = schema
        self._limits = limits
        self._planner = planner
        self.checked = 0
        """Documents that were looked at so far."""

    def judged(self, query: str, operation_name: str | None) -> Judged:
        """What becomes of a document, as slow as that is."""
        self.checked += 1
        size = 1_000 + 4 * len(query)
        try:
            prepared = self._check(query, operation_name)
        except Refused as refused:
            return refused.errors, size + 1_000 * len(refused.errors)
        except DomainError as error:
            return [refusal(error)], size
        except GraphQLSyntaxError as error:
            return [parse_error(error)], size
        return prepared, size + TOKEN_BYTES * prepared.document.token_count

    def _check(self, query: str, operation_name: str | None) -> Prepared:
        document = self._limits.parse(query)
        check_literals(query, document)
        operation = chosen(document, operation_name)
        meter = self._limits.meter(document, operation)
        errors = self._limits.validate(document)
        if errors:
            raise Refused([validation_error(error) for error in errors])
        name = operation.name.value if operation.name else None
        repeats = repeats_of(document)
        planned = self._planner.plan(document, operation) if self._planner else None
        kind: Kind = operation.operation.value
        variables = Variables(self._schema, operation)
        schema_only = asks_schema(document, operation)
        return Prepared(
            kind, name, document, operation, meter, variables, repeats, planned, schema_only
        )


def chosen(document: DocumentNode, operation_name: str | None) -> OperationDefinitionNode:
    """The operation to run; raises BadRequest when the name does not tell which."""
    operation = get_operation_ast(document, operation_name)
    if operation is not None:
        return operation
    if operation_name is not None:
        raise BadRequest("No operation of the document has the given operationName.")
    raise BadRequest("The document needs one operation, or an operationName to choose by.")

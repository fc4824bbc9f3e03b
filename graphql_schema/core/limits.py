"""What a document may ask of the server, before anything of it runs.

The order is: `parse` (which scans first), `CostModel.meter` (depth, aliases), `Meter.measure` with
the variables (cost), `validate`. Each is linear in the document's length or has a fixed budget, so
a document of any kind is refused or found valid in well under half a second and 64 MB.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import graphql
from graphql import ASTValidationRule, DocumentNode, GraphQLError, GraphQLSchema
from graphql.validation import (
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
    specified_rules,
)
from graphql.validation.validate import ValidationAbortedError

from models.errors import TooCostly

NESTING = 64
"""Brackets of any kind inside each other; the parser takes about four stack frames for each."""

MERGE_BUDGET = 30_000
"""Comparisons of fields with one response name, about 3 µs and 100 bytes each."""

_NESTED = "nested brackets"
_COMPARED = "comparisons of repeated or nested fields"

MAX_ERRORS = 20
"""Validation errors reported; each may print a good part of the document."""

MESSAGE_LENGTH = 500
"""Characters kept of a validation error's message."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one operation may ask for; the fields are those of `Settings.max_*`."""

    tokens: int = 4_000
    depth: int = 12
    cost: int = 20_000
    aliases: int = 100
    text: int = 256 << 10
    """Characters of a document. Longer values belong in variables, which are read much faster."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What one operation asks for with its variables.

    `cost` is in rows and fields, `depth` in nested selection sets outside of introspection,
    `aliases` in aliased fields of the text.
    """

    cost: int
    limit: int
    depth: int
    aliases: int

    def as_dict(self) -> dict[str, int]:
        """The value of `extensions.cost`."""
        return {
            "requested": self.cost,
            "limit": self.limit,
            "depth": self.depth,
            "aliases": self.aliases,
        }


# The tokens of the language, each in one step without backtracking. Groups are repeated without
# being possessive, which Python before 3.11.5 gets wrong; what follows them always matches. An
# unterminated string runs to the end of its line (a block string: of the text), and what is no
# token counts as one. Every match succeeds, even behind the last token: a failed one would be
# tried again at each character.
_TOKEN = re.compile(
    r"""[\s,\ufeff]*+(?:
        ([\[{(])
      | ([\]})])
      | \#[^\n\r]*+
      | [A-Za-z_][A-Za-z_0-9]*+
      | -?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?
      | \.\.\.
      | \"{3}(?:[^"\\]++|\\(?:\"{3})?|"(?!""))*(?:\"{3}|\Z)
      | "(?:[^"\\\n\r]++|\\.)*"?
      | [^\s,\ufeff]
      | (\Z)
    )""",
    re.VERBOSE | re.ASCII,
)


def refusal(what: str, allowed: int, asked: int | None = None) -> TooCostly:
    """Say which limit, how much was asked (None: nobody counted to the end), what is allowed."""
    count = f"{asked}" if asked is not None else f"more than {allowed}"
    return TooCostly(f"The document asks for {count} {what}; the limit is {allowed}.")


def scan(source: str, limits: Limits) -> int:
    """Count the tokens, comments included, without parsing.

    Raises TooCostly for a text that is too long, has too many tokens or nests too deep.
    """
    if len(source) > limits.text:
        raise refusal("characters", limits.text, len(source))
    count = nesting = 0
    for token in _TOKEN.finditer(source):
        bracket = token.lastindex
        if bracket == 3:
            break
        count += 1
        if count > limits.tokens:
            raise refusal("tokens", limits.tokens)
        if bracket == 1:
            nesting += 1
            if nesting > NESTING:
                raise refusal(_NESTED, NESTING)
        elif bracket == 2:
            nesting -= 1
    return count


def parse(source: str, limits: Limits) -> DocumentNode:
    """Scan and parse. Raises TooCostly, or GraphQLSyntaxError where it is no GraphQL."""
    scan(source, limits)
    return graphql.parse(source, max_lexical_tokens=limits.tokens)


class BudgetedMergeRule(OverlappingFieldsCanBeMergedRule):
    """Fields of one response name must agree, checked with a tenth of the usual patience.

    The rule compares them in pairs. Its own budget allows more than a second and 100 MB.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = MERGE_BUDGET


RULES: tuple[type[ASTValidationRule], ...] = tuple(
    BudgetedMergeRule if rule is OverlappingFieldsCanBeMergedRule else rule
    for rule in specified_rules
)
"""The rules of the specification, for who calls graphql-core's `validate` by other ways."""


def validate(
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    rules: Sequence[type[ASTValidationRule]] = RULES,
    hide_suggestions: bool = False,
) -> list[GraphQLError]:
    """Check a document by the specification, or by other `rules`; no error means valid.

    Raises TooCostly for a document whose fields and fragments repeat so often that checking them
    would take too long.
    """
    errors = graphql.validate(
        schema, document, tuple(rules), MAX_ERRORS, hide_suggestions=hide_suggestions
    )
    # An abort behind MAX_ERRORS others only says that there are more of them.
    if errors and isinstance(errors[-1], ValidationAbortedError) and len(errors) <= MAX_ERRORS:
        raise refusal(_COMPARED, MERGE_BUDGET)
    for error in errors:
        if len(error.message) > MESSAGE_LENGTH:
            error.message = error.message[:MESSAGE_LENGTH] + "…"
    return errors

"""No document, however made, takes half a second or 64 MB to be refused or found valid."""

import sys
import tracemalloc
from dataclasses import dataclass
from time import process_time
from typing import Any

import pytest
from graphql import GraphQLSyntaxError, OperationDefinitionNode

from graphql_schema.core.cost import CostModel
from graphql_schema.core.limits import Limits, parse, scan, validate
from models.errors import TooCostly
from tests.harness.example import example_schema
from tests.harness.nasty import documents

LIMITS = Limits()
BODY = 1 << 20
SECONDS = 0.5
MEMORY = 64 << 20
SLOWEST = 12  # whose memory is traced, which takes ten times as long; much memory takes time

MODEL = CostModel(example_schema(), LIMITS)

SIZES = {
    "all of the body": (LIMITS.tokens, BODY),
    "all of the text": (LIMITS.tokens, LIMITS.text),
    "a tenth": (LIMITS.tokens // 10, LIMITS.text // 10),
}


@dataclass
class Outcome:
    """How a document fared: the error that refused it, or what validation said."""

    refused: str | None = None
    errors: int = 0
    answered: int = 0


def check(source: str) -> Outcome:
    """All that a server does with a document before it runs."""
    try:
        document = parse(source, LIMITS)
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode):
                MODEL.meter(document, operation).measure()
                break
        errors = validate(example_schema(), document)
    except (TooCostly, GraphQLSyntaxError) as error:
        return Outcome(refused=error.message)
    answer: list[Any] = [error.formatted for error in errors]
    return Outcome(errors=len(errors), answered=len(repr(answer)))


def timed(source: str) -> tuple[float, Outcome]:
    """CPU seconds of a check, and its outcome."""
    started = process_time()
    outcome = check(source)
    return process_time() - started, outcome


@pytest.mark.parametrize("size", SIZES)
def test_time_and_length_of_the_answer(size: str) -> None:
    slow: dict[str, float] = {}
    long: dict[str, int] = {}
    for document in documents(*SIZES[size]):
        assert len(document.source) <= BODY
        seconds, outcome = timed(document.source)
        if seconds > SECONDS:
            # A busy machine slows one run, not three; a slow document is slow each time.
            seconds = min(timed(document.source)[0] for _ in range(3))
        if seconds > SECONDS:
            slow[document.name] = seconds
        if outcome.answered > 100_000:
            long[document.name] = outcome.answered
    assert (slow, long) == ({}, {})


def test_memory() -> None:
    large: dict[str, int] = {}
    spent = {d: timed(d.source)[0] for d in documents(LIMITS.tokens, LIMITS.text)}
    for document in sorted(spent, key=spent.__getitem__)[-SLOWEST:]:
        tracemalloc.start()
        check(document.source)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if peak > MEMORY:
            large[document.name] = peak
    assert not large


def test_most_are_refused_and_the_harmless_are_not() -> None:
    outcomes = {document.name: check(document.source) for document in documents()}
    harmless = {name for name, got in outcomes.items() if got.refused is None and got.errors == 0}
    assert harmless == {"list literal", "list of strings", "JSON literal", "operations",
                        "subscriptions", "fragments doubling in fields, 4 levels",
                        "fragments doubling in one field, 5 levels"}  # fmt: skip
    assert sum(got.refused is not None for got in outcomes.values()) > 90


def test_a_full_stack_is_no_reason_to_fail() -> None:
    """The deepest document that the scan lets through parses with 500 frames in use."""
    levels = 62
    source = "{ me " + "{ me " * levels + "{ id }" + "}" * (levels + 1)
    assert scan(source, LIMITS)

    def deeper(frames: int) -> Outcome:
        return deeper(frames - 1) if frames else check(source)

    assert sys.getrecursionlimit() <= 1000
    assert deeper(500).refused is not None
    with pytest.raises(TooCostly, match="64 nested selection sets"):
        refuse_at(source, 500)


def refuse_at(source: str, frames: int) -> None:
    """Parse and measure with `frames` frames on the stack."""
    if frames:
        refuse_at(source, frames - 1)
        return
    document = parse(source, LIMITS)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    MODEL.meter(document, operation)

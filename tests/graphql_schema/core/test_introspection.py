"""Answers about the schema are made once, and only those."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from graphql import get_introspection_query

from graphql_schema.core.engine import Engine
from tests.app.graphql_server import Limits
from tests.app.small_schema import World, schema
from tests.graphql_schema.core.test_engine import contexts

WHOLE = get_introspection_query()


def made() -> Engine:
    checked = schema()
    return Engine(checked, limits=Limits(checked))


@dataclass
class Asked:
    """An engine, and how often it had to execute something."""

    engine: Engine = field(default_factory=made)
    world: World = field(default_factory=World)

    async def ask(self, text: str, operation: str | None = None, /, **variables: Any) -> Any:
        """The response as JSON has it."""
        prepared = self.engine.prepare(text, operation)
        found = await self.engine.execute(
            prepared, variables, contexts(self.world), request_id="req"
        )
        return orjson.loads(orjson.dumps(found))

    @property
    def executed(self) -> int:
        return self.world.opened


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        "{ __schema { queryType { name } } }",
        '{ a: __type(name: "Item") { name } __typename }',
        "{ ...F } fragment F on Query { ... on Query { __schema { types { name } } ...G } } "
        "fragment G on Query { ... { __typename } }",
        'query ($name: String = "Item") { __type(name: $name) { name } }',
    ],
)
async def test_the_schema_is_asked_for_once(text: str) -> None:
    asked = Asked()
    first = await asked.ask(text)
    assert "errors" not in first
    assert [await asked.ask(text) for _ in range(3)] == [first] * 3
    assert asked.executed == 1


@pytest.mark.parametrize(
    "text",
    [
        "{ __schema { queryType { name } } context }",
        "{ context __typename }",
        "{ ...F } fragment F on Query { __typename ... { ... on Query { context } } }",
        "mutation { __typename }",
    ],
)
async def test_what_asks_for_more_is_executed_each_time(text: str) -> None:
    asked = Asked()
    for _ in range(3):
        await asked.ask(text)
    assert asked.executed == 3


async def test_each_variable_has_its_answer() -> None:
    asked = Asked()
    text = """query ($name: String!, $skipped: Boolean = false) {
      __type(name: $name) { name kind @skip(if: $skipped) }
    }"""
    for _ in range(2):
        item = await asked.ask(text, name="Item")
        color = await asked.ask(text, name="Color")
        short = await asked.ask(text, name="Item", skipped=True)
        none = await asked.ask(text, name="Nothing", other=[{"never": "used"}])
        assert item == {"data": {"__type": {"name": "Item", "kind": "OBJECT"}}}
        assert color == {"data": {"__type": {"name": "Color", "kind": "ENUM"}}}
        assert short == {"data": {"__type": {"name": "Item"}}}
        assert none == {"data": {"__type": None}}
    assert asked.executed == 4


async def test_each_operation_of_a_document_has_its_answer() -> None:
    asked = Asked()
    text = 'query A { __type(name: "Item") { name } } query B { __type(name: "Color") { name } }'
    for _ in range(2):
        assert (await asked.ask(text, "A"))["data"]["__type"]["name"] == "Item"
        assert (await asked.ask(text, "B"))["data"]["__type"]["name"] == "Color"
    assert asked.executed == 2


async def test_a_variable_that_does_not_fit_is_refused_each_time() -> None:
    asked = Asked()
    text = "query ($name: String!) { __type(name: $name) { name } }"
    await asked.ask(text, name="Item")
    for wrong in ({}, {"name": 7}):
        refused = await asked.ask(text, **wrong)
        assert refused["errors"][0]["extensions"]["code"] == "INVALID"


async def test_an_answer_with_an_error_is_made_each_time() -> None:
    asked = Asked()
    text = 'query ($name: String = "Item") { __type(name: $name) { name } }'
    for times in (1, 2):
        failed = await asked.ask(text, name=None)
        assert failed["data"] == {"__type": None}
        assert failed["errors"][0]["path"] == ["__type"]
        assert asked.executed == times


async def test_a_flood_of_questions_is_bounded() -> None:
    asked = Asked()
    await asked.ask(WHOLE)
    await asked.ask(WHOLE)
    text = "query ($name: String!) { __type(name: $name) { name } }"
    for number in range(300):
        await asked.ask(text, name=f"T{number}")
    assert asked.executed == 301
    await asked.ask(WHOLE)
    assert asked.executed == 301
    await asked.ask(text, name="T0")
    assert asked.executed == 302

"""Events that go straight to bytes are what graphql-core makes of them, errors and all."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from graphql_schema.core.context import Context
from graphql_schema.core.engine import Engine
from models.ports import Sink, Streamed
from models.viewer import Viewer, viewer_of
from tests.harness.answers import ask
from tests.harness.api import Server, StartServer
from tests.harness.verbs import id_of
from tests.plans.differential import Both

SELECTIONS = [
    "{ messageStreamed(messageId: $id) { part kind text cursor reset } }",
    "{ a: messageStreamed(messageId: $id) { reset b: text b: text __typename c: __typename } }",
    "{ messageStreamed(messageId: $id) { ...A ... on MessageStreamed { kind } ... { part } } }",
    "{ messageStreamed(messageId: $id) { text @skip(if: $yes) part @include(if: $yes) cursor } }",
    "{ messageStreamed(messageId: $id) { text @include(if: $no) kind @skip(if: $no) } }",
    "{ messageStreamed(messageId: $id) { ...A @skip(if: $yes) __typename } }",
    "{ ...R } fragment R on Subscription { messageStreamed(messageId: $id) { kind, k2: kind } }",
]
SOUND = [
    Streamed(0, "text", "plain", "c1", False),
    Streamed(1, "reasoning", 'é 草 👩‍👩‍👧 " \\ \n \u2028 </script>', "c2", True),
    Streamed(2**31 - 1, "tool_call", "", "", False),
]
BROKEN: list[Any] = [
    Streamed(2**31, "text", "a part that is no Int", "c", False),
    Streamed(0, "nonsense", "a kind that is none", "c", False),
    Streamed(0, "text", None, "c", False),  # type: ignore[arg-type] - on purpose
    Streamed(0, "text", "half a \ud800 pair", "c", False),
    Streamed(0, "text", ["a list"], "c", False),  # type: ignore[arg-type] - on purpose
    Streamed(True, "text", 5, b"bytes", 1),  # type: ignore[arg-type] - on purpose
    Streamed(0.0, "text", "a float", "c", "no"),  # type: ignore[arg-type] - on purpose
]


class Scripted:
    """Streams that tell the same events to everybody; see models.ports.Streams."""

    def __init__(self, events: Sequence[Streamed]) -> None:
        self._events = events

    @asynccontextmanager
    async def follow(
        self, message_id: str, viewer: Viewer, after: str | None, sink: Sink | None = None
    ) -> AsyncGenerator[AsyncIterator[Streamed], None]:
        async def left() -> AsyncGenerator[Streamed, None]:
            for event in self._events:
                if sink is None or not sink(event):
                    yield event

        yield left()


@pytest.fixture
async def answer(start_server: StartServer) -> tuple[Server, Viewer, str]:
    """A server, a viewer, and a message that is being written to them."""
    server = await start_server(worker=False)
    ada = server.user()
    id = await ask(ada, "x")
    return server, viewer_of(await id_of(ada)), id


async def responses(
    both: Both, engine: Engine, viewer: Viewer, selection: str, id: str
) -> tuple[list[Any], int]:
    """What a subscription is answered, and how many of it went straight to bytes."""
    prepared = engine.prepare(document_of(selection))
    got: list[Any] = []
    straight = 0

    def deliver(data: bytes) -> bool:
        nonlocal straight
        straight += 1
        got.append({"data": orjson.loads(data)})
        assert orjson.dumps(orjson.loads(data)) == data
        return True

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Context, None]:
        yield Context(viewer, both.ports, "request", both.ports.database)

    stream = engine.subscribe(prepared, {"id": id}, opened, request_id="request", deliver=deliver)
    # Not `extend`, which would put all that is yielded after all that went straight.
    async for response in stream:
        got.append(_comparable(response))  # noqa: PERF401
    return got, straight


def document_of(selection: str) -> str:
    """A subscription with the variables and the fragment that the selection uses, and no other."""
    given = {"$yes": "true", "$no": "false"}
    used = [f"{name}: Boolean! = {value}" for name, value in given.items() if name in selection]
    fragment = "fragment A on MessageStreamed { text kind }" if "...A" in selection else ""
    return f"subscription({', '.join(['$id: ID!', *used])}) {selection} {fragment}"


def _comparable(response: Any) -> Any:
    try:
        return orjson.loads(orjson.dumps(response))
    except TypeError:
        return "no JSON"


@pytest.mark.parametrize("selection", SELECTIONS)
async def test_events_are_what_graphql_core_makes_of_them(
    answer: tuple[Server, Viewer, str], selection: str
) -> None:
    server, viewer, id = answer
    events = [one for pair in zip(SOUND * 3, BROKEN, strict=False) for one in pair]
    both = Both(replace(server.services.ports, streams=Scripted(events)))
    mine, straight = await responses(both, both.planned, viewer, selection, id)
    core, none = await responses(both, both.plain, viewer, selection, id)
    assert len(mine) == len(events)
    assert mine == core
    assert straight >= len(events) / 2, "those in order went straight"
    assert none == 0
    assert [list(one["data"]) for one in mine if one != "no JSON" and one["data"]]


async def test_what_is_not_taken_at_once_is_yielded_as_the_same_bytes(
    answer: tuple[Server, Viewer, str],
) -> None:
    server, viewer, id = answer
    both = Both(replace(server.services.ports, streams=Scripted(SOUND)))
    document = "subscription($id: ID!) " + SELECTIONS[0]
    offered: list[bytes] = []

    def refuse(data: bytes) -> bool:
        offered.append(data)
        return False

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Context, None]:
        yield Context(viewer, both.ports, "request", both.ports.database)

    stream = both.planned.subscribe(
        both.planned.prepare(document), {"id": id}, opened, request_id="request", deliver=refuse
    )
    yielded = [orjson.dumps(response["data"]) async for response in stream]
    assert yielded == offered
    assert len(offered) == len(SOUND)


async def test_rows_are_read_and_never_go_straight(answer: tuple[Server, Viewer, str]) -> None:
    server, viewer, _ = answer
    both = Both(server.services.ports)
    (row,) = await server.sql("SELECT id FROM project")
    document = """subscription($id: ID!) {
      messageChanged(of: { projectId: $id }) { node { id } cursor } }"""

    def deliver(_data: bytes) -> bool:
        raise AssertionError("it was not read for this viewer")

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Context, None]:
        yield Context(viewer, both.ports, "request", both.ports.database)

    prepared = both.planned.prepare(document)
    stream = both.planned.subscribe(
        prepared, {"id": row["id"]}, opened, request_id="request", deliver=deliver
    )
    first = await anext(stream)
    assert first["data"]["messageChanged"]["node"] is None
    await stream.aclose()

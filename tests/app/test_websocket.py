"""graphql-transport-ws: operations, on real sockets."""

import asyncio

import pytest

from tests.app.graphql_server import client, until
from tests.app.socket_client import PROTOCOL, connected, joined

COUNT = "subscription { count(to: 2) }"


async def test_a_subscription_runs_to_its_end() -> None:
    async with connected() as ann:
        await ann.init()
        await ann.subscribe("1", COUNT)
        assert [await ann.receive() for _ in range(3)] == [
            {"type": "next", "id": "1", "payload": {"data": {"count": 0}}},
            {"type": "next", "id": "1", "payload": {"data": {"count": 1}}},
            {"type": "complete", "id": "1"},
        ]
        assert ann.socket.protocol == PROTOCOL
        assert ann.socket.compress == 0
    assert ann.world.observed == [("subscription", None, [])]


async def test_compression_is_not_agreed_to() -> None:
    async with client() as (session, world), joined(world, session, compress=15) as ann:
        await ann.init()
        assert ann.socket.compress == 0


async def test_queries_and_mutations_run_too() -> None:
    async with connected() as ann:
        await ann.init({"authorization": "Bearer ann"})
        await ann.subscribe(
            "q",
            "query Q($n: String) { hello(name: $n) viewer } query R { context }",
            variables={"n": "Ann"},
            operationName="Q",
            extensions={"cost": True},
        )
        assert (await ann.receive())["payload"] == {
            "data": {"hello": "hello Ann", "viewer": "usr_ann"},
            "extensions": {"cost": {"fields": 2}},
        }
        assert await ann.receive() == {"type": "complete", "id": "q"}
        await ann.subscribe("m", "mutation { add(value: 3) }")
        assert (await ann.receive())["payload"] == {"data": {"add": 3}}
        assert await ann.receive() == {"type": "complete", "id": "m"}


async def test_each_event_has_a_context_of_its_own() -> None:
    async with connected() as ann:
        await ann.init()
        await ann.subscribe("1", "subscription { context(events: 3) }")
        numbers = [(await ann.receive())["payload"]["data"]["context"] for _ in range(3)]
        assert numbers == [2, 3, 4]
        assert await ann.receive() == {"type": "complete", "id": "1"}
        await ann.subscribe("2", "{ context }")
        assert (await ann.receive())["payload"]["data"] == {"context": 5}
        await until(lambda: ann.world.closed == 5)
        assert len(set(ann.world.request_ids)) == 2


async def test_field_errors_are_part_of_a_result() -> None:
    async with connected() as ann:
        await ann.init()
        await ann.subscribe("1", "{ conflict }")
        payload = (await ann.receive())["payload"]
        assert payload["data"] == {"conflict": None}
        assert payload["errors"][0]["extensions"]["code"] == "CONFLICT"
        assert (await ann.receive())["type"] == "complete"


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{", None, "PARSE_FAILED"),
        ("subscription { nothing }", None, "VALIDATION_FAILED"),
        ("{ expensive }", None, "TOO_COSTLY"),
        ("query ($v: Int!) { number(value: $v) }", {"v": "x"}, "INVALID"),
        ("subscription ($v: Int!) { count(to: $v) }", {}, "INVALID"),
        ("subscription ($first: Int!) { count(to: $first) }", {"first": 1000}, "TOO_COSTLY"),
        ("query ($v: JSON) { echo(value: $v) }", {"v": "\0"}, "INVALID"),
        ("query ($v: JSON) { echo(value: $v) }", {"v": 2**63}, "INVALID"),
        ("subscription { refused }", None, "NOT_FOUND"),
    ],
)
async def test_a_refused_operation_is_an_error_and_the_socket_lives(
    query: str, variables: dict[str, object] | None, code: str
) -> None:
    async with connected() as ann:
        await ann.init()
        await ann.subscribe("1", query, variables=variables)
        assert await ann.refusal() == ("1", code)
        await ann.subscribe("1", "{ hello }")
        assert (await ann.receive())["payload"] == {"data": {"hello": "hello world"}}


async def test_half_an_emoji_refuses_its_operation_only() -> None:
    async with connected() as ann:
        await ann.init()
        await ann.socket.send_str(
            '{"type":"subscribe","id":"1","payload":'
            '{"query":"query ($v: JSON) { echo(value: $v) }","variables":{"v":"\\ud83d"}}}'
        )
        assert await ann.refusal() == ("1", "INVALID")
        await ann.still_works()


async def test_a_source_that_fails_ends_with_an_error() -> None:
    async with connected() as ann:
        await ann.init()
        await ann.subscribe("1", "subscription { failsAfter(events: 1) }")
        assert (await ann.receive())["payload"] == {"data": {"failsAfter": 0}}
        assert await ann.refusal() == ("1", "CONFLICT")
        await ann.still_works()
        assert ann.world.observed == [("subscription", None, ["CONFLICT"])]


async def test_complete_stops_the_operation_and_nothing_more_is_sent() -> None:
    async with connected() as ann:
        await ann.init()
        await ann.subscribe("1", "subscription { endless }")
        assert (await ann.receive())["type"] == "next"
        await ann.subscribe("2", "{ slow(seconds: 60) }")
        await until(lambda: ann.world.running == 2)
        await ann.send("complete", id="1")
        await ann.send("complete", id="2")
        await until(lambda: ann.world.cancelled == 2)
        await ann.still_works()
        assert ann.world.opened == ann.world.closed == 3


async def test_an_id_is_free_again_once_stopped() -> None:
    async with connected() as ann:
        await ann.init()
        for _ in range(20):
            await ann.subscribe("1", "subscription { count(to: 9, delay: 9) }")
            await ann.send("complete", id="1")
        await ann.subscribe("1", "{ hello }")
        assert (await ann.receive())["payload"] == {"data": {"hello": "hello world"}}
        assert await ann.receive() == {"type": "complete", "id": "1"}
        await ann.subscribe("1", "{ hello }")
        assert (await ann.receive())["type"] == "next"


async def test_to_stop_what_is_not_there_is_fine() -> None:
    async with connected() as ann:
        await ann.init()
        await ann.send("complete", id="nothing")
        await ann.still_works()


async def test_operations_run_side_by_side() -> None:
    async with connected() as ann:
        await ann.init()
        await ann.subscribe("slow", "{ slow(seconds: 60) }")
        await ann.subscribe("quick", "{ hello }")
        assert (await ann.receive())["id"] == "quick"


async def test_too_many_operations_are_refused_by_id() -> None:
    async with connected(socket_operations=2) as ann:
        await ann.init()
        for name in ("a", "b", "c"):
            await ann.subscribe(name, "{ slow(seconds: 60) }")
        assert await ann.refusal() == ("c", "RATE_LIMITED")
        await ann.send("complete", id="a")
        await until(lambda: ann.world.cancelled == 1)
        await ann.subscribe("d", "{ hello }")
        assert (await ann.receive())["payload"]["data"] == {"hello": "hello world"}


async def test_a_late_operation_is_stopped() -> None:
    async with connected(request_timeout=0.1) as ann:
        await ann.init()
        await ann.subscribe("1", "{ slow(seconds: 60) }")
        assert await ann.refusal() == ("1", "TIMEOUT")
        await ann.subscribe("2", "subscription { count(to: 2, delay: 0.2) }")
        assert (await ann.receive())["payload"]["data"] == {"count": 0}
        assert (await ann.receive())["payload"]["data"] == {"count": 1}


async def test_a_burst_to_a_willing_reader_arrives_whole() -> None:
    async with connected(socket_queue=10) as ann:
        await ann.init()
        await ann.subscribe("1", "subscription { count(to: 3000) }")
        async with asyncio.timeout(20):
            for number in range(3_000):
                assert (await ann.receive())["payload"]["data"]["count"] == number
        assert (await ann.receive())["type"] == "complete"

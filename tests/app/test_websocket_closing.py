"""graphql-transport-ws: who is let in, and how sockets end."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from tests.app.graphql_server import client, running, until
from tests.app.small_schema import Viewer
from tests.app.socket_client import PROTOCOL, connected, joined


@pytest.mark.parametrize(
    "payload",
    [
        {"authorization": "Bearer ann"},
        {"Authorization": "ann"},
        {"AUTHORIZATION": "bearer  ann"},
        {"headers": {"Authorization": "Bearer ann"}},
        {"headers": {"authorization": " ann "}, "other": 1},
    ],
)
async def test_the_token_of_connection_init(payload: Any) -> None:
    async with connected() as ann:
        await ann.init(payload)
        await ann.subscribe("1", "{ viewer }")
        assert (await ann.receive())["payload"] == {"data": {"viewer": "usr_ann"}}


async def test_the_token_of_the_handshake() -> None:
    headers = {"Authorization": "Bearer ann"}
    async with client() as (session, world), joined(world, session, headers=headers) as ann:
        await ann.init()
        await ann.subscribe("1", "{ viewer }")
        assert (await ann.receive())["payload"] == {"data": {"viewer": "usr_ann"}}


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        ({"authorization": "Bearer bad"}, 4403, "The token does not hold."),
        ({"authorization": "Basic ann"}, 4403, "The token does not hold."),
        ({"authorization": 5}, 4403, "The token must be a string."),
        ({"headers": {"authorization": ["ann"]}}, 4403, "The token must be a string."),
        ({"authorization": "down"}, 1013, "Down for now."),
        ({"authorization": "hang"}, 1013, "The operation took too long."),
        ({"authorization": "defect"}, 1011, "Internal error."),
    ],
)
async def test_who_is_not_let_in(payload: Any, code: int, reason: str) -> None:
    async with connected(request_timeout=0.2) as ann:
        await ann.send("connection_init", payload=payload)
        assert await ann.closed() == (code, reason)
        await ann.socket.close()
        await until(lambda: len(ann.world.sockets) == 0)


async def test_without_init_the_socket_closes() -> None:
    async with connected(init_timeout=0.1) as ann:
        assert await ann.closed() == (4408, "Connection initialisation timeout")


async def test_pings_do_not_replace_the_init() -> None:
    async with connected(init_timeout=0.2) as ann:
        for _ in range(3):
            await ann.still_works()
        assert (await ann.closed())[0] == 4408


async def test_an_init_in_time_stays() -> None:
    async with connected(init_timeout=0.1) as ann:
        await ann.init()
        await asyncio.sleep(0.2)
        await ann.still_works()


async def test_a_second_init_closes() -> None:
    async with connected() as ann:
        await ann.send("connection_init")
        await ann.send("connection_init")
        assert await ann.closed() == (4429, "Too many initialisation requests")


async def test_a_subscribe_before_the_ack_closes() -> None:
    async with connected() as ann:
        await ann.subscribe("1", "{ hello }")
        assert await ann.closed() == (4401, "Unauthorized")
        assert ann.world.opened == 0


async def test_an_id_in_use_closes() -> None:
    async with connected() as ann:
        await ann.init()
        await ann.subscribe("1", "subscription { endless }")
        await ann.subscribe("1", "{ hello }")
        assert await ann.closed() == (4409, "Subscriber for 1 already exists")
        await until(lambda: ann.world.running == 0)


async def test_a_long_reason_is_cut_between_characters() -> None:
    async with connected() as ann:
        await ann.init()
        name = "a" + "ü" * 200
        await ann.subscribe(name, "subscription { endless }")
        await ann.subscribe(name, "{ hello }")
        code, reason = await ann.closed()
        assert code == 4409
        assert 120 <= len(reason.encode()) <= 123
        assert f"Subscriber for {name}".startswith(reason)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "nonsense",
        "1",
        "null",
        "[]",
        "{}",
        '{"type": 5}',
        '{"type": "start"}',
        '{"type": "connection_terminate"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "id": "\\ud800", "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "id": "1", "payload": "{ hello }"}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": 5}}',
        '{"type": "complete"}',
        '{"type": "ping", "payload": 5}',
        '{"type": "ping", "payload": {"x": "\\ud800"}}',
        '{"type": "pong", "payload": "x"}',
        '{"type": "ping", "payload": {"x": ' + "[" * 5_000 + "]" * 5_000 + "}}",
        '{"type": "connection_ack"}',
        '{"type": "next", "id": "1", "payload": {}}',
    ],
)
async def test_what_is_no_message_closes(message: str) -> None:
    async with connected() as ann:
        await ann.init()
        await ann.socket.send_str(message)
        assert (await ann.closed())[0] == 4400


async def test_an_init_that_is_no_object_closes() -> None:
    async with connected() as ann:
        await ann.send("connection_init", payload="Bearer ann")
        assert (await ann.closed())[0] == 4400


async def test_binary_frames_close() -> None:
    async with connected() as ann:
        await ann.socket.send_bytes(b'{"type":"connection_init"}')
        assert await ann.closed() == (4400, "Messages must be text.")


async def test_a_message_may_be_as_large_as_allowed_and_no_larger() -> None:
    async with connected(socket_message=4_096) as ann:
        await ann.init()
        await ann.send("ping", payload={"x": "y" * 4_000})
        assert (await ann.receive())["type"] == "pong"
        await ann.send("ping", payload={"x": "y" * 4_096})
        assert (await ann.closed())[0] == 1009


@pytest.mark.parametrize("offered", [["graphql-ws"], ["x", "y"], []])
async def test_another_subprotocol_closes(offered: list[str]) -> None:
    async with client() as (session, world), joined(world, session, protocols=offered) as ann:
        assert await ann.closed() == (4406, "Subprotocol not acceptable")


async def test_ours_is_chosen_among_several() -> None:
    async with (
        client() as (session, world),
        joined(world, session, protocols=["graphql-ws", PROTOCOL]) as ann,
    ):
        assert ann.socket.protocol == PROTOCOL
        await ann.init()


async def test_what_is_no_handshake_is_a_400() -> None:
    async with client() as (session, world):
        headers = {"Upgrade": "websocket", "Connection": "upgrade"}
        async with session.get(world.url, headers=headers) as response:
            assert response.status == 400


async def test_a_user_has_so_many_sockets() -> None:
    async with client(user_sockets=2) as (session, world):
        world.viewers["bob"] = Viewer("usr_bob")
        async with joined(world, session) as one, joined(world, session) as two:
            await one.init({"authorization": "ann"})
            await two.init({"authorization": "ann"})
            async with joined(world, session) as three:
                await three.send("connection_init", payload={"authorization": "ann"})
                assert await three.closed() == (1013, "Too many sockets are open.")
            async with joined(world, session) as other:
                await other.init({"authorization": "bob"})
            await two.socket.close()
            await until(lambda: len(world.sockets) == 1)
            async with joined(world, session) as again:
                await again.init({"authorization": "ann"})


async def test_the_token_ends_the_socket_with_it() -> None:
    async with connected() as ann:
        ends = datetime.now(UTC) + timedelta(seconds=0.2)
        ann.world.viewers["short"] = Viewer("usr_short", ends)
        await ann.init({"authorization": "short"})
        await ann.subscribe("1", "subscription { endless }")
        assert await ann.closed() == (4403, "token expired")
        assert datetime.now(UTC) >= ends
        await until(lambda: ann.world.running == 0)


async def test_a_shutdown_tells_all_and_completes_nothing() -> None:
    async with aiohttp.ClientSession() as session, running() as world:
        socket = await session.ws_connect(world.url, protocols=[PROTOCOL])
        await socket.send_str('{"type":"connection_init"}')
        await socket.send_str('{"type":"ping"}')
        await until(lambda: len(world.sockets) == 1)
        assert [(await socket.receive_json())["type"] for _ in range(2)]
        await socket.send_str(
            '{"type":"subscribe","id":"1","payload":{"query":"subscription { endless }"}}'
        )
        assert (await socket.receive_json())["type"] == "next"
        closing = asyncio.create_task(world.sockets.close_all())
        frame = await socket.receive(timeout=5)
        assert (frame.type, frame.data) == (WSMsgType.CLOSE, 1001)
        await closing
        assert world.running == 0
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(world.url, protocols=[PROTOCOL])

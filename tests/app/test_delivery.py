"""Streamed events through real sockets: shared where they are the same, and in order for all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse

from app.bus import MOST_BYTES, noticed, notices
from app.topics import Follower, Topic
from models.chat.chunks import Mark, Story, Window
from models.ports import Streamed
from models.viewer import SIGNED_OUT, viewer_of
from tests.harness.answers import STREAM, ask
from tests.harness.api import Api, Events, Refused, Server, StartServer
from tests.harness.verbs import id_of

OTHER = "subscription($id: ID!) { it: messageStreamed(messageId: $id) { offset: part ...T } } \
fragment T on MessageStreamed { __typename text }"
CHOSEN = """subscription($id: ID!, $with: Boolean!) {
  messageStreamed(messageId: $id) { text kind @include(if: $with) } }"""
STORE = """INSERT INTO message_chunk (message_id, epoch, part, start, kind, text)
VALUES ($1, 0, 0, $2, 'text', $3)"""
TRIES = 50


class Pen:
    """Windows of one message, each going on with the one before."""

    def __init__(self, server: Server, message_id: str) -> None:
        self._server = server
        self.message_id = message_id
        self.text = ""

    def window(self, text: str) -> Window:
        """The next window."""
        return Window("gen_x", self.message_id, 0, 0, len(self.text), "text", text)

    async def write(self, text: str) -> None:
        """Store a window, then pass it on."""
        window = self.window(text)
        await self._server.sql(STORE, window.message_id, window.start, window.text)
        self.tell(window)

    def tell(self, window: Window) -> None:
        """Pass a window on."""
        self.text += window.text
        self._server.services.streams.publish([window])


@asynccontextmanager
async def listening(
    caller: Api, queries: Sequence[tuple[str, dict[str, Any]]]
) -> AsyncGenerator[list[Events], None]:
    """A socket for each query."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(caller.listen(query, **variables))
            for query, variables in queries
        ]


async def encoded(server: Server) -> int:
    """Events that the server has encoded so far, by its own account."""
    async with server.session.get(f"{server.url}/metrics") as answer:
        found = re.search(r"^punnet_events_encoded (\S+)$", await answer.text(), re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


async def settled(events: Sequence[Events], story: Pen) -> None:
    """Wait until all have had an event, so that they follow what comes next."""
    await story.write("first")
    for one in events:
        assert (await one.next())["text"] == "first"


async def test_an_event_is_encoded_once_for_each_selection(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    id = await ask(ada, "x")
    story = Pen(server, id)
    asked = [
        *[(STREAM, {"id": id})] * 8,
        *[(OTHER, {"id": id})] * 4,
        *[(CHOSEN, {"id": id, "with": True})] * 3,
        *[(CHOSEN, {"id": id, "with": False})] * 3,
    ]
    async with listening(ada, asked) as events:
        await settled(events, story)
        needed: set[int] = set()
        for number in range(TRIES):
            before = await encoded(server)
            await story.write(f"one {number}")
            got = [await one.next() for one in events]
            needed.add(await encoded(server) - before)
            cursors = {event["cursor"] for event in got[:8]}
            assert len(cursors) == 1, "the bytes are the same"
            text = f"one {number}"
            assert got[0] == {
                "part": 0, "kind": "TEXT", "text": text, "cursor": cursors.pop(), "reset": False,
            }  # fmt: skip
            assert got[8] == {"offset": 0, "__typename": "MessageStreamed", "text": text}
            assert got[12:] == [{"text": text, "kind": "TEXT"}] * 3 + [{"text": text}] * 3
        assert min(needed) == 4, "once for each selection, however many subscribe"


async def test_who_pauses_gets_all_of_it_in_order_and_holds_up_nobody(
    start_server: StartServer,
) -> None:
    server = await start_server(worker=False, socket_queue=5)
    ada = server.user()
    id = await ask(ada, "x")
    story = Pen(server, id)
    async with listening(ada, [(STREAM, {"id": id})] * 2) as events:
        await settled(events, story)
        quick, pausing = events
        before, size = await encoded(server), 50_000
        reading = asyncio.create_task(texts(quick, 400 * size))
        for number in range(400):
            # Not stored first: that takes longer than a reader may pause.
            story.tell(story.window(chr(97 + number % 26) * size))
            await asyncio.sleep(0)
        in_order = "".join(chr(97 + number % 26) for number in range(400))
        assert (await reading)[::size] == in_order
        assert await encoded(server) > before + 400, "one of them had to wait"
        assert (await texts(pausing, 400 * size))[::size] == in_order


async def texts(events: Events, length: int) -> str:
    """The next text of a length."""
    found = ""
    while len(found) < length:
        found += (await events.next(30))["text"]
    return found


async def opened(caller: Api, stack: AsyncExitStack) -> ClientWebSocketResponse:
    """A socket that was let in."""
    connecting = caller.session.ws_connect(caller.url, protocols=["graphql-transport-ws"])
    socket = await stack.enter_async_context(connecting)
    params = {"authorization": f"Bearer {caller.token}"}
    await socket.send_json({"type": "connection_init", "payload": params})
    await socket.receive_json()
    return socket


async def test_nothing_comes_for_an_operation_that_was_completed(
    start_server: StartServer,
) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    id = await ask(ada, "x")
    story = Pen(server, id)
    async with AsyncExitStack() as stack:
        socket = await opened(ada, stack)
        payload = {"query": STREAM, "variables": {"id": id}}
        seen: dict[str, str] = {"1": "", "2": ""}
        for operation in seen:
            await socket.send_json({"type": "subscribe", "id": operation, "payload": payload})
        for number in range(TRIES):
            await story.write(f"<{number}>")
        while seen["1"] != story.text or seen["2"] != story.text:
            message = await socket.receive_json(timeout=10)
            seen[message["id"]] += message["payload"]["data"]["messageStreamed"]["text"]
        await socket.send_json({"type": "complete", "id": "1"})
        await socket.send_json({"type": "ping"})
        assert (await socket.receive_json(timeout=10))["type"] == "pong"
        await story.write("after")
        message = await socket.receive_json(timeout=10)
        assert (message["id"], message["payload"]["data"]["messageStreamed"]["text"]) == (
            "2",
            "after",
        )
        await socket.send_json({"type": "ping"})
        assert (await socket.receive_json(timeout=10))["type"] == "pong"


async def test_who_lost_the_project_gets_nothing_more(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    made = await ada.do("createProjectWithMessage", "{ project { id } reply { id } }", content="x")
    story = Pen(server, made["reply"]["id"])
    async with listening(ada, [(STREAM, {"id": made["reply"]["id"]})]) as (events,):
        await settled([events], story)
        await ada.do("deleteProject", "{ deletedProjectId }", id=made["project"]["id"])
        with pytest.raises(Refused) as refused:
            await events.next()
        assert refused.value.code == "NOT_FOUND"
        await story.write("secret")
        await events.socket.send_json({"type": "ping"})
        assert (await events.socket.receive_json(timeout=10))["type"] == "pong"


async def test_nothing_goes_straight_past_what_is_being_passed_on(
    start_server: StartServer,
) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    story = Pen(server, await ask(ada, "x"))
    straight: list[str] = []

    def sink(event: Streamed) -> bool:
        straight.append(event.text)
        return True

    viewer = viewer_of(await id_of(ada))
    follow = server.services.streams.follow
    async with asyncio.timeout(10), follow(story.message_id, viewer, None, sink) as pieces:
        await story.write("a")
        assert (await anext(pieces)).text == "a"
        await story.write("b")
        assert straight == [], "who got the one before has not come back"
        assert (await anext(pieces)).text == "b"
        waiting = asyncio.create_task(anext(pieces))  # type: ignore[arg-type] - it is a coroutine
        await asyncio.sleep(0)
        await story.write("c")
        assert straight == ["c"]
        waiting.cancel()
        server.services.streams.publish([story.window("d")])
        assert straight == ["c"], "nobody waits any more"


async def test_text_that_nobody_told_of_is_found(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    id = await ask(ada, "x")
    story = Pen(server, id)
    async with listening(ada, [(STREAM, {"id": id})]) as (events,):
        await settled([events], story)
        await server.sql(STORE, id, len(story.text), "quietly")
        assert (await events.next())["text"] == "quietly"


# -- windows that travel -------------------------------------------------------------------


def window(text: str, number: int = 0) -> Window:
    return Window("gen_x", f"msg_{number}", 1, 2, 3, "text", text, 4)


def test_windows_travel_whole_in_as_few_payloads_as_they_fit() -> None:
    sent = [window(f'草 " \\ \n 👩 {number}' * 20, number) for number in range(100)]
    payloads = notices(sent)
    assert 1 < len(payloads) < 20
    assert all(len(payload.encode()) < 8_000 for payload in payloads)
    got = [noticed(payload) for payload in payloads]
    assert [one for windows, _ in got for one in windows] == sent
    assert all(named == [] for _, named in got)


def test_a_window_too_long_to_travel_is_named() -> None:
    sent = [window("a"), window("草" * MOST_BYTES, 1), window("b", 2)]
    windows, named = noticed(*notices(sent))
    assert windows == [sent[0], sent[2]]
    assert named == ["msg_1"]


@pytest.mark.parametrize("payload", ["", "msg_1,msg_2", "[", "\0"])
def test_a_payload_that_is_none_of_ours_means_any_message(payload: str) -> None:
    assert noticed(payload) == ([], None)


# -- topics --------------------------------------------------------------------------------


async def test_a_reader_with_a_defect_harms_no_other() -> None:
    got: list[Streamed] = []

    def broken(_event: Streamed) -> bool:
        raise ZeroDivisionError

    def sound(event: Streamed) -> bool:
        got.append(event)
        return True

    topic = Topic("msg_0", str)
    topic.mark = Mark(1, 2, 3)
    followers = [Follower(SIGNED_OUT, topic.mark, sink) for sink in (broken, sound)]
    waiting = [asyncio.create_task(follower.next()) for follower in followers]
    await asyncio.sleep(0)
    topic.followers.update(followers)
    topic.go_on(window("abc"))
    story = await waiting[0]
    assert isinstance(story, Story)
    assert [piece.text for piece in story.pieces] == ["abc"]
    assert [event.text for event in got] == ["abc"]
    assert not waiting[1].done(), "what went straight does not come again"
    waiting[1].cancel()

"""Streams of text: whoever leaves and comes back, at any moment, gets the stored text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.topics import QUEUE
from app.writing import SIZE, Manuscript
from models.chat.chunks import Window
from models.chat.leases import Lease
from models.errors import Unavailable
from models.viewer import viewer_of
from tests.harness.answers import STREAM, ask
from tests.harness.api import StartServer
from tests.harness.verbs import id_of

DISCONNECTS = 200
FAMILY = "👩\u200d👩\u200d👧🇫🇷é𐍈"


async def to_its_end(events: AsyncIterator[Any], into: list[Any] | None = None) -> None:
    """Hear all events there are."""
    heard = [] if into is None else into
    async for event in events:
        heard.append(event)


async def test_a_reader_who_takes_nothing_is_sent_away(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    id = await ask(ada, "x")
    hub = server.services.streams
    viewer = viewer_of(await id_of(ada))
    async with hub.follow(id, viewer, None) as slow, hub.follow(id, viewer, None) as quick:
        heard = 0

        async def follow() -> None:
            nonlocal heard
            async for _ in quick:
                heard += 1

        following = asyncio.create_task(follow())
        await asyncio.sleep(0.1)
        first = asyncio.create_task(anext(slow))
        await asyncio.sleep(0.1)
        for number in range(3 * QUEUE):
            hub.publish([Window("gen_x", id, 0, 0, number, "text", "a")])
            await asyncio.sleep(0)
        assert (await first).text == "a"
        waiting: list[Any] = []
        with pytest.raises(Unavailable):
            await to_its_end(slow, waiting)
        assert len(waiting) <= QUEUE
        assert heard == 3 * QUEUE, "nobody else is held up"
        following.cancel()


# -- windows -------------------------------------------------------------------------------


async def test_the_first_word_goes_out_at_once_and_the_rest_in_windows(
    start_server: StartServer,
) -> None:
    server = await start_server()
    ada = server.user()
    id = await ask(ada, "[[tokens:1]] [[delay:2ms]]", model="mock:endless")
    loop = asyncio.get_running_loop()
    async with ada.listen(STREAM, id=id) as events:
        first = await events.next()
        began = loop.time()
        assert first["text"].endswith(" ")
        assert first["text"].count(" ") == 1
        while loop.time() - began < 1.5:
            await events.next()
        took = loop.time() - began
        windows = await server.sql(
            "SELECT start, length(text) AS length FROM message_chunk ORDER BY start"
        )
    await ada.do("stopMessage", "{ message { id } }", id=id)
    assert 5 <= len(windows) <= took / 0.04 + 4
    assert windows[0]["length"] == len(first["text"])
    at = 0
    for window in windows:
        assert window["start"] == at
        at += window["length"]


class Pen:
    """A writer that only hears when text is due."""

    def __init__(self) -> None:
        self.now: list[bool] = []

    def due(self, manuscript: Manuscript, *, now: bool) -> None:
        self.now.append(now)


def test_a_kilobyte_is_not_kept_waiting() -> None:
    pen = Pen()
    manuscript = Manuscript(Lease("gen_1", "msg_1", "usr_1", "m", 1, 1), pen)  # type: ignore[arg-type]
    for size in (1, SIZE - 2, 1):
        manuscript.append(0, "text", "x" * size)
    assert pen.now == [True, False, True]
    (window,) = manuscript.take()
    assert (window.start, len(window.text)) == (0, SIZE)
    manuscript.append(0, "text", "y")
    assert pen.now[-1] is False
    assert [(w.start, w.text) for w in manuscript.take()] == [(SIZE, "y")]

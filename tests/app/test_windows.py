"""How an answer's text is cut into windows."""

from __future__ import annotations

import asyncio

from app.writing import PAUSE, SIZE, Manuscript
from models.chat.generations import Lease
from tests.harness.answers import STREAM, ask
from tests.harness.api import StartServer


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
    assert 5 <= len(windows) <= took / PAUSE + 4
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

"""A stream that is resumed when everything has been heard."""

from __future__ import annotations

from models.chat.messages import Message
from tests.harness.api import Server
from tests.harness.planting import alter

STREAM = """subscription($id: ID!, $after: String) {
  messageStreamed(messageId: $id, after: $after) { part kind text cursor reset } }"""


async def test_a_stream_resumed_at_its_end_is_one_piece_without_text(server: Server) -> None:
    ada = server.user()
    made = await ada.do(
        "createProjectWithMessage", "{ reply { id } }", content="[[reasoning:hm]] [[echo:short]]"
    )
    id = made["reply"]["id"]
    async with ada.listen(STREAM, id=id) as events:
        pieces = [event async for event in events]
    last = pieces[-1]
    assert (last["part"], last["kind"]) == (1, "TEXT")
    for after in (last["cursor"], pieces[0]["cursor"]):
        async with ada.listen(STREAM, id=id, after=after) as events:
            rest = [event async for event in events]
        ends = rest[-1]
        assert (ends["part"], ends["kind"], ends["reset"]) == (1, "TEXT", False)
        assert ends["cursor"] == last["cursor"]
        assert (ends["text"] == "") == (after == last["cursor"])
        assert len(rest) == 1


async def test_what_was_taken_over_with_other_parts_streams_its_text(server: Server) -> None:
    ada = server.user()
    made = await ada.do("createProjectWithMessage", "{ message { id } }", content="Two quinces")
    id = made["message"]["id"]
    for parts in ([{"type": "text", "text": "Two"}], [{"kind": "file"}], [1], {"kind": "text"}):
        await alter(server, Message, id, parts=parts)
        async with ada.listen(STREAM, id=id) as events:
            assert [event["text"] async for event in events] == ["Two quinces"]

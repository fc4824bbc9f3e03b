"""Tools over an OpenAI-compatible endpoint: offered, called in pieces, and answered."""

from __future__ import annotations

import itertools
from typing import Any

from tests.app.openai_endpoint import Play, Reply, endpoint
from tests.app.test_openai_answers import serving, started, streamed
from tests.harness.answers import ended
from tests.harness.api import StartServer
from tests.harness.tools import ADDING, TOOLS


def call(index: int, arguments: str, name: str | None = None) -> dict[str, Any]:
    """A piece of a call."""
    if name is None:
        return {"index": index, "function": {"arguments": arguments}}
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": f"call_{index}", "type": "function", "function": function}


def adding() -> Play:
    """Answers first with two calls whose pieces come by turns, and then with words."""
    asked = itertools.count()

    async def play(reply: Reply) -> None:
        if next(asked):
            await reply.chunk({"content": "Five."}, reason="stop")
        else:
            await reply.chunk({"content": "I add."})
            await reply.chunk({"tool_calls": [call(0, '{"a": 2', "add")]})
            await reply.chunk({"tool_calls": [call(1, "", "nobody")]})
            await reply.chunk({"tool_calls": [call(0, ', "b": 3}')]}, reason="tool_calls")
        await reply.done(usage=(11, 7))

    return play


async def test_calls_are_made_and_their_results_go_back(start_server: StartServer) -> None:
    async with endpoint(adding()) as there:
        server = await serving(start_server, there, tools=TOOLS)
        ada = server.user()
        id = (await started(ada, "Add"))["reply"]["id"]
        events = await streamed(ada, id)
        end = await ended(ada, id)
    assert (end["outcome"], end["content"]) == ("SUCCEEDED", "I add.Five.")
    assert end["usage"] == {"inputTokens": 22, "outputTokens": 14}
    kinds = [event["kind"] for event in events if event["text"]]
    assert kinds == ["TEXT", "TOOL_CALL", "TOOL_CALL", "TOOL_RESULT", "TOOL_RESULT", "TEXT"]
    first, second = there.bodies
    offered = [tool["function"]["name"] for tool in first["tools"]]
    assert offered == ["add", "note", "misbehave", "delete", "nest"]
    assert first["tools"][0]["function"]["parameters"] == ADDING
    said, *told = second["messages"][-3:]
    assert said == {
        "role": "assistant",
        "content": "I add.",
        "tool_calls": [
            {
                "id": "call_0",
                "type": "function",
                "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'},
            },
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "nobody", "arguments": ""},
            },
        ],
    }
    assert told == [
        {"role": "tool", "tool_call_id": "call_0", "content": '{"sum":5}'},
        {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": '{"error":"There is no such tool."}',
        },
    ]


async def test_without_tools_none_are_offered(start_server: StartServer) -> None:
    async def words(reply: Reply) -> None:
        await reply.chunk({"content": "No."}, reason="stop")
        await reply.done()

    async with endpoint(words) as there:
        server = await serving(start_server, there)
        ada = server.user()
        await ended(ada, (await started(ada, "Add"))["reply"]["id"])
    assert "tools" not in there.bodies[0]

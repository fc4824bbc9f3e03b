"""What a well-behaved endpoint sends, and what it is sent."""

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

from models.providing import ContentPart, Delta, Finish, Prompt, PromptMessage
from tests.app.openai_endpoint import HELLO, Reply, collect, endpoint, provider


def ended(reason: str, usage: dict[str, Any] | None = None) -> Finish:
    """The end of an answer of that endpoint, which names itself."""
    return Finish(reason, usage or {}, {"responseId": "c", "servedModel": "gpt-x"})


async def test_streams_deltas_then_reason_and_usage() -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"role": "assistant", "content": ""})
        await reply.chunk({"content": "Hel"})
        await reply.chunk({"content": "lo 🍓"})
        await reply.chunk({}, reason="length")
        await reply.done(usage=(11, 7))

    async with endpoint(play) as server, provider(server.url) as source:
        found = await collect(source)
    assert found == [
        Delta("Hel"),
        Delta("lo 🍓"),
        ended("length", {"inputTokens": 11, "outputTokens": 7}),
    ]


async def test_a_delta_arrives_before_the_next_is_sent() -> None:
    go_on = asyncio.Event()

    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "first"})
        await go_on.wait()
        await reply.chunk({"content": "second"}, reason="stop")
        await reply.done()

    async with endpoint(play) as server, provider(server.url) as source:
        stream = source.stream(HELLO)
        assert await asyncio.wait_for(anext(stream), 5) == Delta("first")
        go_on.set()
        assert [each async for each in stream] == [Delta("second"), ended("stop")]


async def test_asks_for_the_bare_model_with_its_messages() -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "ok"}, reason="stop")
        await reply.done()

    text, image = ContentPart("text", "See"), ContentPart("image", "https://host.test/a.png")
    prompt = Prompt(
        "gpt-x",
        [
            PromptMessage("system", [ContentPart("text", "Be short."), image]),
            PromptMessage("assistant", []),
            PromptMessage("user", [text, image]),
            PromptMessage("assistant", [text, text]),
            PromptMessage("tool", [text]),
        ],
        "gen_1",
    )
    async with endpoint(play) as server, provider(server.url) as source:
        await collect(source, prompt)
    assert server.bodies == [
        {
            "model": "gpt-x",
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [
                {"role": "system", "content": "Be short.\n\n[image]"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "See"},
                        {"type": "image_url", "image_url": {"url": "https://host.test/a.png"}},
                    ],
                },
                {"role": "assistant", "content": "See\n\nSee"},
                {"role": "user", "content": "See"},
            ],
        }
    ]
    assert server.headers[0]["Authorization"] == "Bearer sk-loopback"


async def test_without_a_key_none_is_sent() -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "ok"}, reason="stop")
        await reply.done()

    async with endpoint(play) as server, provider(server.url, api_key=None) as source:
        await collect(source)
    assert "Authorization" not in server.headers[0]


async def test_reasoning_is_a_part_of_its_own() -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"reasoning_content": "Hm"})
        await reply.chunk({"reasoning": ", so"})
        await reply.chunk({"content": "Yes"})
        await reply.chunk({"refusal": ", no"}, reason="stop")
        await reply.done()

    async with endpoint(play) as server, provider(server.url) as source:
        found = await collect(source)
    assert found == [
        Delta("Hm", 0, "reasoning"),
        Delta(", so", 0, "reasoning"),
        Delta("Yes", 1),
        Delta(", no", 1),
        ended("stop"),
    ]


async def test_tool_calls_are_parts_of_json() -> None:
    def call(index: int, **function: Any) -> dict[str, Any]:
        named = {"id": f"call_{index}"} if "name" in function else {}
        return {"index": index, **named, "function": function}

    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "I look."})
        await reply.chunk({"tool_calls": [call(0, name="find", arguments="")]})
        await reply.chunk({"tool_calls": [call(0, arguments='{"q": "a')]})
        await reply.chunk({"tool_calls": [call(1, name="stop", arguments="{}")]})
        await reply.chunk({"tool_calls": [call(0, arguments='\\n🍓"}')]}, reason="tool_calls")
        await reply.done()

    async with endpoint(play) as server, provider(server.url) as source:
        *deltas, end = await collect(source)
    assert end == ended("tool_calls")
    parts = {0: "", 1: "", 2: ""}
    for delta in deltas:
        assert isinstance(delta, Delta)
        assert delta.kind == ("tool_call" if delta.part else "text")
        parts[delta.part] += delta.text
    assert parts[0] == "I look."
    first, second = json.loads(parts[1]), json.loads(parts[2])
    assert first == {"id": "call_0", "name": "find", "arguments": '{"q": "a\\n🍓"}'}
    assert json.loads(first["arguments"]) == {"q": "a\n🍓"}
    assert second == {"id": "call_1", "name": "stop", "arguments": "{}"}


async def test_halves_of_characters_are_joined_or_replaced_and_nul_is_replaced() -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "a\ud83c"})
        await reply.chunk({"content": "\udf53b\0"})
        await reply.chunk({"content": "\udf53 \ud83cc"})
        await reply.chunk({"content": "\ud83c"}, reason="stop")
        await reply.done()

    async with endpoint(play) as server, provider(server.url) as source:
        *deltas, _ = await collect(source)
    texts = [each.text for each in deltas if isinstance(each, Delta)]
    assert texts == ["a", "🍓b\ufffd", "\ufffd \ufffdc", "\ufffd"]


async def test_other_choices_comments_and_empty_chunks_are_passed_over() -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "ours"})
        await reply.chunk({"content": "theirs"}, index=1, reason="stop")
        await reply.response.write(b": still working\n\n")
        await reply.event("{}")
        await reply.event('{"choices": null, "usage": null}')
        await reply.chunk({"content": None}, reason="stop")
        await reply.done()

    async with endpoint(play) as server, provider(server.url) as source:
        assert await collect(source) == [Delta("ours"), ended("stop")]


async def test_what_the_model_called_complete_stays_so_when_the_connection_drops() -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "all"}, reason="stop")
        reply.drop()

    async with endpoint(play) as server, provider(server.url) as source:
        assert await collect(source) == [Delta("all"), ended("stop")]


async def test_many_answers_at_once_over_one_provider() -> None:
    async def play(reply: Reply) -> None:
        for number in range(20):
            await reply.chunk({"content": f"{number} "})
        await reply.chunk({}, reason="stop")
        await reply.done()

    async with endpoint(play) as server, provider(server.url) as source:
        answers = await asyncio.gather(*(collect(source) for _ in range(20)))
    assert len(server.bodies) == 20
    expected = [*(Delta(f"{number} ") for number in range(20)), ended("stop")]
    assert all(answer == expected for answer in answers)


async def test_loading_the_sdk_does_not_stall_the_loop() -> None:
    code = """
import asyncio, sys, time
from app.providers.openai import OpenAIProvider
from models.providing import (Prompt, ProviderError)
assert "openai" not in sys.modules
async def main():
    source = OpenAIProvider(base_url="http://127.0.0.1:1/v1", api_key="k")
    async def first():
        try:
            await anext(source.stream(Prompt("m", [], "k")))
        except ProviderError as error:
            assert error.retryable
    longest, task = 0.0, asyncio.create_task(first())
    while not task.done():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - began)
    await task
    await source.close()
    assert "openai" in sys.modules
    print(longest)
asyncio.run(main())
"""
    began = time.perf_counter()
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < 0.3, f"of {time.perf_counter() - began:.1f} s"

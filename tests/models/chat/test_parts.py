"""The parts of messages: our own JSON and what clients of other products kept."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from models.chat.parts import (
    FilePart,
    Part,
    ReasoningPart,
    SourcePart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    parts_of,
    shown_parts,
)

CALL = {"toolCallId": "c1", "toolName": "search", "args": {"q": "jam"}}
CASES: list[tuple[dict[str, Any], list[Part]]] = [
    ({"kind": "text", "text": "Hi"}, [TextPart("Hi")]),
    ({"type": "text", "text": "Hi"}, [TextPart("Hi")]),
    ({"kind": "reasoning", "text": "Hm"}, [ReasoningPart("Hm")]),
    ({"type": "reasoning", "reasoning": "Hm"}, [ReasoningPart("Hm")]),
    (
        {"kind": "tool_call", "text": '{"id": "c1", "name": "search", "arguments": {"q": 1}}'},
        [ToolCallPart("c1", "search", {"q": 1})],
    ),
    (
        {
            "kind": "tool_call",
            "text": '{"id": "c1", "name": "search", "arguments": "{\\"q\\": 1}"}',
        },
        [ToolCallPart("c1", "search", {"q": 1})],
    ),
    (
        {"kind": "tool_call", "text": '{"id": "c1", "name": "search", "arguments": "{\\"q"}'},
        [ToolCallPart("c1", "search", '{"q')],
    ),
    ({"kind": "tool_call", "text": '{"name": "sea'}, [ToolCallPart(None, None, '{"name": "sea')]),
    (
        {"type": "tool-invocation", "toolInvocation": {**CALL, "state": "call"}},
        [ToolCallPart("c1", "search", {"q": "jam"})],
    ),
    (
        {"type": "tool-invocation", "toolInvocation": {**CALL, "result": [1]}},
        [ToolCallPart("c1", "search", {"q": "jam"}), ToolResultPart("c1", "search", [1])],
    ),
    (
        {"type": "tool-search", "toolCallId": "c1", "input": {"q": 1}, "output": None},
        [ToolCallPart("c1", "search", {"q": 1}), ToolResultPart("c1", "search", None)],
    ),
    (
        {"kind": "tool_result", "callId": "c1", "name": "search", "result": "none"},
        [ToolResultPart("c1", "search", "none")],
    ),
    (
        {"type": "file", "url": "https://x.example", "filename": "a.pdf", "mediaType": "text/x"},
        [FilePart("https://x.example", "a.pdf", "text/x")],
    ),
    (
        {"type": "source", "source": {"url": "https://x.example", "title": "X"}},
        [SourcePart("https://x.example", "X")],
    ),
    ({"type": "source-url", "url": "https://x.example"}, [SourcePart("https://x.example", None)]),
    ({"type": "source-url", "url": "javascript:alert(1)"}, [SourcePart(None, None)]),
    ({"type": "file", "data": "data:text/html,x", "name": "a"}, [FilePart(None, "a", None)]),
    ({"type": "file", "url": "HTTP://x.example"}, [FilePart("HTTP://x.example", None, None)]),
    ({"type": "step-start"}, []),
    ({"type": 7, "text": "Hi"}, []),
    ({"type": "text", "text": 7}, [TextPart("")]),
    ({"type": "file"}, []),
    ({}, []),
]


@pytest.mark.parametrize(("json", "parts"), CASES)
def test_each_kind_is_read(json: dict[str, Any], parts: list[Part]) -> None:
    text = orjson.dumps([json])
    for given in ([json], text.decode(), orjson.Fragment(text)):
        assert parts_of("not this", given) == parts
        assert parts_of("not this", shown_parts(given)) == parts


def test_without_json_the_text_is_the_only_part() -> None:
    for nothing in (None, "null", {"a": 1}, '"x"', 7):
        assert parts_of("Hi", nothing) == [TextPart("Hi")]
        assert parts_of("", nothing) == []
        assert shown_parts(nothing) is None
    assert parts_of("Hi", [None, 7, "x", []]) == []

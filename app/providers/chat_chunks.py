"""Between our prompts and answers and the JSON of chat completions."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from models.providing import ContentPart, Delta, Finish, PartKind, PromptMessage
from models.storable import storable
from models.tools import Tool

if TYPE_CHECKING:
    from openai.types.chat import (
        ChatCompletionChunk,
        ChatCompletionMessageParam,
        ChatCompletionToolUnionParam,
    )

TOKENS = {
    "prompt_tokens": "inputTokens",
    "prompt_tokens_details.cached_tokens": "cachedInputTokens",
    "completion_tokens": "outputTokens",
    "completion_tokens_details.reasoning_tokens": "reasoningTokens",
}
"""What endpoints tell of tokens, and what we call it."""
MOST_TOKENS = 10**9
METADATA = {"id": "responseId", "model": "servedModel", "service_tier": "serviceTier"}
"""What else endpoints tell of a call, and what we call it."""
METADATA_LIMIT = 200  # characters


def request_messages(messages: Sequence[PromptMessage]) -> "list[ChatCompletionMessageParam]":
    """The messages as the protocol wants them; those without content are left out.

    The role `tool` needs the id of a call; without one it goes as `user`.
    """
    made: list[dict[str, Any]] = []
    for message in messages:
        role = "user" if message.role == "tool" and message.call_id is None else message.role
        if message.parts or message.calls:
            content = _content(role, message.parts) if message.parts else None
            made.append({"role": role, "content": content} | _calling(message))
    return cast("list[ChatCompletionMessageParam]", made)


def request_tools(tools: Sequence[Tool]) -> "list[ChatCompletionToolUnionParam]":
    """The tools as the protocol wants them."""
    made = [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }
        for tool in tools
    ]
    return cast("list[ChatCompletionToolUnionParam]", made)


def _calling(message: PromptMessage) -> dict[str, Any]:
    """What a turn tells of calls: those it made, or the one that it answers."""
    if message.call_id is not None:
        return {"tool_call_id": message.call_id}
    if not message.calls:
        return {}
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in message.calls
    ]
    return {"tool_calls": calls}


def _content(role: str, parts: Sequence[ContentPart]) -> str | list[dict[str, Any]]:
    """A plain string where that is possible, since not every endpoint takes a list.

    Only a user's message may hold images.
    """
    if role != "user" or all(part.kind == "text" for part in parts):
        return "\n\n".join(part.value if part.kind == "text" else "[image]" for part in parts)
    return [
        {"type": "text", "text": part.value}
        if part.kind == "text"
        else {"type": "image_url", "image_url": {"url": part.value}}
        for part in parts
    ]


class Answer:
    """One streamed answer as far as it came; `reason` is set once the model said it is done, and
    `usage` holds the tokens it told of.

    Parts are numbered as they first appear: all text is one, all reasoning one, each tool call
    one. A tool call's text is a JSON object with `id`, `name` and `arguments`, a string of JSON
    written by the model.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.usage: dict[str, int] = {}
        self._metadata: dict[str, str] = {}
        self._parts: dict[tuple[PartKind, int], int] = {}
        self._held: dict[int, str] = {}

    def read(self, chunk: "ChatCompletionChunk") -> Iterator[Delta]:
        """The deltas in a chunk.

        The SDK builds the chunk without checking it, so its declared types promise nothing: one
        that is no chat completion raises AttributeError, TypeError or ValueError.
        """
        for part, kind, text in self._read(chunk.to_dict(mode="python", warnings=False)):
            if whole := self._whole(part, text):
                yield Delta(whole, part, kind)

    def close(self) -> Iterator[Delta]:
        """What was held back, and the ends of the tool calls."""
        for (kind, _), part in self._parts.items():
            held = self._held.pop(part, "")
            rest = storable(held) + ('"}' if kind == "tool_call" else "")
            if rest:
                yield Delta(rest, part, kind)

    def finish(self) -> Finish:
        """The end of a closed answer."""
        return Finish(self.reason or "stop", dict(self.usage), dict(self._metadata))

    def _read(self, data: dict[str, Any]) -> Iterator[tuple[int, PartKind, str]]:
        self._count(data.get("usage") or {})
        for name, ours in METADATA.items():
            if isinstance(value := data.get(name), str) and value:
                self._metadata[ours] = storable(value[:METADATA_LIMIT])
        choices: list[dict[str, Any]] = data.get("choices") or []
        for choice in choices:
            if choice.get("index") or 0:
                continue
            delta: dict[str, Any] = choice.get("delta") or {}
            if thought := delta.get("reasoning_content") or delta.get("reasoning"):
                yield self._part("reasoning"), "reasoning", _text(thought)
            for name in ("content", "refusal"):
                if text := delta.get(name):
                    yield self._part("text"), "text", _text(text)
            calls: list[dict[str, Any]] = delta.get("tool_calls") or []
            for place, call in enumerate(calls):
                yield self._tool_call(call, place)
            # Some endpoints report a failure of theirs as a reason; that is no end.
            reason = choice.get("finish_reason")
            if reason and reason != "error":
                self.reason = _text(reason)

    def _count(self, usage: dict[str, Any]) -> None:
        for name, ours in TOKENS.items():
            found: Any = usage
            for key in name.split("."):
                found = cast("dict[str, Any]", found).get(key) if isinstance(found, dict) else None
            if type(found) is int and 0 <= found <= MOST_TOKENS:
                self.usage[ours] = found

    def _part(self, kind: PartKind, index: int = 0) -> int:
        return self._parts.setdefault((kind, index), len(self._parts))

    def _tool_call(self, call: dict[str, Any], place: int) -> tuple[int, PartKind, str]:
        index = call.get("index")
        key: tuple[PartKind, int] = ("tool_call", place if index is None else int(index))
        called: dict[str, Any] = call.get("function") or {}
        text = json.dumps(_text(called.get("arguments") or ""), ensure_ascii=False)[1:-1]
        if key not in self._parts:
            head = json.dumps({"id": call.get("id"), "name": called.get("name")})
            text = f'{head[:-1]}, "arguments": "{text}'
        return self._part(*key), "tool_call", text

    def _whole(self, part: int, text: str) -> str:
        """The text without a last half of a character, which waits for its other half."""
        text = self._held.pop(part, "") + text
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._held[part] = text[-1]
            text = text[:-1]
        return storable(text)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value

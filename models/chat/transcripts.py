"""The parts of an answer that called tools: how calls and results are written and read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

import orjson

from models.providing import Call, ContentPart, PromptMessage
from models.storable import too_deep

UNSTORABLE = "\\u0000"
"""PostgreSQL keeps no such character, in whatever JSON."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as a model asked for it; no arguments where no JSON object can be kept."""

    call_id: str
    name: str
    arguments: Mapping[str, Any] | None


def asked(text: str, number: int) -> Asked:
    """The call that a part holds; `number` names one to which the model gave no id."""
    call = _call(text, f"call_{number}")
    return Asked(call.id[:200], call.name[:200], _arguments(call.arguments))


def result_text(call_id: str, name: str, result: bytes, *, failed: bool) -> str:
    """The text of a part that tells what a call gave; `result` is JSON."""
    told: dict[str, Any] = {"callId": call_id, "name": name, "result": orjson.Fragment(result)}
    return orjson.dumps(told | {"failed": True} if failed else told).decode()


def turns(parts: Sequence[Mapping[str, str]]) -> list[PromptMessage]:
    """What a model said and was told so far, as turns of a prompt."""
    found: list[PromptMessage] = []
    for told, group in groupby(parts, lambda part: part["kind"] == "tool_result"):
        run = list(group)
        found += [_told(part["text"]) for part in run] if told else [_said(run)]
    return found


def _said(parts: Sequence[Mapping[str, str]]) -> PromptMessage:
    texts = [ContentPart("text", one["text"]) for one in parts if one["kind"] == "text"]
    calls = [one["text"] for one in parts if one["kind"] == "tool_call"]
    return PromptMessage("assistant", texts, calls=[_call(text, "call") for text in calls])


def _told(text: str) -> PromptMessage:
    told = orjson.loads(text)
    content = ContentPart("text", orjson.dumps(told["result"]).decode())
    return PromptMessage("tool", [content], call_id=told["callId"])


def _call(text: str, unnamed: str) -> Call:
    read = orjson.loads(text)
    arguments = read["arguments"]
    given = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    return Call(read["id"] or unnamed, read["name"] or "unnamed", given)


def _arguments(text: str) -> Mapping[str, Any] | None:
    if UNSTORABLE in text:
        return None
    try:
        read = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(read, dict) or too_deep(read):
        return None
    return cast("Mapping[str, Any]", read)

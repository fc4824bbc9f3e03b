"""The parts of a message: what `Message.parts` holds, as values of six kinds.

The JSON itself is kept as it came: our own (`kind`), or that of clients whose data was taken over
(`type`, as the AI SDK writes it). What is of no known kind is in the JSON only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson

from models.storable import too_deep


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text for the reader."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    """What the model thought."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A call of a tool."""

    call_id: str | None
    name: str | None
    arguments: Any


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    """What a tool gave."""

    call_id: str | None
    name: str | None
    result: Any


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file; no URL where it is not on the web."""

    url: str | None
    name: str | None
    media_type: str | None


@dataclass(frozen=True, slots=True)
class SourcePart:
    """Something the answer rests on."""

    url: str | None
    title: str | None


Part = TextPart | ReasoningPart | ToolCallPart | ToolResultPart | FilePart | SourcePart
Json = Mapping[str, Any]


def parts_of(content: str, parts: Any) -> list[Part]:
    """The parts of a message with this text and this JSON, which may be text of JSON itself."""
    known = _read(parts)
    if not isinstance(known, list):
        return [TextPart(content)] if content else []
    found = cast("list[Any]", known)
    return [part for one in found if isinstance(one, dict) for part in _parts(cast("Json", one))]


def shown_parts(parts: Any) -> list[Json] | None:
    """JSON, of our own kinds, of nothing but what is shown of this JSON; None for no parts."""
    known = _read(parts)
    return [_written(part) for part in parts_of("", known)] if isinstance(known, list) else None


def _written(part: Part) -> Json:
    match part:
        case TextPart(text):
            return {"kind": "text", "text": text}
        case ReasoningPart(text):
            return {"kind": "reasoning", "text": text}
        case ToolCallPart(id, name, arguments):
            call = {"id": id, "name": name, "arguments": _as_text(arguments)}
            return {"kind": "tool_call", "text": _as_text(call)}
        case ToolResultPart(id, name, result):
            told = {"callId": id, "name": name, "result": result}
            return {"kind": "tool_result", "text": _as_text(told)}
        case FilePart(url, name, media_type):
            return {"kind": "file", "url": url, "name": name, "mediaType": media_type}
        case SourcePart(url, title):
            return {"kind": "source", "url": url, "title": title}


def _as_text(value: Any) -> Any:
    """An object as text of JSON; any other value as it is."""
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


def _read(parts: Any) -> Any:
    if isinstance(parts, orjson.Fragment):
        parts = orjson.dumps(parts)
    return orjson.loads(parts) if isinstance(parts, str | bytes) else parts


def _parts(one: Json) -> Iterator[Part]:
    kind = _text(one, "kind", "type") or ""
    if kind.startswith("tool-") and kind not in _READERS:
        yield from _tool({**one, "toolName": kind[5:]})
    elif kind in _READERS:
        yield from _READERS[kind](one)


def _plain_text(one: Json) -> Iterator[Part]:
    yield TextPart(_text(one, "text") or "")


def _reasoning(one: Json) -> Iterator[Part]:
    yield ReasoningPart(_text(one, "text", "reasoning") or "")


def _call(one: Json) -> Iterator[Part]:
    """Our own is JSON as text, while it grows and after."""
    call = _from_text(one, "arguments")
    arguments = _object(_first(call, *_ARGUMENTS))
    yield ToolCallPart(_text(call, *_CALL_ID), _text(call, *_NAME), arguments)


def _object(arguments: Any) -> Any:
    """Arguments that a provider wrote as text of JSON; text that is no object stays text."""
    read = _object_in(arguments) if isinstance(arguments, str) else None
    return arguments if read is None else read


def _object_in(text: str) -> Json | None:
    """The object that text of JSON holds; None where it holds none, or one too deep to show."""
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return cast("Json", read) if isinstance(read, dict) and not too_deep(read) else None


def _result(one: Json) -> Iterator[Part]:
    one = _from_text(one, "result")
    yield ToolResultPart(_text(one, *_CALL_ID), _text(one, *_NAME), _first(one, *_RESULT))


def _from_text(one: Json, otherwise: str) -> Json:
    """What a part's text holds as JSON; text that is no object is all that is known."""
    if "text" not in one or "name" in one:
        return one
    read = _object_in(_text(one, "text") or "")
    return {otherwise: one["text"]} if read is None else read


def _tool(one: Json) -> Iterator[Part]:
    """A call with its result, once there is one."""
    inner = one.get("toolInvocation")
    call = cast("Json", inner) if isinstance(inner, dict) else one
    yield from _call(call)
    if any(name in call for name in _RESULT):
        yield from _result(call)


def _file(one: Json) -> Iterator[Part]:
    if "url" in one or "data" in one:
        url = _on_web(_text(one, "url", "data"))
        name, media_type = _text(one, "name", "filename"), _text(one, "mediaType", "mimeType")
        yield FilePart(url, name, media_type)


def _source(one: Json) -> Iterator[Part]:
    inner = one.get("source")
    source = cast("Json", inner) if isinstance(inner, dict) else one
    yield SourcePart(_on_web(_text(source, "url")), _text(source, "title", "filename"))


def _on_web(url: str | None) -> str | None:
    """A URL that a browser may be sent to; None for any other."""
    return url if url is not None and url.lower().startswith(("http://", "https://")) else None


_CALL_ID = ("callId", "toolCallId", "id")
_NAME = ("name", "toolName")
_ARGUMENTS = ("arguments", "args", "input")
_RESULT = ("result", "output")
_READERS: dict[str, Callable[[Json], Iterator[Part]]] = {
    "text": _plain_text,
    "reasoning": _reasoning,
    "tool_call": _call,
    "tool-call": _call,
    "tool_result": _result,
    "tool-result": _result,
    "tool-invocation": _tool,
    "dynamic-tool": _tool,
    "file": _file,
    "source": _source,
    "source-url": _source,
    "source-document": _source,
}


def _first(one: Json, *names: str) -> Any:
    return next((one[name] for name in names if name in one), None)


def _text(one: Json, *names: str) -> str | None:
    """The first of some values that is text."""
    return next((value for name in names if isinstance(value := one.get(name), str)), None)

"""ChatGPT's data export: each conversation is a map of nodes that name their parents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.chats import values
from app.chats.chat import Chat, Json, Part, Turn, Unfit
from app.chats.entries import Entry
from app.chats.findings import Notes
from models.chat.messages import MessageRole

PROVIDER = "openai"
MOST_SOURCES = 100

_ROLES = {
    "user": MessageRole.USER,
    "assistant": MessageRole.ASSISTANT,
    "system": MessageRole.SYSTEM,
    "tool": MessageRole.TOOL,
}
_TO_ALL = {"", "all", "assistant"}
_UNSHOWN = ("user_editable_context", "model_editable_context")
"""Kinds of content that ChatGPT shows to nobody."""
_POINTER = re.compile(r"(?:file-service|sediment)://[\w.#-]{1,200}")


@dataclass(frozen=True, slots=True)
class Node:
    """Where in the export a message is."""

    id: str
    parent: str | None
    notes: Notes

    def bounded(self, said: str) -> str:
        """A text that is no longer than a message's."""
        return values.bounded(said, self.notes, self.id)


def read_chat(entry: Entry, notes: Notes) -> Chat:
    """A conversation of the export. Raises Unfit."""
    key = values.key(entry.get("conversation_id")) or values.key(entry.get("id"))
    if key is None:
        raise Unfit("no id")
    notes = notes.of(key)
    if not isinstance(entry.get("mapping"), dict):
        raise Unfit("no messages")
    nodes = values.mapping(entry["mapping"])
    return Chat(
        key,
        title=values.text(entry.get("title")),
        made=values.moment(entry.get("create_time"), notes),
        changed=values.moment(entry.get("update_time"), notes),
        turns=[_turn(id, node, notes) for id, node in nodes.items()],
        current=values.key(entry.get("current_node")),
        pinned=entry.get("is_starred") is True,
        archived=entry.get("is_archived") is True,
    )


def _turn(id: str, node: Any, notes: Notes) -> Turn:
    """A node; one that is hidden or says nothing only leads on."""
    if not isinstance(node, dict):
        notes.flaw("message left out: not an object", id)
    parent = values.key(values.mapping(node).get("parent"))
    message = values.mapping(values.mapping(node).get("message"))
    metadata = values.mapping(message.get("metadata"))
    if not message or _hidden(message, metadata):
        return Turn(id, parent)
    author = values.mapping(message.get("author"))
    role = _ROLES.get(values.text(author.get("role")))
    if role is None:
        notes.flaw("message left out: unknown role", id)
        return Turn(id, parent)
    parts = _said(message, role, Node(id, parent, notes))
    parts += [*_attached(metadata, parts), *_sources(metadata)]
    finish = values.mapping(metadata.get("finish_details"))
    return Turn(
        id,
        parent,
        role if parts else None,
        at=values.moment(message.get("create_time"), notes, id),
        parts=parts,
        model=values.text(metadata.get("model_slug")) or None,
        finish_reason=values.text(finish.get("type")) or None,
        failed=message.get("status") == "in_progress",
    )


def _hidden(message: Json, metadata: Json) -> bool:
    kind = values.mapping(message.get("content")).get("content_type")
    return metadata.get("is_visually_hidden_from_conversation") is True or kind in _UNSHOWN


def _said(message: Json, role: MessageRole, node: Node) -> list[Part]:
    """What a node says: to everybody, to a tool, or as one."""
    content = values.mapping(message.get("content"))
    recipient = values.text(message.get("recipient"))
    if role is MessageRole.ASSISTANT and recipient not in _TO_ALL:
        return [values.call_part(node.id, recipient, node.bounded(_arguments(content)))]
    parts = [
        {**part, "text": node.bounded(part["text"])} if "text" in part else part
        for part in _parts(content, node)
    ]
    if role is not MessageRole.TOOL:
        return parts
    name = values.mapping(message.get("author")).get("name")
    failed = content.get("content_type") == "system_error"
    return [
        values.result_part(node.parent, name, part["text"], failed=failed)
        if part["kind"] == "text"
        else part
        for part in parts
    ]


def _arguments(content: Json) -> str:
    """What a tool is called with, as the model wrote it."""
    parts = (one for one in values.listed(content.get("parts")) if isinstance(one, str))
    return values.text(content.get("text")) or "\n".join(parts)


def _parts(content: Json, node: Node) -> Iterator[Part]:
    """The parts of a node's content, by its kind."""
    kind = values.text(content.get("content_type"))
    if kind not in _READERS:
        node.notes.flaw("content of an unknown kind: only its text is kept", node.id)
    yield from _READERS.get(kind, _plain)(content)


def _text(content: Json) -> Iterator[Part]:
    """Texts, and in a multimodal message also what says where pictures and sounds are."""
    for one in values.listed(content.get("parts")):
        part = values.mapping(one)
        said = values.text(one) or values.text(part.get("text"))
        if said.strip():
            yield values.text_part(said)
        yield from _pointed(part)


def _pointed(part: Json) -> Iterator[Part]:
    """A file that is told by a pointer of ChatGPT's own, which leads nowhere else."""
    pointer = values.text(part.get("asset_pointer"))
    if _POINTER.fullmatch(pointer):
        media = "image" if "image" in values.text(part.get("content_type")) else "audio"
        yield {"kind": "file", "url": pointer, "mediaType": media}
    for inner in ("audio_asset_pointer", "video_container_asset_pointer"):
        if isinstance(part.get(inner), dict):
            yield from _pointed(values.mapping(part[inner]))


def _attached(metadata: Json, parts: Sequence[Part]) -> Iterator[Part]:
    """The files of a user's message that its content does not point to."""
    pointed = {part["url"].rpartition("/")[2] for part in parts if part["kind"] == "file"}
    for one in values.objects(metadata.get("attachments")):
        pointer = f"file-service://{values.text(one.get('id'))}"
        if _POINTER.fullmatch(pointer) and one.get("id") not in pointed:
            media = values.text(one.get("mime_type")) or values.text(one.get("mimeType"))
            name = values.text(one.get("name"))
            yield {"kind": "file", "url": pointer, "name": name or None, "mediaType": media or None}


def _sources(metadata: Json) -> Iterator[Part]:
    """The pages that an answer cites, each once."""
    found: dict[str, Part] = {}
    for name in ("citations", "content_references"):
        for one in values.objects(metadata.get(name)):
            for told in (
                one,
                values.mapping(one.get("metadata")),
                *values.objects(one.get("items")),
            ):
                if part := values.source_part(told.get("url"), told.get("title")):
                    found.setdefault(part["url"], part)
    return islice(found.values(), MOST_SOURCES)


def _code(content: Json) -> Iterator[Part]:
    if said := values.text(content.get("text")):
        language = values.text(content.get("language"))
        fence = re.sub(r"\W", "", language if language != "unknown" else "")
        yield values.text_part(f"```{fence}\n{said}\n```")


def _plain(content: Json) -> Iterator[Part]:
    if said := values.text(content.get("text")) or values.text(content.get("result")):
        yield values.text_part(said)


def _quote(content: Json) -> Iterator[Part]:
    yield from _plain(content)
    if part := values.source_part(content.get("url"), content.get("title")):
        yield part


def _thoughts(content: Json) -> Iterator[Part]:
    for thought in values.objects(content.get("thoughts")):
        told = (values.text(thought.get(name)) for name in ("summary", "content"))
        if said := "\n\n".join(filter(None, told)):
            yield values.reasoning_part(said)


def _recap(content: Json) -> Iterator[Part]:
    if said := values.text(content.get("content")):
        yield values.reasoning_part(said)


_READERS: dict[str, Callable[[Json], Iterator[Part]]] = {
    "text": _text,
    "multimodal_text": _text,
    "code": _code,
    "execution_output": _plain,
    "computer_output": _plain,
    "system_error": _plain,
    "tether_browsing_display": _plain,
    "tether_quote": _quote,
    "thoughts": _thoughts,
    "reasoning_recap": _recap,
}

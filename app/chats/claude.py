"""Claude's data export: a conversation is a list of messages, some of which name their parents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from app.chats import values
from app.chats.chat import Chat, Json, Part, Turn, Unfit
from app.chats.entries import Entry
from app.chats.findings import Notes
from models.chat.messages import MessageRole

PROVIDER = "anthropic"

_ROLES = {"human": MessageRole.USER, "assistant": MessageRole.ASSISTANT}
_NO_PARENT = "00000000-0000-4000-8000-000000000000"


def read_chat(entry: Entry, notes: Notes) -> Chat:
    """A conversation of the export. Raises Unfit."""
    key = values.key(entry.get("uuid"))
    if key is None:
        raise Unfit("no id")
    notes = notes.of(key)
    if not isinstance(entry.get("chat_messages"), list):
        raise Unfit("no messages")
    turns = list(_turns(entry["chat_messages"], values.text(entry.get("model")), notes))
    return Chat(
        key,
        title=values.text(entry.get("name")),
        made=values.moment(entry.get("created_at"), notes),
        changed=values.moment(entry.get("updated_at"), notes),
        turns=turns,
        current=values.key(entry.get("current_leaf_message_uuid")),
        pinned=entry.get("is_starred") is True,
    )


def _turns(messages: list[Any], model: str, notes: Notes) -> Iterator[Turn]:
    """The messages; one that does not say what it follows follows the one before."""
    before: str | None = None
    for number, one in enumerate(messages, 1):
        message = values.mapping(one)
        id = values.key(message.get("uuid"))
        if id is None:
            notes.flaw("message left out: no id", f"number {number:,}")
            continue
        parent = before
        if "parent_message_uuid" in message:
            parent = values.key(message["parent_message_uuid"])
        yield _turn(id, None if parent == _NO_PARENT else parent, message, model, notes)
        before = id


def _turn(id: str, parent: str | None, message: Json, model: str, notes: Notes) -> Turn:
    role = _ROLES.get(values.text(message.get("sender")))
    if role is None:
        notes.flaw("message left out: unknown role", id)
        return Turn(id, parent)
    parts = [
        {**part, "text": values.bounded(part["text"], notes, id)} if "text" in part else part
        for part in _parts(message, notes, id)
    ]
    return Turn(
        id,
        parent,
        role if parts else None,
        at=values.moment(message.get("created_at"), notes, id),
        parts=parts,
        model=model or None if role is MessageRole.ASSISTANT else None,
        finish_reason=values.text(message.get("stop_reason")) or None,
    )


def _parts(message: Json, notes: Notes, id: str) -> Iterator[Part]:
    """The parts of a message: its blocks or, without any, its text; then what was attached."""
    blocks = [*values.objects(message.get("content"))]
    for block in blocks or [{"type": "text", "text": message.get("text")}]:
        kind = values.text(block.get("type"))
        if kind not in _READERS:
            notes.flaw("content of an unknown kind: only its text is kept", id)
        yield from _READERS.get(kind, _text)(block)
    for one in values.objects(message.get("attachments")):
        yield from _attached(one, values.text(one.get("extracted_content")))
    for one in values.objects(message.get("files")):
        yield from _attached(one, "")


def _attached(file: Json, extracted: str) -> Iterator[Part]:
    """The name of a file, and the text that was read out of it. The export has no more of it."""
    told = (values.text(file.get("file_name")), extracted)
    if any(told):
        yield values.text_part("\n\n".join(filter(None, told)))


def _text(block: Json) -> Iterator[Part]:
    said = values.text(block.get("text"))
    if said.strip():
        yield values.text_part(said)
    for one in values.objects(block.get("citations")):
        if part := values.source_part(one.get("url"), one.get("title")):
            yield part


def _thinking(block: Json) -> Iterator[Part]:
    if said := values.text(block.get("thinking")):
        yield values.reasoning_part(said)


def _tool_use(block: Json) -> Iterator[Part]:
    yield values.call_part(block.get("id"), block.get("name"), block.get("input"))


def _tool_result(block: Json) -> Iterator[Part]:
    """What a tool gave: text where it is nothing else."""
    content = block.get("content")
    told = [*values.objects(content)]
    if told and all(one.get("type") == "text" for one in told):
        content = "\n".join(values.text(one.get("text")) for one in told)
    failed = block.get("is_error") is True
    yield values.result_part(block.get("tool_use_id"), block.get("name"), content, failed=failed)


def _nothing(_block: Json) -> Iterator[Part]:
    """What is of no use outside of Claude."""
    return iter(())


_READERS: dict[str, Callable[[Json], Iterator[Part]]] = {
    "text": _text,
    "voice_note": _text,
    "thinking": _thinking,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "token_budget": _nothing,
    "flag": _nothing,
}

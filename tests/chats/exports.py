"""Exports of chats as ChatGPT and Claude write them, made up for tests."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

START = 1_700_000_000.25  # s

HIDDEN = {"is_visually_hidden_from_conversation": True}
MODEL = {"model_slug": "gpt-4o"}

Json = dict[str, Any]


def chatgpt_message(id: str, role: str, text: str | None, **more: Any) -> Json:
    """A message as ChatGPT keeps it; `content` and `metadata` replace the usual ones."""
    usual = {"content_type": "text", "parts": [text or ""]}
    return {
        "id": id,
        "author": {"role": role, "name": more.pop("name", None), "metadata": {}},
        "create_time": more.pop("at", START),
        "content": more.pop("content", usual),
        "status": "finished_successfully",
        "metadata": more.pop("metadata", {}),
        "recipient": more.pop("recipient", "all"),
    } | more


def chatgpt_node(id: str, parent: str | None, message: Json | None) -> Json:
    """A node of a mapping."""
    return {"id": id, "message": message, "parent": parent, "children": []}


def chatgpt_chat(nodes: Sequence[Json], id: str = "chat-1", **more: Any) -> Json:
    """A conversation of these nodes, the last of which was shown."""
    return {
        "title": "Quince jam",
        "create_time": START,
        "update_time": START + 60,
        "mapping": {node["id"]: node for node in nodes},
        "current_node": nodes[-1]["id"] if nodes else None,
        "conversation_id": id,
        "id": id,
        "is_archived": False,
    } | more


def said(id: str, parent: str | None, role: str, text: str, **more: Any) -> Json:
    """A node that says something."""
    return chatgpt_node(id, parent, chatgpt_message(id, role, text, **more))


def jam(**more: Any) -> Json:
    """A hidden beginning, a question, two versions of its answer, and what follows the first."""
    return chatgpt_chat(
        [
            chatgpt_node("root", None, None),
            said("sys", "root", "system", "", metadata=HIDDEN),
            said("q", "sys", "user", "How do I cook quince jam?"),
            said("a1", "q", "assistant", "Slowly.", at=START + 1, metadata=MODEL),
            said("a2", "q", "assistant", "With sugar.", at=START + 2),
            said("q2", "a1", "user", "How slowly?", at=START + 3),
            said("a3", "q2", "assistant", "Two hours.", at=START + 4),
        ],
        **more,
    )


def claude_message(id: str, sender: str, text: str, **more: Any) -> Json:
    """A message as Claude keeps it."""
    return {
        "uuid": id,
        "text": text,
        "content": [{"type": "text", "text": text}],
        "sender": sender,
        "created_at": "2024-03-01T10:00:00.123456Z",
        "updated_at": "2024-03-01T10:00:00.123456Z",
        "attachments": [],
        "files": [],
    } | more


def claude_chat(messages: Sequence[Any], id: str = "chat-1", **more: Any) -> Json:
    """A conversation of these messages."""
    return {
        "uuid": id,
        "name": "Pears",
        "created_at": "2024-03-01T09:59:00Z",
        "updated_at": "2024-03-01T11:00:00Z",
        "account": {"uuid": "account-1"},
        "chat_messages": list(messages),
    } | more


def written(path: Path, *chats: Any) -> Path:
    """A `conversations.json` of these entries."""
    path.write_text(json.dumps(chats))
    return path


def zipped(path: Path, files: Mapping[str, Any]) -> Path:
    """A ZIP of these files; what is no text becomes JSON."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            archive.writestr(name, text)
    return path

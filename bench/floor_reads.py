"""The floor's four answers that read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

Row = Mapping[str, Any]

PROJECT = """\
SELECT id, name, framework, description, showcased, created_at, updated_at FROM project
WHERE id = $1 AND owner_id = $2 AND deleted_at IS NULL"""

PAGE = """\
SELECT m.id, m.role, m.type, m.status, m.content, m.order_id, m.created_at,
    f.id AS fragment_id, f.title, f.sandbox_url, f.framework, f.files
FROM message m LEFT JOIN fragment f ON f.message_id = m.id
WHERE m.project_id = $1 AND m.on_branch ORDER BY m.order_id, m.id LIMIT 31"""

ATTACHMENTS = """\
SELECT message_id, id, type, url, file_name, size FROM attachment
WHERE message_id = ANY ($1::text[]) ORDER BY message_id, created_at, id"""

PROJECTS = """\
SELECT id, name, framework, updated_at FROM project
WHERE owner_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $2"""

NEWEST = """\
SELECT m.* FROM unnest($1::text[]) AS parent (id) CROSS JOIN LATERAL (
    SELECT project_id, id, role, content, created_at FROM message
    WHERE project_id = parent.id AND on_branch ORDER BY order_id DESC, id DESC LIMIT 5
) m"""

FIRST_HUNDRED = """\
SELECT m.* FROM unnest($1::text[]) AS parent (id) CROSS JOIN LATERAL (
    SELECT project_id, id, role, type, status, content, order_id, created_at, updated_at
    FROM message WHERE project_id = parent.id AND on_branch ORDER BY order_id, id LIMIT 100
) m"""


def shown(at: datetime) -> str:
    """A time in milliseconds, as the API shows it."""
    return at.isoformat(timespec="milliseconds")[:-6] + "Z"


async def project(connection: Any, user: str, variables: Mapping[str, Any]) -> Any:
    """One project."""
    row = await connection.fetchrow(PROJECT, variables["id"], user)
    found = row and {
        "id": row["id"],
        "name": row["name"],
        "framework": row["framework"],
        "description": row["description"],
        "showcased": row["showcased"],
        "createdAt": shown(row["created_at"]),
        "updatedAt": shown(row["updated_at"]),
    }
    return {"project": found}


async def page(connection: Any, user: str, variables: Mapping[str, Any]) -> Any:
    """A project with its first 30 messages, their fragments and attachments."""
    row = await connection.fetchrow(PROJECT, variables["id"], user)
    if row is None:
        return {"project": None}
    rows = await connection.fetch(PAGE, row["id"])
    attachments = await _attachments(connection, rows[:30], _attachment)
    nodes = [_message(one, attachments[one["id"]]) for one in rows[:30]]
    messages = {"nodes": nodes, "pageInfo": {"hasNextPage": len(rows) > 30}}
    return {"project": {"id": row["id"], "name": row["name"], "messages": messages}}


async def projects(connection: Any, user: str, _variables: Mapping[str, Any]) -> Any:
    """The newest 20 projects with their 5 newest messages and those attachments."""
    rows = await connection.fetch(PROJECTS, user, 21)
    more, rows = len(rows) > 20, rows[:20]
    newest = await connection.fetch(NEWEST, [row["id"] for row in rows])
    attachments = await _attachments(connection, newest, _short_attachment)
    lists: dict[str, list[Any]] = {row["id"]: [] for row in rows}
    for one in reversed(newest):
        lists[one["project_id"]].append(_short_message(one, attachments[one["id"]]))
    nodes = [
        {
            "id": row["id"],
            "name": row["name"],
            "framework": row["framework"],
            "updatedAt": shown(row["updated_at"]),
            "messages": {"nodes": lists[row["id"]]},
        }
        for row in rows
    ]
    return {"projects": {"nodes": nodes, "pageInfo": {"hasNextPage": more}}}


async def thousand(connection: Any, user: str, _variables: Mapping[str, Any]) -> Any:
    """The first 100 messages of the newest 10 projects."""
    rows = await connection.fetch(PROJECTS, user, 10)
    lists: dict[str, list[Any]] = {row["id"]: [] for row in rows}
    for one in await connection.fetch(FIRST_HUNDRED, list(lists)):
        lists[one["project_id"]].append(_whole_message(one))
    nodes = [{"messages": {"nodes": found}} for found in lists.values()]
    return {"projects": {"nodes": nodes}}


async def _attachments(connection: Any, messages: Sequence[Row], show: Any) -> Mapping[str, Any]:
    found: dict[str, list[Any]] = {row["id"]: [] for row in messages}
    for row in await connection.fetch(ATTACHMENTS, list(found)):
        found[row["message_id"]].append(show(row))
    return found


def _message(row: Row, attachments: list[Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "role": row["role"],
        "type": row["type"],
        "status": row["status"],
        "content": row["content"],
        "orderId": row["order_id"],
        "createdAt": shown(row["created_at"]),
        "fragment": _fragment(row) if row["fragment_id"] else None,
        "attachments": attachments,
    }


def _fragment(row: Row) -> dict[str, Any]:
    return {
        "id": row["fragment_id"],
        "title": row["title"],
        "sandboxUrl": row["sandbox_url"],
        "framework": row["framework"],
        "files": orjson.Fragment(row["files"]),
    }


def _attachment(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "type": row["type"],
        "url": row["url"],
        "fileName": row["file_name"],
        "size": row["size"],
    }


def _short_message(row: Row, attachments: list[Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "role": row["role"],
        "content": row["content"],
        "createdAt": shown(row["created_at"]),
        "attachments": attachments,
    }


def _short_attachment(row: Row) -> dict[str, Any]:
    return {"id": row["id"], "type": row["type"], "url": row["url"]}


def _whole_message(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "role": row["role"],
        "type": row["type"],
        "status": row["status"],
        "content": row["content"],
        "orderId": row["order_id"],
        "createdAt": shown(row["created_at"]),
        "updatedAt": shown(row["updated_at"]),
    }

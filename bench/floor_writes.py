"""The floor's answer that writes.

It writes, in one transaction, the rows that `createMessage` writes (models.chat.sending and
models.transaction): the message, the main conversation's `last_order_id`, `last_message_at` and
`updated_at`, and one row of the event log with a note on each of the two. Like there, the
conversation is locked first, and an answer that is being written is in the way. It sends no
NOTIFY: Punnet's goes out on a connection of its own, once for all commits of 5 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson

from bench.floor_reads import shown
from models import ids

CONVERSATION = """\
UPDATE conversation c
SET last_order_id = c.last_order_id + 1, last_message_at = $3, updated_at = $3
FROM project p
WHERE p.id = $1 AND p.owner_id = $2 AND p.deleted_at IS NULL
    AND c.project_id = p.id AND c.main AND c.deleted_at IS NULL
RETURNING c.id, c.owner_id, c.user_id, c.project_id, c.pinned, c.pinned_at,
    c.last_order_id"""

TAIL = """\
SELECT id, status FROM message WHERE conversation_id = $1 AND on_branch
ORDER BY order_id DESC, id DESC LIMIT 1"""

MESSAGE = """\
INSERT INTO message (id, created_at, updated_at, owner_id, conversation_id, project_id, user_id,
    role, type, status, content, order_id, parent_id, branch_index, selected, on_branch,
    content_epoch)
VALUES ($1, $2, $2, $3, $4, $5, $6, 'USER', 'RESULT', 'COMPLETE', $7, $8, $9, 0, true, true, 0)"""

LOG = """\
INSERT INTO event_log (owner_id, changes, actor_id, verb, request_id, at)
VALUES ($1, $2, $3, 'create_message', $4, $5)"""

CONVERSATION_KEYS = ("owner_id", "user_id", "project_id", "pinned", "pinned_at")
MESSAGE_COLUMNS = [
    "id", "created_at", "updated_at", "owner_id", "conversation_id", "project_id", "user_id",
    "role", "type", "status", "outcome", "content", "parts", "order_id", "message_group_id",
    "model", "provider", "parent_id", "regenerated_from_id", "branch_index", "selected",
    "on_branch", "client_message_id", "usage", "citations", "finish_reason", "error", "error_code",
    "content_epoch",
]  # fmt: skip


class Busy(RuntimeError):
    """There is no such project, or an answer is being written in it."""


async def create(connection: Any, user: str, variables: Mapping[str, Any]) -> Any:
    """Add a message to a project's main conversation."""
    moment = datetime.now(UTC)
    now = moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
    id, content, project = ids.new_id("msg"), variables["content"], variables["to"]["projectId"]
    async with connection.transaction():
        place = await connection.fetchrow(CONVERSATION, project, user, now)
        tail = place and await connection.fetchrow(TAIL, place["id"])
        if place is None or (tail and tail["status"] != "COMPLETE"):
            raise Busy
        order, parent = place["last_order_id"], tail and tail["id"]
        owner, conversation = place["owner_id"], place["id"]
        await connection.execute(
            MESSAGE, id, now, owner, conversation, project, user, content, order, parent
        )
        changes = orjson.dumps(_changes(place, id, parent)).decode()
        await connection.execute(LOG, owner, changes, user, uuid4().hex, now)
    message = {
        "id": id,
        "role": "USER",
        "status": "COMPLETE",
        "content": content,
        "orderId": order,
        "createdAt": shown(now),
    }
    return {"createMessage": {"message": message}}


def _changes(place: Mapping[str, Any], id: str, parent: str | None) -> list[dict[str, Any]]:
    """The notes of the conversation and the message, as models.changes.Change.as_json has them."""
    conversation = {name: place[name] for name in CONVERSATION_KEYS}
    message = {
        "conversation_id": place["id"],
        "project_id": place["project_id"],
        "role": "USER",
        "order_id": place["last_order_id"],
        "parent_id": parent,
        "branch_index": 0,
        "client_message_id": None,
    }
    counted = ["last_message_at", "last_order_id", "updated_at"]
    return [
        {
            "op": "change",
            "id": place["id"],
            "columns": counted,
            "old": conversation,
            "new": conversation,
        },
        {"op": "add", "id": id, "columns": sorted(MESSAGE_COLUMNS), "old": {}, "new": message},
    ]

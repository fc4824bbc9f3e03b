"""Where new messages come in their conversations, and what that changes of these.

An import renumbers: new messages follow what the conversation has, by createdAt, then
_creationTime, then _id, each under the one before (domain, Message order).
"""

from __future__ import annotations

from typing import Any

_NEW = "r.kept AND NOT r.gone AND NOT r.here"

_LOCK = f"""\
SELECT c.id FROM conversation c
WHERE c.id IN (SELECT r.conversation_id FROM resolved_messages r WHERE {_NEW})
ORDER BY c.id FOR NO KEY UPDATE"""

_PLACE = f"""\
CREATE TEMPORARY TABLE placed_message ON COMMIT DROP AS
SELECT r.doc_line, r.conversation_id, r.created_at,
    c.last_order_id + row_number() OVER place AS order_id,
    coalesce(lag(r.id) OVER place, c.tail) AS parent_id
FROM resolved_messages r JOIN staged_messages s USING (doc_line) JOIN (
    SELECT c.id, c.last_order_id, (
        SELECT m.id FROM message m WHERE m.conversation_id = c.id AND m.on_branch
        ORDER BY m.order_id DESC, m.id DESC LIMIT 1
    ) AS tail FROM conversation c
    WHERE c.id IN (SELECT r.conversation_id FROM resolved_messages r WHERE {_NEW})
) c ON c.id = r.conversation_id
WHERE {_NEW}
WINDOW place AS (PARTITION BY r.conversation_id ORDER BY r.created_at, s.doc_at, s.doc_id)"""

_COUNT_ON = """\
UPDATE conversation c SET last_order_id = p.last,
    last_message_at = greatest(c.last_message_at, p.at),
    updated_at = greatest(c.updated_at, p.at)
FROM (
    SELECT conversation_id, max(order_id) AS last, max(created_at) AS at
    FROM placed_message GROUP BY conversation_id
) p WHERE c.id = p.conversation_id"""


async def place_messages(connection: Any) -> None:
    """Give each new message its order and parent; holds their conversations until the end."""
    await connection.execute(_LOCK)
    await connection.execute(_PLACE)
    await connection.execute("ANALYZE placed_message")


async def count_on(connection: Any) -> None:
    """Bring the conversations up to their new messages."""
    await connection.execute(_COUNT_ON)

"""Where new messages come in the trees of their conversations, and what that changes of these.

An import renumbers: new messages follow what the conversation has, in the order that the source
gives them, then by _creationTime, then _id (domain, Message order). Each lies under

- the message that the source names, if that is an earlier one of the same conversation;
- with an answer before it that belongs to the same group, beside that one;
- else the one before, past such answers but the first; at the start of what is new, the end of
  the branch that is shown.

Of new siblings one is selected: which the source says, else the first answer of a group, else the
newest. Where one was selected here, it stays so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.convex.report import Report

_NEW = "r.kept AND NOT r.gone AND NOT r.here"
_FAMILY = "coalesce({0}.parent_id, {0}.conversation_id)"

_LOCK = f"""\
SELECT c.id FROM conversation c
WHERE c.id IN (SELECT r.conversation_id FROM resolved_messages r WHERE {_NEW})
ORDER BY c.id FOR NO KEY UPDATE"""

_NUMBER = f"""\
CREATE TEMPORARY TABLE numbered_message ON COMMIT DROP AS
WITH numbered AS (
    SELECT r.doc_line, r.id, r.conversation_id, r.created_at, c.tail,
        r.told_parent, r.told_root, r.told_selected,
        c.last_order_id + row_number() OVER place AS order_id,
        r.told_parent IS NULL AND s.role = 'ASSISTANT' AND lag(s.role) OVER place = s.role
            AND r.told_group = lag(r.told_group) OVER place AS beside
    FROM resolved_messages r JOIN staged_messages s USING (doc_line) JOIN (
        SELECT c.id, c.last_order_id, (
            SELECT m.id FROM message m WHERE m.conversation_id = c.id AND m.on_branch
            ORDER BY m.order_id DESC, m.id DESC LIMIT 1
        ) AS tail FROM conversation c
        WHERE c.id IN (SELECT r.conversation_id FROM resolved_messages r WHERE {_NEW})
    ) c ON c.id = r.conversation_id
    WHERE {_NEW}
    WINDOW place AS (PARTITION BY r.conversation_id ORDER BY r.told_order, s.doc_at, s.doc_id)
)
SELECT n.*, max(order_id) FILTER (WHERE beside IS NOT TRUE) OVER (
    PARTITION BY conversation_id ORDER BY order_id
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
) AS before FROM numbered n"""

_EARLIER = "q.conversation_id = n.conversation_id AND NOT q.gone"
_HANG = f"""\
CREATE TEMPORARY TABLE hung_message ON COMMIT DROP AS
SELECT n.*, t.id IS NOT NULL AS told, CASE
    WHEN t.id IS NOT NULL THEN t.id
    WHEN n.told_root AND n.told_parent IS NULL THEN NULL
    WHEN n.before IS NULL THEN n.tail
    ELSE b.id END AS parent_id
FROM numbered_message n
LEFT JOIN numbered_message b
    ON b.conversation_id = n.conversation_id AND b.order_id = n.before
LEFT JOIN (
    SELECT n.doc_line, q.id FROM numbered_message n
    JOIN resolved_messages q ON q.doc_id = n.told_parent AND {_EARLIER}
    LEFT JOIN numbered_message e ON e.id = q.id
    WHERE e.order_id < n.order_id OR EXISTS (
        SELECT FROM message m WHERE m.id = q.id AND m.conversation_id = n.conversation_id)
) t ON t.doc_line = n.doc_line"""

_PLACE = f"""\
CREATE TEMPORARY TABLE placed_message ON COMMIT DROP AS
WITH placed AS (
    SELECT h.doc_line, h.id, h.conversation_id, h.created_at, h.order_id, h.beside, h.told_selected,
        CASE WHEN h.beside THEN first.parent_id ELSE h.parent_id END AS parent_id
    FROM hung_message h LEFT JOIN hung_message first
        ON h.beside AND first.conversation_id = h.conversation_id AND first.order_id = h.before
), known AS (
    SELECT {_FAMILY.format("m")} AS family, max(m.branch_index) + 1 AS next, bool_or(m.selected)
    FROM message m WHERE {_FAMILY.format("m")} IN (SELECT {_FAMILY.format("p")} FROM placed p)
    GROUP BY 1
)
SELECT p.doc_line, p.id, p.conversation_id, p.created_at, p.order_id, p.parent_id,
    coalesce(k.next, 0) + row_number() OVER (PARTITION BY {_FAMILY.format("p")}
        ORDER BY p.order_id) - 1 AS branch_index,
    k.family IS NULL AND row_number() OVER (PARTITION BY {_FAMILY.format("p")}
        ORDER BY p.told_selected IS TRUE DESC, p.beside IS TRUE, p.order_id DESC) = 1 AS selected
FROM placed p LEFT JOIN known k ON k.family = {_FAMILY.format("p")}"""

_HIDE = """\
CREATE TEMPORARY TABLE hidden_message ON COMMIT DROP AS
WITH RECURSIVE hidden AS (
    SELECT p.id FROM placed_message p LEFT JOIN message m ON m.id = p.parent_id
    WHERE NOT p.selected OR NOT m.on_branch
    UNION
    SELECT p.id FROM hidden h JOIN placed_message p ON p.parent_id = h.id
)
SELECT id FROM hidden"""

_COUNT_ON = """\
WITH placed AS (
    SELECT conversation_id AS id, min(order_id) - 1 AS before, max(order_id) AS last,
        max(created_at) AS at
    FROM placed_message GROUP BY conversation_id
), known AS (
    SELECT c.id, c.updated_at FROM conversation c JOIN placed p USING (id)
), counted AS (
    UPDATE conversation c SET last_order_id = p.last,
        last_read_order_id = CASE WHEN coalesce(c.last_read_order_id, 0) >= p.before
            THEN p.last ELSE c.last_read_order_id END,
        last_message_at = greatest(c.last_message_at, p.at),
        updated_at = greatest(c.updated_at, p.at)
    FROM placed p WHERE c.id = p.id
    RETURNING c.id, c.updated_at
)
UPDATE import_mark m SET row_updated_at = c.updated_at
FROM counted c JOIN known k USING (id)
WHERE m.row_id = c.id AND m.row_updated_at = k.updated_at"""

PLACED = {
    **{name: f"p.{name}" for name in ("order_id", "parent_id", "branch_index", "selected")},
    "on_branch": "NOT EXISTS (SELECT FROM hidden_message h WHERE h.id = p.id)",
}
"""The columns that say where a message is, over `placed_message p`."""


def told(
    order: str,
    *,
    group: str = "NULL::text",
    parent: str = "NULL::text",
    root: str = "false",
    selected: str = "NULL::boolean",
) -> dict[str, str]:
    """What a source says of a message's place, as SQL over `s`: its order, the group of answers it
    is in, the `_id` of its parent, whether it is known to have none, and whether it is shown."""
    found = {"order": order, "group": group, "parent": parent, "root": root, "selected": selected}
    return {f"told_{name}": sql for name, sql in found.items()}


async def place_messages(connection: Any, report: Report) -> None:
    """Give each new message its order and parent; holds their conversations until the end."""
    await connection.execute(_LOCK)
    for table, statement in (
        ("numbered_message", _NUMBER),
        ("hung_message", _HANG),
        ("placed_message", _PLACE),
        ("hidden_message", _HIDE),
    ):
        await connection.execute(statement)
        await connection.execute(f"CREATE INDEX ON {table} (id)")
        await connection.execute(f"ANALYZE {table}")
    lost = "SELECT count(*) FROM hung_message WHERE told_parent IS NOT NULL AND NOT told"
    report.flaw("messages", "parent left out: no earlier one", await connection.fetchval(lost))


async def count_on(connection: Any) -> None:
    """Bring the conversations up to their new messages. What was all read stays so."""
    await connection.execute(_COUNT_ON)

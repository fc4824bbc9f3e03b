"""Chats into the tables: what is new of each, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.chats.findings import Findings
from app.chats.placing import Family, Here, Placing
from app.importing.copying import copy_rows, mark_rows
from models.chat.conversations import Conversation
from models.chat.messages import FAMILY_OF, Message

_SEEN = """\
SELECT c.id, c.owner_id, c.last_order_id, c.deleted_at, p.deleted_at AS folder_deleted_at
FROM conversation c LEFT JOIN project p ON p.id = c.project_id
WHERE c.id = ANY($1) ORDER BY c.id"""
_LOCKED = f"{_SEEN} FOR NO KEY UPDATE OF c"
_MARKED = "SELECT row_id FROM import_mark WHERE row_id = ANY($1)"
_MESSAGES = "SELECT id, conversation_id, on_branch FROM message WHERE id = ANY($1)"
_FAMILIES = f"""\
SELECT {FAMILY_OF} AS id, count(*) AS count, max(branch_index) AS last,
    bool_or(selected) AS selected
FROM message WHERE {FAMILY_OF} = ANY($1) GROUP BY 1"""
_GROW = """\
UPDATE conversation c SET last_order_id = g.last,
    last_message_at = greatest(c.last_message_at, g.at), updated_at = greatest(c.updated_at, g.at)
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) g (id, last, at) WHERE c.id = g.id"""


class ChatWriter:
    """Writes the chats of one owner; `source` is what their marks say."""

    def __init__(self, connection: Any, owner: str, source: str, findings: Findings) -> None:
        self._connection = connection
        self._owner = owner
        self._source = source
        self._findings = findings
        self.wrote = False

    async def write(self, batch: Sequence[Placing]) -> None:
        """Add what is new in some chats, of which no two are the same one.

        Only conversations that may get messages are held until the end.
        """
        own = [id for chat in batch for id in (chat.id, *chat.ids.values())]
        marked = {row["row_id"] for row in await self._connection.fetch(_MARKED, own)}
        whole = [chat for chat in batch if marked.issuperset(chat.ids.values())]
        rest = [chat for chat in batch if chat not in whole]
        here = await self._here(whole, marked, _SEEN) | await self._here(rest, marked, _LOCKED)
        conversations: list[Conversation] = []
        messages: list[Message] = []
        grown: list[tuple[str, int, datetime]] = []
        for chat in batch:
            if (known := here[chat.id]) is None:
                continue
            new = chat.messages(known)
            self._findings.count("messages here already", len(known.branch))
            messages += new
            if not known.known:
                conversations.append(_with_counts(chat.conversation(), new))
            elif new:
                grown.append((chat.id, new[-1].order_id, max(row.created_at for row in new)))
        await self._add(conversations, messages, grown)

    async def _here(
        self, batch: Sequence[Placing], marked: set[str], query: str
    ) -> dict[str, Here | None]:
        """What there is of each chat, as `query` sees it; None for one that is to be left alone."""
        ids = [chat.id for chat in batch]
        own = [id for chat in batch for id in chat.ids.values()]
        rows = {row["id"]: row for row in await self._connection.fetch(query, ids)}
        placed = {
            row["id"]: (row["conversation_id"], row["on_branch"])
            for row in await self._connection.fetch(_MESSAGES, own)
        }
        among = [id for chat in batch if chat.id in rows for id in (chat.id, *chat.ids.values())]
        families = {
            row["id"]: Family(row["count"], row["last"], row["selected"])
            for row in await self._connection.fetch(_FAMILIES, among)
        }
        found: dict[str, Here | None] = {}
        for chat in batch:
            row = rows.get(chat.id)
            if self._is_left_alone(row, marked=chat.id in marked):
                found[chat.id] = None
                continue
            mine = [id for id in chat.ids.values() if id in placed and placed[id][0] == chat.id]
            gone = {id for id in chat.ids.values() if id in marked or id in placed}
            found[chat.id] = Here(
                known=row is not None,
                last_order=row["last_order_id"] if row else 0,
                branch={id: placed[id][1] for id in mine},
                gone=frozenset(gone.difference(mine)),
                families={id: families[id] for id in chat.family_ids if id in families},
            )
        return found

    def _is_left_alone(self, row: Any, *, marked: bool) -> bool:
        """Whether a conversation was deleted here, or is somebody else's by now."""
        if row is None:
            rule = "conversations deleted here: left so" if marked else None
        elif row["deleted_at"] or row["folder_deleted_at"]:
            rule = "conversations deleted here: left so"
        else:
            moved = row["owner_id"] != self._owner
            rule = "conversations moved to another owner: left as they are" if moved else None
        if rule is not None:
            self._findings.count(rule)
        return rule is not None

    async def _add(
        self,
        conversations: list[Conversation],
        messages: list[Message],
        grown: list[tuple[str, int, datetime]],
    ) -> None:
        await copy_rows(self._connection, Conversation, conversations)
        await copy_rows(self._connection, Message, messages)
        if grown:
            await self._connection.execute(_GROW, *map(list, zip(*grown, strict=True)))
        await mark_rows(self._connection, [*conversations, *messages], self._source)
        self._findings.count("conversations added", len(conversations))
        self._findings.count("conversations continued", len(grown))
        self._findings.count("messages added", len(messages))
        self.wrote = self.wrote or bool(conversations or messages)


def _with_counts(row: Conversation, messages: Sequence[Message]) -> Conversation:
    """A new conversation that knows its messages, all of them read."""
    row.last_order_id = row.last_read_order_id = messages[-1].order_id
    row.last_message_at = max(message.created_at for message in messages)
    return row

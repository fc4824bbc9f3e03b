"""Where what is new in a chat comes among what is here already. Pure.

What is here is left as it is: a new message is shown only where nothing was shown in its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from app.chats.chat import Chat, Turn
from app.chats.findings import Notes
from app.chats.tree import Placed, Tree
from models.chat.branches import SIBLINGS
from models.chat.conversations import DEFAULT_TITLE, Conversation, ConversationStatus, TitleSource
from models.chat.messages import CONTENT_LIMIT, Message, MessageOutcome, MessageRole
from models.ids import derived_id

TITLE_LIMIT, MODEL_LIMIT, FINISH_LIMIT = 200, 200, 100
DELETED = "messages deleted here: left so"


@dataclass(frozen=True, slots=True)
class Names:
    """What rows of one owner's get from a source: their ids, and who ran its models."""

    source: str
    provider: str
    owner: str

    def conversation(self, chat: str) -> str:
        """The id of a conversation."""
        return self._id(Conversation.prefix, chat)

    def message(self, chat: str, key: str) -> str:
        """The id of a message of a conversation."""
        return self._id(Message.prefix, chat, key)

    def _id(self, prefix: str, *keys: str) -> str:
        """It says no time, which another export might tell otherwise."""
        return derived_id(prefix, 0, orjson.dumps([self.source, self.owner, *keys]).decode())


@dataclass(frozen=True, slots=True)
class Family:
    """The versions of a message that there are: how many, the last index, whether one is shown."""

    count: int = 0
    last: int = -1
    selected: bool = False

    def grown(self) -> Family:
        """The family with one more."""
        return Family(self.count + 1, self.last + 1, self.selected)


@dataclass(frozen=True, slots=True)
class Here:
    """What the database has of a chat; `branch` says of its messages whether they are shown.

    `gone` are the ids of messages that were imported before and then deleted.
    """

    known: bool = False
    last_order: int = 0
    branch: Mapping[str, bool] = field(default_factory=dict[str, bool])
    gone: frozenset[str] = frozenset()
    families: Mapping[str, Family] = field(default_factory=dict[str, Family])


class Placing:
    """Places the turns of one chat's tree."""

    def __init__(self, chat: Chat, tree: Tree, names: Names, notes: Notes) -> None:
        self.id = names.conversation(chat.key)
        self.chat = chat
        self.ids = {one.turn.key: names.message(chat.key, one.turn.key) for one in tree.placed}
        self._tree = tree
        self._names = names
        self._notes = notes

    @property
    def family_ids(self) -> list[str]:
        """What new messages may be versions under: the conversation, and each of its messages."""
        return [self.id, *self.ids.values()]

    def conversation(self) -> Conversation:
        """The conversation with all its messages, as a row."""
        chat, owner = self.chat, self._names.owner
        times = [one.at for one in self._tree.placed]
        made = chat.made or min(times)
        changed = max(made, chat.changed or max(times))
        title = chat.title.strip()
        row = Conversation(
            owner_id=owner, user_id=owner, title=title[:TITLE_LIMIT] or DEFAULT_TITLE
        )
        row.id, row.created_at, row.updated_at = self.id, made, changed
        row.title_source = TitleSource.MODEL if title else None
        row.status = ConversationStatus.ARCHIVED if chat.archived else ConversationStatus.ACTIVE
        row.pinned, row.pinned_at = chat.pinned, changed if chat.pinned else None
        return row

    def messages(self, here: Here) -> list[Message]:
        """The messages that are new, as rows."""
        families = defaultdict(Family, here.families)
        lost, order = {*here.gone}, here.last_order
        found: dict[str, Message] = {}
        for one in self._tree.placed:
            id = self.ids[one.turn.key]
            parent = None if one.parent is None else self.ids[one.parent]
            if id in here.branch:
                continue
            if id in lost or parent in lost:
                self._notes.findings.count(DELETED)
                lost.add(id)
            elif (family := families[parent or self.id]).count >= SIBLINGS:
                self._notes.flaw(f"message left out: over {SIBLINGS} versions", one.turn.key)
                lost.add(id)
            else:
                order += 1
                families[parent or self.id] = family.grown()
                found[id] = self._message(one, parent, order, family.last + 1)
        self._show(found, here)
        return [*found.values()]

    def _message(self, one: Placed, parent: str | None, order: int, index: int) -> Message:
        turn, owner = one.turn, self._names.owner
        assert turn.role is not None
        row = Message(owner_id=owner, conversation_id=self.id, parent_id=parent, role=turn.role)
        row.id = self.ids[turn.key]
        row.created_at = row.updated_at = one.at
        row.order_id, row.branch_index = order, index
        row.user_id = owner if turn.role is MessageRole.USER else None
        row.content = content_of(turn)
        plain = [part["kind"] for part in turn.parts] == ["text"]
        row.parts = None if plain else [*turn.parts]
        if turn.role is MessageRole.ASSISTANT:
            row.model = turn.model and turn.model[:MODEL_LIMIT]
            row.provider = self._names.provider
            row.finish_reason = turn.finish_reason and turn.finish_reason[:FINISH_LIMIT]
            row.outcome = MessageOutcome.FAILED if turn.failed else MessageOutcome.SUCCEEDED
        return row

    def _show(self, new: Mapping[str, Message], here: Here) -> None:
        """Select one of each new family: the one that the source shows, or else the newest."""
        shown = {self.ids[key] for key in self._tree.shown if key in self.ids}
        chosen: dict[str, str] = {}
        for id, row in new.items():
            family = row.parent_id or self.id
            if chosen.get(family) not in shown:
                chosen[family] = id
        branch = dict(here.branch)
        for id, row in new.items():
            family = row.parent_id or self.id
            taken = family in here.families and here.families[family].selected
            row.selected = not taken and chosen[family] == id
            row.on_branch = row.selected and (row.parent_id is None or branch[row.parent_id])
            branch[id] = row.on_branch


def content_of(turn: Turn) -> str:
    """The text of a turn, which is what is searched and what models are given."""
    told = [part["text"] for part in turn.parts if part["kind"] == "text"]
    if turn.role is MessageRole.TOOL:
        told += [part["result"] for part in turn.parts if part["kind"] == "tool_result"]
    return "\n\n".join(told)[:CONTENT_LIMIT]

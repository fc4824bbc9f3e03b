"""Starting conversations: empty ones, and with a first message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.accounts.user_keys import choose_model
from models.chat.conversations import DEFAULT_TITLE, Conversation, TitleSource, folder_of
from models.chat.messages import Message
from models.chat.sending import Draft, send_in
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


@dataclass(frozen=True, slots=True)
class NewConversation:
    """What a conversation starts with; one in a folder is the folder's owner's."""

    title: str | None = None
    model: str | None = None
    system_prompt: str | None = None
    task: str | None = None
    org_id: str | None = None
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A new conversation, its first message and the answers that are being written."""

    conversation: Conversation
    message: Message
    reply: Message
    replies: Sequence[Message]


@verb
async def create_conversation(tx: Transaction, new: NewConversation) -> Conversation:
    """An empty conversation of the viewer's or of an organisation's, or in a folder."""
    user = tx.actor.viewer.id
    owner = user if new.org_id is None else new.org_id
    tx.require(owner, field="orgId")
    if new.project_id is not None:
        await folder_of(tx, new.project_id, owner)
    if new.model is not None:
        await choose_model(tx, new.model)
    return await tx.add(
        Conversation(
            owner_id=owner,
            user_id=user,
            project_id=new.project_id,
            title=DEFAULT_TITLE if new.title is None else new.title,
            title_source=None if new.title is None else TitleSource.USER,
            model=new.model,
            system_prompt=new.system_prompt,
            task=new.task,
        )
    )


@verb
async def start_conversation(tx: Transaction, new: NewConversation, draft: Draft) -> Begun:
    """A conversation with its first message, which is being answered."""
    conversation = await create_conversation(tx, new)
    sent = await send_in(tx, conversation, draft)
    return Begun(conversation, sent.message, sent.reply, sent.replies)

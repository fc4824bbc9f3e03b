"""Sending a message: it, its attachments, its admission and its answers commit together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from models import ids
from models.accounts.users import User
from models.billing.admission import admit
from models.chat import branches, messages
from models.chat.answers import stop_answer, unfinished
from models.chat.attachments import NewAttachment, attach
from models.chat.choosing import Answerer, answering
from models.chat.conversations import Conversation, main_of
from models.chat.generations import Generation
from models.chat.messages import Message, MessageRole, MessageStatus
from models.chat.names import made_up_name
from models.chat.projects import Framework, NewProject, Project, create_project
from models.errors import Conflict, Invalid
from models.hooks import Hook
from models.ports import AdmissionRequest
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


class RunSource(StrEnum):
    """Who writes the answer: the server's workers, or a browser that claims the run."""

    WEBCONTAINER = "WEBCONTAINER"
    INNGEST = "INNGEST"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes: exactly one of the two."""

    project_id: str | None = None
    conversation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to send. `model`, or each of `models`, is for this answer only."""

    content: str
    model: str | None = None
    models: Sequence[str] = ()
    attachments: Sequence[NewAttachment] = ()
    run_source: RunSource = RunSource.INNGEST
    client_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The user's message and the answers that are being written, first the one that is shown."""

    message: Message
    reply: Message
    replies: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Started:
    """A new project with its first message."""

    project: Project
    message: Message
    reply: Message
    replies: Sequence[Message]


message_sent: Hook[Transaction, Sent, Draft] = Hook()
"""A message was sent and its replies are PENDING."""


@verb
async def send_message(
    tx: Transaction, to: Target, draft: Draft, *, supersede: bool = False
) -> Sent:
    """Send a message and have it answered.

    Raises Conflict while an answer is being written, unless `supersede` stops that one.
    """
    return await send_in(tx, await _open(tx, to), draft, supersede=supersede)


async def send_in(
    tx: Transaction,
    conversation: Conversation,
    draft: Draft,
    *,
    supersede: bool = False,
    instead: Message | None = None,
) -> Sent:
    """The same in a locked conversation: at the end of its branch, or `instead` of a message."""
    await make_room(tx, conversation, supersede=supersede)
    message, here = _drafted(tx, conversation, draft), draft.run_source is RunSource.INNGEST
    answerers = await answering(tx, conversation, draft.model, draft.models, here=here)
    replies = [new_reply(one) for one in answerers]
    if instead is None:
        tail = await branches.tail_of(tx, conversation.id)
        await branches.append(tx, conversation, tail, message, replies[0])
    else:
        await branches.put_instead(tx, conversation, instead, message, replies[0])
    await _group(tx, conversation, replies)
    await attach(tx, message, draft.attachments)
    sent = Sent(message, replies[0], replies)
    if here:
        pairs, user = zip(replies, answerers, strict=True), tx.actor.viewer.id
        await tx.add_many([new_generation(reply, one, user) for reply, one in pairs])
    await message_sent(tx, sent, draft)
    return sent


@verb
async def create_project_with_message(
    tx: Transaction, framework: Framework, draft: Draft, org_id: str | None = None
) -> Started:
    """A project with a made-up name and its first message."""
    new = NewProject(made_up_name(), framework, org_id=org_id)
    project = await create_project(tx, new)
    sent = await send_message(tx, Target(project_id=project.id), draft)
    return Started(project, sent.message, sent.reply, sent.replies)


@verb
async def create_message(
    tx: Transaction, to: Target, content: str, client_message_id: str | None = None
) -> Message:
    """Add a user's message that nothing answers."""
    conversation = await _open(tx, to)
    await make_room(tx, conversation, supersede=False)
    await admit(tx, AdmissionRequest(conversation.owner_id))
    message = _user_message(tx, content, client_message_id)
    tail = await branches.tail_of(tx, conversation.id)
    await branches.append(tx, conversation, tail, message)
    return message


@verb
async def stop_message(tx: Transaction, message_id: str) -> Message:
    """Stop the writing of an answer and keep its text. Raises Conflict when it has ended."""
    _, message = await messages.reach_in_tree(tx, message_id, "id")
    if message.status is MessageStatus.COMPLETE:
        raise Conflict("It is complete already.")
    await stop_answer(tx, message)
    return message


async def _open(tx: Transaction, to: Target) -> Conversation:
    if to.project_id is not None:
        return await main_of(tx, to.project_id, field="to.projectId")
    if to.conversation_id is not None:
        return await tx.reach(Conversation, to.conversation_id, field="to.conversationId")
    raise Invalid("Name a project or a conversation.", field="to")


async def make_room(tx: Transaction, conversation: Conversation, *, supersede: bool) -> None:
    """Have no answer be written in a conversation. Raises Conflict, see send_message."""
    running = await unfinished(tx, conversation.id)
    if running and not supersede:
        raise Conflict("An answer is being written; stop it, or send with supersede.")
    if running:
        # Admission holds the user before their credits, which ending an answer holds as well.
        await tx.lock(User, tx.actor.viewer.id)
    for answer in running:
        await stop_answer(tx, answer)


async def _group(tx: Transaction, conversation: Conversation, replies: Sequence[Message]) -> None:
    """Put the answers of several models side by side, as one group."""
    first, *others = replies
    if others:
        group = ids.new_id("grp")
        for reply in others:
            reply.message_group_id = group
        await first.change(message_group_id=group)
        await branches.put_beside(tx, conversation, first, others)


def _drafted(tx: Transaction, conversation: Conversation, draft: Draft) -> Message:
    if draft.run_source is RunSource.WEBCONTAINER and not conversation.main:
        raise Invalid("Only an app project's messages can run in a browser.", field="runSource")
    return _user_message(tx, draft.content, draft.client_message_id)


def _user_message(tx: Transaction, content: str, client_message_id: str | None) -> Message:
    messages.refuse_empty(content)
    return Message(
        id=ids.new_id(Message.prefix),
        role=MessageRole.USER,
        user_id=tx.actor.viewer.id,
        content=content,
        client_message_id=client_message_id,
    )


def new_reply(one: Answerer) -> Message:
    """The message that a model is to write, to be appended to a conversation."""
    return Message(
        id=one.reply_id,
        role=MessageRole.ASSISTANT,
        status=MessageStatus.PENDING,
        model=one.model.id,
        provider=one.model.provider,
    )


def new_generation(reply: Message, one: Answerer, user_id: str) -> Generation:
    """The work of writing an appended reply, for the server's workers."""
    owner = reply.owner_id
    return Generation(
        owner_id=owner,
        message_id=reply.id,
        user_id=user_id,
        org_id=owner if owner.startswith("org_") else None,
        model=one.model.id,
        own_key=one.own_key,
    )

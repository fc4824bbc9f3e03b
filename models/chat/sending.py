"""Sending a message: it, its attachments, its admission and its answer commit together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from models.accounts.preferences import chosen_model
from models.accounts.user_keys import choose_model
from models.billing import admission
from models.chat import messages
from models.chat.answers import stop_answer, unfinished
from models.chat.attachments import NewAttachment, attach
from models.chat.conversations import Conversation, main_of
from models.chat.generations import Generation
from models.chat.messages import Message, MessageRole, MessageStatus
from models.chat.names import made_up_name
from models.chat.projects import Framework, NewProject, Project, create_project
from models.errors import Conflict, DomainError, Invalid
from models.hooks import Hook
from models.ports import AdmissionRequest
from models.verbs import verb

if TYPE_CHECKING:
    from models.providing import ModelInfo
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
    """A message to send. `model` is for this answer only."""

    content: str
    model: str | None = None
    attachments: Sequence[NewAttachment] = ()
    run_source: RunSource = RunSource.INNGEST
    client_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The user's message and the answer that is being written."""

    message: Message
    reply: Message


@dataclass(frozen=True, slots=True)
class Started:
    """A new project with its first message."""

    project: Project
    message: Message
    reply: Message


message_sent: Hook[Transaction, Sent, Draft] = Hook()
"""A message was sent and its reply is PENDING."""


@verb
async def send_message(
    tx: Transaction, to: Target, draft: Draft, *, supersede: bool = False
) -> Sent:
    """Send a message and have it answered.

    Raises Conflict while an answer is being written, unless `supersede` stops that one.
    """
    conversation = await _open(tx, to)
    tail = await _make_room(tx, conversation, supersede=supersede)
    model = await _model(tx, conversation, draft)
    await admission.admit(tx, AdmissionRequest(conversation.owner_id, model))
    message, reply = _drafted(tx, conversation, draft), new_reply(model)
    await messages.append(tx, conversation, tail, message, reply)
    await attach(tx, message, draft.attachments)
    if draft.run_source is RunSource.INNGEST:
        await tx.add(new_generation(reply, model, tx.actor.viewer.id))
    sent = Sent(message, reply)
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
    return Started(project, sent.message, sent.reply)


@verb
async def create_message(
    tx: Transaction, to: Target, content: str, client_message_id: str | None = None
) -> Message:
    """Add a user's message that nothing answers."""
    conversation = await _open(tx, to)
    tail = await _make_room(tx, conversation, supersede=False)
    message = _user_message(tx, content, client_message_id)
    await messages.append(tx, conversation, tail, message)
    return message


@verb
async def stop_message(tx: Transaction, message_id: str) -> Message:
    """Stop the writing of an answer and keep its text. Raises Conflict when it has ended."""
    message = await tx.reach(Message, message_id, field="id")
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


async def _make_room(
    tx: Transaction, conversation: Conversation, *, supersede: bool
) -> Message | None:
    """The message to follow, which is complete. Raises Conflict, see send_message."""
    tail = await messages.tail_of(tx, conversation.id)
    running = await unfinished(tx, tail)
    if running is not None and not supersede:
        raise Conflict("An answer is being written; stop it, or send with supersede.")
    if running is not None:
        await stop_answer(tx, running)
    return tail


async def _model(tx: Transaction, conversation: Conversation, draft: Draft) -> ModelInfo:
    if draft.model is not None:
        return await choose_model(tx, draft.model)
    preferred = conversation.model
    if preferred is None and conversation.project_id is not None:
        project = await tx.find(Project, "id = $1", conversation.project_id)
        preferred = project[0].model_preference
    if preferred is None:
        preferred = await chosen_model(tx, tx.actor.viewer.id)
    return await usable_model(tx, preferred)


async def usable_model(tx: Transaction, preferred: str | None) -> ModelInfo:
    """The preferred model, or the default one where that is not on offer any more."""
    try:
        return await choose_model(tx, preferred)
    except DomainError:
        return tx.actor.models.choose(None)


def _drafted(tx: Transaction, conversation: Conversation, draft: Draft) -> Message:
    if draft.run_source is RunSource.WEBCONTAINER and not conversation.main:
        raise Invalid("Only an app project's messages can run in a browser.", field="runSource")
    return _user_message(tx, draft.content, draft.client_message_id)


def _user_message(tx: Transaction, content: str, client_message_id: str | None) -> Message:
    messages.refuse_empty(content)
    return Message(
        role=MessageRole.USER,
        user_id=tx.actor.viewer.id,
        content=content,
        client_message_id=client_message_id,
    )


def new_reply(model: ModelInfo) -> Message:
    """The message that a model is to write, to be appended to a conversation."""
    return Message(
        role=MessageRole.ASSISTANT,
        status=MessageStatus.PENDING,
        model=model.id,
        provider=model.provider,
    )


def new_generation(reply: Message, model: ModelInfo, user_id: str) -> Generation:
    """The work of writing an appended reply, for the server's workers."""
    return Generation(owner_id=reply.owner_id, message_id=reply.id, user_id=user_id, model=model.id)

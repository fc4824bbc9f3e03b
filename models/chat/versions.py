"""Versions: a message is never overwritten; another one is put in its place beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.chat import branches
from models.chat.attachments import copy_attachments
from models.chat.choosing import answering, usable_again
from models.chat.messages import Message, MessageRole, reach_in_tree, refuse_empty
from models.chat.sending import (
    Draft,
    RunSource,
    Sent,
    make_room,
    message_sent,
    new_generation,
    new_reply,
    send_in,
)
from models.errors import Conflict, NotFound
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


@verb
async def edit_message(
    tx: Transaction, message_id: str, draft: Draft, *, supersede: bool = False, attached: bool
) -> Sent:
    """Send another version of a user's message, which is shown instead and answered anew.

    Unless they are `attached` to the draft, it has the attachments of the message. Raises
    Conflict as sending does.
    """
    conversation, message = await reach_in_tree(tx, message_id, "id")
    if message.role is not MessageRole.USER:
        raise Conflict("Only a user's message can be edited.")
    sent = await send_in(tx, conversation, draft, supersede=supersede, instead=message)
    if not attached:
        await copy_attachments(tx, {message.id: sent.message})
    return sent


@verb
async def regenerate_message(
    tx: Transaction, message_id: str, model: str | None = None, *, supersede: bool = False
) -> Sent:
    """Have an answer written anew beside it, by its own model, if there still is one, or another.

    The new one is shown, but gives way to its source should it end without a word. Raises Conflict
    as sending does.
    """
    conversation, source = await reach_in_tree(tx, message_id, "id")
    asked = "id = $1 AND conversation_id = $2"
    prompt = await tx.first(Message, asked, source.parent_id, conversation.id, lock=True)
    if source.role is not MessageRole.ASSISTANT or prompt is None:
        raise Conflict("Only an answer can be written anew.")
    await make_room(tx, conversation, supersede=supersede)
    named = model if model is not None else await usable_again(tx, source.model)
    (chosen,) = await answering(tx, conversation, named)
    reply = new_reply(chosen)
    reply.regenerated_from_id = source.id
    await branches.put_instead(tx, conversation, source, reply)
    await tx.add(new_generation(reply, chosen, tx.actor.viewer.id))
    sent = Sent(prompt, reply, (reply,))
    await message_sent(tx, sent, Draft(prompt.content, run_source=RunSource.INNGEST))
    return sent


@verb
async def select_branch(
    tx: Transaction, message_id: str, expected_id: str | None = None
) -> Message:
    """Show a message, and all that it follows, instead of their siblings.

    Raises Conflict when `expected_id` is not the sibling that is selected now, and NotFound when
    it is none.
    """
    conversation, message = await reach_in_tree(tx, message_id, "id")
    if expected_id is not None:
        expected = await branches.sibling(tx, message, expected_id)
        if expected is None:
            raise NotFound("There is no such thing, or it is not yours.", field="expectedId")
        if not expected.selected:
            raise Conflict("Another one has been selected meanwhile.", field="expectedId")
    await branches.show(tx, conversation, message)
    return message


@verb
async def update_message(tx: Transaction, message_id: str, content: str) -> Message:
    """Correct a user's message that nothing has answered yet. Raises Conflict else."""
    _, message = await reach_in_tree(tx, message_id, "id")
    if message.role is not MessageRole.USER:
        raise Conflict("Only a user's message can be changed.")
    if await tx.first(Message, "parent_id = $1", message.id):
        raise Conflict("It has been answered already.")
    refuse_empty(content)
    return await message.edit(content=content)

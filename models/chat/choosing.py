"""Choosing the models that answer: those that are named, or else preferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models import ids
from models.accounts.preferences import chosen_model
from models.accounts.user_keys import choose_model, uses_own_key
from models.billing import admission
from models.chat.messages import Message
from models.chat.projects import Project
from models.errors import DomainError, Invalid
from models.ports import AdmissionRequest

if TYPE_CHECKING:
    from models.chat.conversations import Conversation
    from models.providing import ModelInfo
    from models.transaction import Transaction

SIDE_BY_SIDE = 5
"""Models that answer one message, at most."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """A model that is to answer, and the id of what it writes.

    With `own_key` only a key of the user's own is used for it.
    """

    model: ModelInfo
    reply_id: str
    own_key: bool = False


async def answering(
    tx: Transaction,
    conversation: Conversation,
    named: str | None,
    several: Sequence[str] = (),
    *,
    here: bool = True,
) -> list[Answerer]:
    """Who is to answer in a conversation, each admitted: one model, or `several` side by side.

    Those who answer `here`, not in a browser, may be asked with the user's own key. Raises Invalid,
    and what refuses one of them.
    """
    if several:
        if named is not None:
            raise Invalid("Name either one model or several.", field="models")
        found = await _side_by_side(tx, conversation, several)
    else:
        found = [await _one(tx, conversation, named)]
    chosen = [answerer(model, here and await uses_own_key(tx, model)) for model in found]
    paid = {one.reply_id: one.model for one in chosen if not one.own_key}
    await admission.admit(tx, AdmissionRequest(conversation.owner_id, found, paid))
    return chosen


def answerer(model: ModelInfo, own_key: bool = False) -> Answerer:
    """A model that is to write another message."""
    return Answerer(model, ids.new_id(Message.prefix), own_key)


async def _side_by_side(
    tx: Transaction, conversation: Conversation, names: Sequence[str]
) -> list[ModelInfo]:
    if conversation.main:
        raise Invalid("An app's message is answered by one model.", field="models")
    if len(set(names)) != len(names) or len(names) > SIDE_BY_SIDE:
        raise Invalid(f"At most {SIDE_BY_SIDE} models, each once.", field="models")
    return [await choose_model(tx, name, "models") for name in names]


async def _one(tx: Transaction, conversation: Conversation, named: str | None) -> ModelInfo:
    if named is not None:
        return await choose_model(tx, named)
    preferred = conversation.model
    if preferred is None and conversation.project_id is not None:
        project = await tx.find(Project, "id = $1", conversation.project_id)
        preferred = project[0].model_preference
    if preferred is None:
        preferred = await chosen_model(tx, tx.actor.viewer.id)
    return await usable_model(tx, preferred)


async def usable_again(tx: Transaction, model_id: str | None) -> str | None:
    """A model that wrote before; None where it is not on offer any more, or never was here."""
    try:
        return (await choose_model(tx, model_id)).id if model_id is not None else None
    except DomainError:
        return None


async def usable_model(tx: Transaction, preferred: str | None) -> ModelInfo:
    """The preferred model, or the default one where that is not on offer any more."""
    try:
        return await choose_model(tx, preferred)
    except DomainError:
        return tx.actor.models.choose(None)

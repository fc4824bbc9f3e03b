"""Charging: what becomes of the credits that are held for an answer, once it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.billing.credits import close_reservation
from models.chat.answers import answer_ended
from models.chat.messages import Message, MessageOutcome
from models.providing import OWN_KEY

if TYPE_CHECKING:
    from models.billing.usage_events import ModelCall
    from models.transaction import Transaction


@answer_ended.attach
async def charge(tx: Transaction, message: Message) -> None:
    """Spend the credits of an answer that succeeded, or was stopped with words of it there; give
    back those of any other, and of one that took keys of the user's own alone."""
    await close_reservation(tx, message.id, spent=_is_paid(message))


async def charge_failed(tx: Transaction, message: Message, call: ModelCall | None) -> None:
    """Spend the credits of a locked answer that fails for good now, if there are words of it: steps
    that were kept, or those of `call`, which its provider did not fail. Keys of the user's own cost
    nothing."""
    steps = [message.usage] if message.parts else []
    steps += [call.usage] if call is not None else []
    if any(OWN_KEY not in (usage or ()) for usage in steps):
        await close_reservation(tx, message.id, spent=True)


def _is_paid(message: Message) -> bool:
    if message.outcome is MessageOutcome.SUCCEEDED:
        return message.usage is None or OWN_KEY not in message.usage
    begun = bool(message.content or message.parts)
    return message.outcome is MessageOutcome.CANCELED and begun

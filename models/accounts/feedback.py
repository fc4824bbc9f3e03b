"""Feedback: what users say of the product, for its operators to read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models import fields
from models.access import OperatorOnly
from models.accounts.erasing import user_erased
from models.accounts.guests import guest_claimed
from models.accounts.rate_limits import Limit, count_try
from models.accounts.users import User
from models.base import Record
from models.indexes import index
from models.verbs import verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.accounts.desk import Desk
    from models.idempotency import Once
    from models.transaction import Transaction


class Feedback(Record):
    """What a user says of the product."""

    prefix = "fbk"
    access = OperatorOnly()
    indexes = (index("created_at", "id"), index("user_id"))

    user_id: str = fields.key("Id of the user, or guest, who said it.")
    message: str = fields.text("What they say.", limit=10_000)

    class Meta:
        table = "feedback"


@dataclass(frozen=True, slots=True)
class Sent:
    """Feedback was sent. Whoever sent it may not read it again, so nothing is told of it."""


async def send(desk: Desk, message: str, once: Once | None) -> Sent:
    """Tell the operators something. Raises Invalid, and RateLimited for too much at once."""
    actor = replace(desk.actor, once=once)
    return await send_feedback(actor, message, desk.limits("feedback", actor.viewer.id))


@verb
async def send_feedback(tx: Transaction, message: str, limits: Sequence[Limit]) -> Sent:
    """Keep what the viewer says."""
    user = tx.actor.viewer.id
    tx.require(user)
    await count_try(tx, limits)
    await tx.add(Feedback(user_id=user, message=message))
    return Sent()


@guest_claimed.attach
async def follow(tx: Transaction, guest: User, user: User) -> None:
    """What a guest said, the user said."""
    await tx.change_many(Feedback, "user_id = $1", guest.id, user_id=user.id)


@user_erased.attach
async def forget(tx: Transaction, user: User) -> None:
    """Remove what an erased user said."""
    await tx.remove_many(Feedback, "user_id = $1", user.id)

"""The viewer's credits as they are by now, also before their first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.billing.subscriptions import plan_at
from models.billing.usage import Usage, id_of_usage
from models.billing.windows import window_of
from models.crediting import NOTHING
from models.permissions import Permission
from models.statements import select

if TYPE_CHECKING:
    from models.verbs import Actor


async def usage_now(actor: Actor) -> Usage | None:
    """The viewer's row as the next reservation would find it. What is stored, if anything, of
    guests and where nothing costs credits."""
    viewer, rules, now = actor.viewer, actor.credits, actor.clock.now()
    user = viewer.user_id
    if user is None or not viewer.holds(Permission.BILLING, user):
        return None
    rows = await actor.database.fetch(select(Usage, "user_id = $1"), user)
    known = Usage.from_row(rows[0]) if rows else None
    if rules is None or viewer.anonymous:
        return known
    plan = await plan_at(actor.database, user, now)
    first = {"id": id_of_usage(user), "created_at": now, "updated_at": now}
    usage = known or Usage(owner_id=user, user_id=user, points=NOTHING, **first)
    vars(usage).update(window_of(usage, rules, plan, now).columns())
    return usage

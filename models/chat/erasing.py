"""What becomes of an erased user's rows: projects and conversations as when they are deleted one by
one, the rest in batches."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from models.access import PartOf
from models.accounts.erasing import ERASED_NAME, user_erased
from models.accounts.guests import Path, paths
from models.accounts.users import User
from models.chat.conversations import Conversation
from models.chat.deletion import DeletionJob, Tombstone, empties, leaves, schedule
from models.chat.emptying_orgs import LOOSE, Roots, stop_answers
from models.chat.projects import Project

if TYPE_CHECKING:
    from models.transaction import Transaction

AT_ONCE = timedelta()
PROJECTS = 20  # deleted in one batch

_SHOWN = "showcased AND deleted_at IS NULL AND owner_id = $1 AND user_id = $1"
_LIVE = "owner_id = $1 AND deleted_at IS NULL ORDER BY created_at, id"
_WAITING = """\
state <> 'complete' AND due_at > $2 AND root_id IN (
    SELECT p.id FROM project p WHERE p.user_id = $1 AND p.deleted_at IS NOT NULL
    UNION ALL
    SELECT c.id FROM conversation c WHERE c.owner_id = $1 AND c.deleted_at IS NOT NULL)"""


@user_erased.attach
async def hide_and_schedule(tx: Transaction, user: User) -> None:
    """Show nothing of a user any more, stop their answers, and have the rest removed as soon as
    there is time."""
    await stop_answers(tx, user.id, "user_id = $1")
    await tx.change_many(Project, _SHOWN, user.id, showcased=False)
    await schedule(tx, user, AT_ONCE)


class Projects:
    """The step that deletes an erased user's projects; each is then emptied by a job of its own.

    Projects and conversations that were deleted before are brought forward.
    """

    prefix = User.prefix
    rank = 10

    async def empty(self, tx: Transaction, root_id: str, most: int) -> int:
        """Delete some projects, and bring some jobs forward."""
        waiting = await tx.find(DeletionJob, f"{_WAITING} LIMIT {most}", root_id, tx.now, lock=True)
        for job in waiting:
            await job.bring_forward(tx)
        live = await tx.find(Project, f"{_LIVE} LIMIT {PROJECTS}", root_id, lock=True)
        for project in live:
            await project.delete(tx, AT_ONCE)
        return len(waiting) + len(live)


class OwnRows:
    """The step that removes what is an erased user's and part of nothing else."""

    prefix = User.prefix
    rank = 20

    async def empty(self, tx: Transaction, root_id: str, most: int) -> int:
        """Remove at most so many rows of the first table that has some."""
        for path in _own():
            where = f"{path.where} ORDER BY created_at, id LIMIT {most}"
            if removed := await tx.remove_many(path.model, where, root_id):
                return removed
        return 0


@cache
def _own() -> tuple[Path, ...]:
    """Every table with an owner whose rows go with no other root; deletions go on to their end."""
    return tuple(
        path
        for path in paths()
        if path.model is not DeletionJob
        and not isinstance(path.model.access, PartOf)
        and "deleted_at" not in path.model.columns()
    )


empties(
    Projects(),
    Roots(User.prefix, 15, Conversation, LOOSE, order="updated_at, id"),
    OwnRows(),
)
leaves(User.prefix, Tombstone(User, {"name": ERASED_NAME}))

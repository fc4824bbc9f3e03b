"""Avatars: the pictures that users give themselves, for everybody to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.action_limits import limited
from models.accounts.erasing import user_erased
from models.accounts.users import User
from models.files.stored_files import FilePurpose, reach_ready, release
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

AVATARS = limited("avatar", 20, hours=1)


@verb.needing(Permission.ACCOUNT)
async def set_avatar(tx: Transaction, file_id: str) -> User:
    """Show a completed upload as the viewer's picture; the one before goes.

    Raises NotFound for what is no upload of the viewer's for an avatar, Conflict for one that is
    not complete, RateLimited.
    """
    user = await tx.reach(User, tx.actor.viewer.id)
    await AVATARS.count(tx)
    file = await reach_ready(tx, file_id, FilePurpose.AVATAR, "fileId")
    if user.avatar_file_id != file.id:
        await release(tx, user.avatar_file_id)
        await user.change(avatar_file_id=file.id)
    return user


@verb.needing(Permission.ACCOUNT)
async def delete_avatar(tx: Transaction, *, keep_provided: bool) -> User:
    """Take the viewer's own picture away, and the identity provider's unless it is to show."""
    user = await tx.reach(User, tx.actor.viewer.id)
    await take_off(tx, user)
    return user if keep_provided else await user.change(avatar_url=None)


@user_erased.attach
async def take_off(tx: Transaction, user: User) -> None:
    """Let go of a user's own picture."""
    await release(tx, user.avatar_file_id)
    await user.change(avatar_file_id=None)

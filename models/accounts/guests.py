"""Guests who turn out to be somebody: what they made goes to the user they are.

Which tables that takes is derived from their declarations: every table with an owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from models.access import OperatorOnly, Owned, PartOf
from models.accounts.audit_logs import AuditAction, audit_own
from models.accounts.users import User
from models.errors import NotFound
from models.hooks import Hook
from models.packages import record_models
from models.permissions import Permission
from models.sealing import opened, sealed, sealed_columns
from models.verbs import verb

if TYPE_CHECKING:
    from models.base import Record
    from models.ports import Vault
    from models.transaction import Transaction

guest_claimed: Hook[[Transaction, User, User]] = Hook()
"""Called in the transaction in which a guest turns out to be a user: what is the guest's without
an owner goes to the user."""


@verb.needing(Permission.ACCOUNT)
async def claim_guest(tx: Transaction, guest_id: str, vault: Vault) -> User:
    """Move what a guest made to the viewer, who is none. Raises NotFound."""
    user = await tx.reach(User, tx.actor.viewer.id)
    if not await take_over(tx, guest_id, user, vault):
        raise NotFound("There is no such guest any more.", field="token")
    return user


async def take_over(tx: Transaction, guest_id: str, user: User, vault: Vault) -> bool:
    """Move what a guest made to a user, and end the guest; False when there is none."""
    guest = await tx.lock(User, guest_id)
    if guest is None or not guest.anonymous or guest.deleted_at is not None:
        return False
    for path in paths():
        await _move(tx, path, guest.id, user.id, vault)
    if guest.message_count:
        await tx.count_up(user, "message_count", guest.message_count)
    await guest_claimed(tx, guest, user)
    await guest.change(deleted_at=tx.now)
    await audit_own(tx, AuditAction.GUEST_CLAIMED, guest, user.id)
    return True


@dataclass(frozen=True, slots=True)
class Path:
    """How the rows of a table are found by their owner, $1, through indexes."""

    model: type[Record]
    where: str

    @property
    def exclusive(self) -> list[tuple[str, tuple[str, ...]]]:
        """The column that names the owner, and those beside it of which a user has one row for
        each value."""
        found: list[tuple[str, tuple[str, ...]]] = []
        for index in self.model.indexes:
            named = {"user_id", "owner_id"} & set(index.columns)
            if index.unique and named:
                others = tuple(name for name in index.columns if name not in named)
                found.append((min(named), others))
        return found


@cache
def paths() -> tuple[Path, ...]:
    """A path for each table with an owner, parts before their wholes, but for those that only grow.

    A part is found through its whole, which must not have moved before.
    """
    owned = [model for model in record_models() if "owner_id" in model.columns()]
    lasting = [model for model in owned if not model.only_grows]
    chosen = [model for model in lasting if not isinstance(model.access, OperatorOnly)]
    ordered = sorted(chosen, key=_depth, reverse=True)
    return tuple(Path(model, path_of(model, "t", "$1")) for model in ordered)


def path_of(model: type[Record], alias: str, owner: str) -> str:
    """The condition that finds an owner's rows of a table through an index."""
    access = model.access
    if isinstance(access, Owned) and access.column == "id":
        return f"{alias}.id = {owner}"
    own = f"{alias}.owner_id = {owner}"
    leading = {index.columns[0] for index in model.indexes if not index.where}
    if "owner_id" in leading:
        return own
    if isinstance(access, PartOf):
        whole, inner = model.referenced(access.whole), f"{alias}w"
        return (
            f"{own} AND {alias}.{access.whole}_id IN (SELECT {inner}.id FROM {whole.table()} "
            f"{inner} WHERE {path_of(whole, inner, owner)})"
        )
    assert "user_id" in leading, f"{model.__name__} can't be found by its owner"
    return f"{alias}.user_id = {owner} AND {own}"


def _depth(model: type[Record]) -> int:
    """How many wholes are above a table."""
    access = model.access
    return 1 + _depth(model.referenced(access.whole)) if isinstance(access, PartOf) else 0


async def _move(tx: Transaction, path: Path, source: str, target: str, vault: Vault) -> None:
    for owner, columns in path.exclusive:
        same = "".join(f" AND o.{name} = t.{name}" for name in columns)
        taken = f"EXISTS (SELECT 1 FROM {path.model.table()} o WHERE o.{owner} = $2{same})"
        await tx.remove_many(path.model, f"{path.where} AND {taken}", source, target)
    if sealed_columns(path.model):
        for row in await tx.find(path.model, path.where, source, lock=True):
            await row.change(**_sealed_anew(row, target, vault))
    if "user_id" in path.model.columns():
        own = f"{path.where} AND t.user_id = $1"
        await tx.change_many(path.model, own, source, owner_id=target, user_id=target)
    await tx.change_many(path.model, path.where, source, owner_id=target)


def _sealed_anew(row: Record, target: str, vault: Vault) -> dict[str, str | None]:
    """The encrypted columns of a row, for another owner; what can't be opened is dropped."""
    found: dict[str, str | None] = {}
    for name in sealed_columns(type(row)):
        try:
            text = opened(vault, row, name)
        except ValueError:
            text = None
        found[name] = None if text is None else sealed(vault, row, name, text, owner=target)
    return found

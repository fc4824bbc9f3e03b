"""Accounts: the ways in which a user signs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import fields
from models.access import Owned
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.users import User
from models.base import Record
from models.errors import Conflict
from models.indexes import index, unique
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

CREDENTIAL = "credential"
"""The provider of accounts that are entered with a password; their account id is the user's."""

TOKEN_LIMIT = 20_000
MOST = 50  # accounts of one user


class Account(Record):
    """A way in which a user signs in: a password, or an account at a provider."""

    prefix = "acc"
    access = Owned(read=Permission.READ_ACCOUNT)
    indexes = (unique("provider_id", "account_id"), index("user_id", "created_at", "id"))

    owner_id: str = fields.key("Whose account it is.")
    user_id: str = fields.key("Id of the user.")
    provider_id: str = fields.key("The provider: `credential` for a password, `google`, `github`.")
    account_id: str = fields.key("Who the user is there.")
    access_token: str | None = fields.secret("The provider's access token.", limit=TOKEN_LIMIT)
    refresh_token: str | None = fields.secret("The provider's refresh token.", limit=TOKEN_LIMIT)
    id_token: str | None = fields.secret("The provider's identity token.", limit=TOKEN_LIMIT)
    password_hash: str | None = fields.digest("The password's hash (Argon2id).", limit=500)
    scope: str | None = fields.text(
        "What the provider allows, in its words.", limit=5_000, blank=True, null=True
    )

    class Meta:
        table = "account"

    @verb.needing(Permission.ACCOUNT)
    async def unlink(self, tx: Transaction) -> str:
        """Take this way in away; returns its id. Raises Conflict for the last one."""
        user = await tx.lock(User, self.user_id)  # two at once must not each spare the other
        left = await tx.find(Account, "user_id = $1 AND id <> $2", self.user_id, self.id)
        if not left and (user is None or user.clerk_id is None):
            raise Conflict("This is the only way in; link another first.")
        await audit(tx, AuditAction.ACCOUNT_UNLINKED, self, provider=self.provider_id)
        await self.remove()
        return self.id


async def credential_of(tx: Transaction, user_id: str) -> Account | None:
    """The account that holds a user's password, locked."""
    where = "provider_id = $1 AND account_id = $2"
    return await tx.first(Account, where, CREDENTIAL, user_id, lock=True)


async def check_unchanged(tx: Transaction, user_id: str, password_hash: str | None) -> None:
    """Raise Conflict when a user has another password than the one just proven."""
    known = await credential_of(tx, user_id)
    if (known and known.password_hash) != password_hash:
        raise Conflict("The password was changed meanwhile.")


async def set_password(tx: Transaction, user_id: str, password_hash: str) -> Account:
    """Give a user a password, or another one."""
    known = await credential_of(tx, user_id)
    if known is not None:
        return await known.change(password_hash=password_hash)
    account = Account(
        owner_id=user_id,
        user_id=user_id,
        provider_id=CREDENTIAL,
        account_id=user_id,
        password_hash=password_hash,
    )
    return await tx.add(account)

"""Tokens of connections that have ended, until their provider has been told.

Here a connection is gone at once; the provider may be down, so a worker tells it, again and again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from models import fields
from models.access import OperatorOnly
from models.accounts.erasing import user_erased
from models.accounts.oauth_connections import (
    TOKEN_LIMIT,
    OAuthConnection,
    OAuthProvider,
    Tokens,
    token_columns,
)
from models.base import Record
from models.indexes import index
from models.sealing import opened
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.users import User
    from models.ports import Vault
    from models.transaction import Transaction

TRIES = 12
FIRST_PAUSE = timedelta(seconds=30)  # doubles with each try, so that the last is after 17 hours


class OAuthRevocation(Record):
    """A token that its provider is to forget."""

    prefix = "oar"
    access = OperatorOnly()
    indexes = (index("due_at"),)

    owner_id: str = fields.key("Whose connection it was.")
    provider: OAuthProvider = fields.choice(OAuthProvider, "Who gave it.")
    access_token: str | None = fields.secret(
        "The token.", limit=TOKEN_LIMIT, sealed_as="oauth_connection.access_token"
    )
    refresh_token: str | None = fields.secret(
        "Brings a new token.", limit=TOKEN_LIMIT, sealed_as="oauth_connection.refresh_token"
    )
    expires_at: datetime | None = fields.moment("When the token ends.", null=True)
    tries: int = fields.integer("How often the provider was told.", default=0)
    due_at: datetime = fields.moment("When it is told next.")

    class Meta:
        table = "oauth_revocation"

    def open_token(self, vault: Vault, column: str = "access_token") -> str | None:
        """One of its tokens; None where there is none, or none that can be read any more."""
        try:
            return opened(vault, self, column)
        except ValueError:
            return None


async def have_revoked(tx: Transaction, connection: OAuthConnection) -> None:
    """Have the provider told, once the transaction has committed, that a token is not used."""
    if connection.access_token is not None:
        revocation = OAuthRevocation(
            owner_id=connection.owner_id,
            provider=connection.provider,
            access_token=connection.access_token,
            refresh_token=connection.refresh_token,
            expires_at=connection.expires_at,
            due_at=tx.now,
        )
        await tx.add(revocation)


@user_erased.attach
async def end_connections(tx: Transaction, user: User) -> None:
    """End an erased user's connections at once."""
    for connection in await tx.find(OAuthConnection, "user_id = $1", user.id, lock=True):
        await have_revoked(tx, connection)
        await connection.remove()


@verb.needing(None)
async def take_revocations(tx: Transaction, most: int) -> list[OAuthRevocation]:
    """Take those that are due; one that is not forgotten is due again after a pause."""
    due = f"due_at <= $1 ORDER BY due_at LIMIT {most}"
    found = await tx.find(OAuthRevocation, due, tx.now, lock=True)
    for one in found:
        await one.change(tries=one.tries + 1, due_at=tx.now + FIRST_PAUSE * 2**one.tries)
    return found


@verb.needing(None)
async def keep_for_revocation(tx: Transaction, id: str, new: Tokens, vault: Vault) -> None:
    """Keep what a refresh token brought until the provider has forgotten it too."""
    revocation = await tx.lock(OAuthRevocation, id)
    if revocation is not None:
        await revocation.change(**token_columns(revocation, new, vault, tx.now))


@verb.needing(None)
async def forget_revocation(tx: Transaction, id: str) -> None:
    """The provider knows, or never will."""
    revocation = await tx.lock(OAuthRevocation, id)
    if revocation is not None:
        await revocation.remove()

"""Connecting outside services, keeping their tokens new, and disconnecting.

Tokens that can be spent once only are renewed by one at a time: `claim_renewal` gives the right to
for a while, with no lock held while the provider is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from models.accounts.audit_logs import AuditAction, audit, audit_own
from models.accounts.linking import live_user
from models.accounts.oauth_connections import (
    ACCOUNT,
    ASKED_SCOPE,
    OAuthConnection,
    OAuthProvider,
    Tokens,
    token_columns,
)
from models.accounts.oauth_revocations import have_revoked
from models.accounts.rate_limits import Limit, count_try
from models.accounts.sessions import Session
from models.accounts.tokens import digest
from models.errors import RateLimited, Unauthenticated
from models.permissions import Permission
from models.storable import storable, storable_json
from models.verbs import verb

if TYPE_CHECKING:
    from models.ports import Vault
    from models.transaction import Transaction
    from models.verbs import Actor

ERRAND = timedelta(hours=1)
"""How long a state is known again; none holds as long."""
RENEWAL = timedelta(seconds=30)
"""How long somebody may take to renew a token before another may."""


@dataclass(frozen=True, slots=True)
class Connecting:
    """Who connects what, with what the provider told; `session_id` must still be open.

    `account` has `id` and what else is known of the user there.
    """

    user_id: str
    session_id: str | None
    provider: OAuthProvider
    asked_scope: str
    tokens: Tokens
    account: Mapping[str, Any]


@verb.needing(None)
async def connect(tx: Transaction, new: Connecting, vault: Vault) -> OAuthConnection:
    """Keep a connection, in the place of the user's other one to the service.

    Raises Unauthenticated when the user or the session they left with is gone.
    """
    user = await live_user(tx, new.user_id)
    if new.session_id and await tx.lock(Session, new.session_id) is None:
        raise Unauthenticated("This session has ended.")
    where = "user_id = $1 AND provider = $2"
    row = await tx.first(OAuthConnection, where, user.id, new.provider, lock=True)
    if row is None:
        none_yet = OAuthConnection(
            owner_id=user.id, user_id=user.id, provider=new.provider, scope=""
        )
        row = await tx.add(none_yet)
    elif row.account_id != new.account["id"]:
        await have_revoked(tx, row)
        await row.change(refresh_token=None, metadata=None)
    columns = _columns(tx, row, new.tokens, vault)
    scope = {"scope": new.tokens.scope or new.asked_scope}
    await row.change(**columns | scope, metadata=_metadata(row, new))
    login = storable(str(new.account.get("login") or ""))
    details = {"provider": new.provider.value, "scope": row.scope, "login": login}
    await audit_own(tx, AuditAction.SERVICE_CONNECTED, row, user.id, **details)
    return row


async def use_once(actor: Actor, state: str) -> None:
    """Note that a state came back. Raises Unauthenticated the second time."""
    try:
        await count_try(actor, [Limit(f"errand_{digest(state)}", 1, ERRAND)])
    except RateLimited:
        raise Unauthenticated("This was used already; begin again.") from None


@verb.needing(Permission.ACCOUNT)
async def disconnect(tx: Transaction, id: str) -> str:
    """End a connection of the viewer's; returns its id. The provider is told afterwards."""
    connection = await tx.reach(OAuthConnection, id, field="id")
    await have_revoked(tx, connection)
    await connection.remove()
    provider = connection.provider.value
    await audit(tx, AuditAction.SERVICE_DISCONNECTED, connection, provider=provider)
    return connection.id


@dataclass(frozen=True, slots=True)
class Renewal:
    """A refresh token about to be spent, and the connection it is of."""

    id: str
    user_id: str
    provider: OAuthProvider
    spent: str = field(repr=False)


@verb.needing(None)
async def claim_renewal(tx: Transaction, renewal: Renewal, vault: Vault) -> bool:
    """Take the right to renew a token; False while somebody else has it, or did it."""
    row = await _holding(tx, renewal, vault)
    if row is None or (row.renewing_until is not None and row.renewing_until > tx.now):
        return False
    await row.change(renewing_until=tx.now + RENEWAL)
    return True


@verb.needing(None)
async def keep_renewed(tx: Transaction, renewal: Renewal, new: Tokens, vault: Vault) -> bool:
    """Keep what a refresh token brought.

    False where the connection ended, or was made anew meanwhile: then nobody needs it.
    """
    row = await _holding(tx, renewal, vault)
    if row is not None:
        scope = {"scope": new.scope} if new.scope else {}
        await row.change(**_columns(tx, row, new, vault) | scope)
        return True
    ended = OAuthConnection(
        owner_id=renewal.user_id, user_id=renewal.user_id, provider=renewal.provider, scope=""
    )
    for name, value in token_columns(ended, new, vault, tx.now).items():
        setattr(ended, name, value)
    await have_revoked(tx, ended)
    return False


@verb.needing(None)
async def hand_back_renewal(tx: Transaction, renewal: Renewal, vault: Vault) -> None:
    """Let somebody else renew at once: the provider could not."""
    row = await _holding(tx, renewal, vault)
    if row is not None:
        await row.change(renewing_until=None)


@verb.needing(None)
async def note_refusal(tx: Transaction, id: str, refused: str, vault: Vault) -> None:
    """The provider refused a token for good: the service must be connected anew.

    Nothing is noted where that token has been replaced meanwhile.
    """
    row = await tx.lock(OAuthConnection, id)
    if row is not None and refused in _tokens(row, vault):
        await row.change(refused_at=tx.now, renewing_until=None)


async def _holding(tx: Transaction, renewal: Renewal, vault: Vault) -> OAuthConnection | None:
    """A connection, locked, if its refresh token is still the same: sealed texts may differ."""
    row = await tx.lock(OAuthConnection, renewal.id)
    if row is None or row.open_token(vault, "refresh_token") != renewal.spent:
        return None
    return row


def _tokens(row: OAuthConnection, vault: Vault) -> set[str | None]:
    return {row.open_token(vault, name) for name in ("access_token", "refresh_token")}


def _columns(tx: Transaction, row: OAuthConnection, new: Tokens, vault: Vault) -> dict[str, Any]:
    """The columns of a connection that has new tokens, and so can be used."""
    usable = {"refused_at": None, "renewing_until": None}
    return token_columns(row, new, vault, tx.now) | usable


def _metadata(row: OAuthConnection, new: Connecting) -> dict[str, Any]:
    told = {ACCOUNT: storable_json(dict(new.account)), ASKED_SCOPE: new.asked_scope}
    return row.told_metadata | told

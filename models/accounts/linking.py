"""Signing in through a provider, and linking its accounts to users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.accounts.accounts import MOST, Account
from models.accounts.addresses import address_of, claim_address, holder_of
from models.accounts.audit_logs import AuditAction, audit_own
from models.accounts.guests import take_over
from models.accounts.mails import MailKind, post
from models.accounts.proving import prove
from models.accounts.sessions import Session, exchange, open_session
from models.accounts.signing_up import new_user
from models.accounts.tokens import digest
from models.accounts.users import NAME_LIMIT, User
from models.errors import Conflict, Invalid, Unauthenticated
from models.storable import storable
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.accounts.sessions import NewToken
    from models.ports import Client, Vault
    from models.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """What a provider says of a user, and the tokens it gave; its word was checked."""

    provider_id: str
    account_id: str
    email: str | None = None
    email_verified: bool = False
    name: str | None = None
    avatar_url: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    id_token: str | None = None
    scope: str | None = None

    @property
    def proven_email(self) -> str | None:
        """The address, if the provider says that it is the user's own."""
        try:
            return address_of(self.email) if self.email and self.email_verified else None
        except Invalid:
            return None


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who comes back from a provider: a user who links, a guest, or nobody yet.

    Who links must still have the session, `link_session`, they left with, if it was one.
    """

    identity: ProviderIdentity
    link_to: str | None = None
    link_session: str | None = None
    guest_id: str | None = None


async def enter_through(desk: Desk, arrival: Arrival) -> str | None:
    """Sign in, sign up or link; returns the new session's token, None after linking.

    Raises Conflict for an account that is another user's, Unauthenticated and RateLimited.
    """
    await desk.count("provider")
    vault = desk.ports.vault
    if arrival.link_to is not None:
        await link(desk.actor, arrival, vault)
        return None
    token, stored = desk.session_token()
    await arrive(desk.actor, arrival, stored, desk.client, vault)
    return token


@verb.needing(None)
async def link(tx: Transaction, arrival: Arrival, vault: Vault) -> Account:
    """Give a user one more way in, and tell them."""
    user = await live_user(tx, arrival.link_to or "")
    if arrival.link_session and await tx.lock(Session, arrival.link_session) is None:
        raise Unauthenticated("This session has ended.")
    known = await _known(tx, arrival.identity)
    if known is not None and known.user_id != user.id:
        raise Conflict("This account is another user's already.")
    if known is None and user.email is not None and user.email_verified:
        await post(tx, MailKind.ACCOUNT_LINKED, user.email)
    return await _keep(tx, known, user, arrival.identity, vault)


async def redeem_code(desk: Desk, first_token: str) -> str:
    """A session's token for the one it was opened with. Raises Invalid, RateLimited."""
    await desk.count("provider")
    token, stored = desk.session_token()
    if not await exchange(desk.actor, digest(first_token), stored):
        raise Invalid("This code does not hold any more; sign in anew.", field="code")
    return token


async def unlink(desk: Desk, account_id: str, password: str | None) -> str:
    """Take one of the viewer's ways in away; returns its id.

    Raises Forbidden for a wrong password, RateLimited, and Conflict for the last way in.
    """
    await prove(desk, password)
    return await Account.unlink(desk.actor, account_id)


@verb.needing(None)
async def arrive(
    tx: Transaction, arrival: Arrival, token: NewToken, client: Client, vault: Vault
) -> User:
    """Open a session for a provider's user, who may be new."""
    known = await _known(tx, arrival.identity)
    if known is not None:
        user = await live_user(tx, known.user_id)
    else:
        user = await _user_of(tx, arrival)
    await _keep(tx, known, user, arrival.identity, vault)
    if arrival.guest_id is not None and arrival.guest_id != user.id:
        await take_over(tx, arrival.guest_id, user, vault)
    await open_session(tx, user, token, client)
    return user


async def _known(tx: Transaction, identity: ProviderIdentity) -> Account | None:
    where = "provider_id = $1 AND account_id = $2"
    return await tx.first(Account, where, identity.provider_id, identity.account_id, lock=True)


async def live_user(tx: Transaction, user_id: str) -> User:
    """A user who has an account, locked. Raises Unauthenticated for one who is gone."""
    user = await tx.lock(User, user_id)
    if user is None or user.deleted_at is not None or user.anonymous:
        raise Unauthenticated("This account is gone.")
    return user


async def _user_of(tx: Transaction, arrival: Arrival) -> User:
    """Who has proven the same address, else a new user, whom the guest becomes.

    Only a proven address says that two are the same: anybody may claim one.
    """
    identity, email = arrival.identity, arrival.identity.proven_email
    if email is not None:
        holder = await holder_of(tx, email)
        if holder is not None:
            await post(tx, MailKind.ACCOUNT_LINKED, email)
            return holder
        await claim_address(tx, email)
    name = storable(identity.name or "").strip()[:NAME_LIMIT]
    return await new_user(tx, email, name or None, arrival.guest_id, avatar_url=identity.avatar_url)


async def _keep(
    tx: Transaction, known: Account | None, user: User, identity: ProviderIdentity, vault: Vault
) -> Account:
    """The account with the tokens that the provider gave now; a missing one keeps the old."""
    names = ("access_token", "refresh_token", "id_token")
    given = {name: getattr(identity, name) for name in names}
    sealed = {
        name: vault.seal(text, owner=user.id, purpose=f"account.{name}")
        for name, text in given.items()
        if text is not None
    }
    if identity.scope is not None:
        sealed["scope"] = identity.scope
    if known is not None:
        return await known.change(**sealed)
    if len(await tx.find(Account, "user_id = $1", user.id)) >= MOST:
        raise Conflict(f"At most {MOST} accounts; unlink another first.")
    account = Account(
        owner_id=user.id,
        user_id=user.id,
        provider_id=identity.provider_id,
        account_id=identity.account_id,
        **sealed,
    )
    await tx.add(account)
    provider = identity.provider_id
    await audit_own(tx, AuditAction.ACCOUNT_LINKED, account, user.id, provider=provider)
    return account

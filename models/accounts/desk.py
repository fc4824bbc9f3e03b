"""The desk: what signing in and up needs beside the transaction."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from models.accounts.rate_limits import Limit, count_try
from models.accounts.sessions import NewToken
from models.accounts.tokens import digest, new_session_token
from models.accounts.verifications import Purpose, Ticket
from models.errors import Invalid
from models.ports import NOWHERE

if TYPE_CHECKING:
    from models.ports import Client, Passwords, Tickets, Vault
    from models.verbs import Actor

SHORTEST = 8
LONGEST = 200


@dataclass(frozen=True, slots=True)
class SignInRules:
    """How long sessions last and how often one may guess."""

    session_lifetime: timedelta
    account_tries: int
    address_tries: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class SignInPorts:
    """What signing in needs from outside."""

    passwords: Passwords
    tickets: Tickets
    vault: Vault
    rules: SignInRules


@dataclass(frozen=True, slots=True)
class Desk:
    """Who acts, from where, and with what."""

    actor: Actor
    client: Client
    ports: SignInPorts

    async def count(self, action: str, account: str | None = None) -> None:
        """Count one more try from this address, and for this account. Raises RateLimited.

        What is counted here stays counted, whatever becomes of the try.
        """
        await count_try(self.actor, self.limits(action, account))

    def limits(self, action: str, account: str | None = None) -> list[Limit]:
        """How often something may be done from this address, and for this account."""
        rules = self.ports.rules
        keys = {f"ip_{network_of(self.client.address)}_{action}": rules.address_tries}
        if account is not None:
            keys[f"account_{_short(account)}_{action}"] = rules.account_tries
        return [Limit(key, most, rules.window) for key, most in keys.items()]

    def ticket(self, purpose: Purpose) -> Ticket:
        """A new ticket."""
        return Ticket.new(self.ports.tickets, purpose)

    def session_token(self) -> tuple[str, NewToken]:
        """A new token of a session, and what is stored of it."""
        token = new_session_token()
        return token, NewToken(digest(token), self.ports.rules.session_lifetime)

    async def hashed(self, password: str, field: str = "password") -> str:
        """The hash of a new password. Raises Invalid for one that is too short or too long."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise Invalid(f"From {SHORTEST} to {LONGEST} characters.", field=field)
        return await self.rehashed(password)

    async def rehashed(self, password: str) -> str:
        """The hash of a password that is known to be the right one."""
        return await self.ports.passwords.hash(normal(password))

    async def matches(self, password: str, hashed: str | None) -> bool:
        """Whether a password is that of a hash; takes as long where there is none."""
        return await self.ports.passwords.matches(normal(password[: LONGEST + 1]), hashed)

    def is_outdated(self, hashed: str | None) -> bool:
        """Whether a hash was made with other parameters than the present ones."""
        return hashed is not None and self.ports.passwords.is_outdated(hashed)


def normal(password: str) -> str:
    """A password as it is hashed: the same whichever keyboard it was typed on."""
    return unicodedata.normalize("NFKC", password)


def network_of(address: str) -> str:
    """The address by which tries are counted: of IPv6 the first half, since the rest is free."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or IPv6Network((found, 64), strict=False).network_address)
    return str(found)


def keys_of(user_id: str, client: Client, action: str, *, guest: bool) -> list[str]:
    """What an act of a user's is counted by; a guest's by their address as well, where it is known:
    another id does not help."""
    keys = [f"user_{user_id}_{action}"]
    if guest and client.address != NOWHERE.address:
        keys.append(f"ip_{network_of(client.address)}_{action}")
    return keys


def _short(account: str) -> str:
    """A name for an account that shows nobody's address."""
    return hashlib.sha256(account.encode()).hexdigest()[:32]

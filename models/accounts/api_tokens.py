"""Tokens for scripts: what a user's programs sign in with, within scopes and for a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from models import fields
from models.access import Owned
from models.accounts.api_token_text import SHOWN, api_token_of
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.proving import prove
from models.accounts.tokens import digest
from models.base import Record
from models.errors import Conflict, Invalid
from models.ids import new_id
from models.indexes import index, unique
from models.noting import note_time
from models.permissions import Permission, Scope
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.idempotency import Once
    from models.ports import Database
    from models.transaction import Transaction

MOST = 50  # of a user
LONGEST = 366  # days


class ApiToken(Record):
    """What a program signs in with instead of its user."""

    prefix = "tok"
    access = Owned(read=Permission.ACCOUNT)
    indexes = (unique("token_hash"), index("user_id", "created_at", "id"))

    owner_id: str = fields.key("Whose token it is.")
    user_id: str = fields.key("Id of the user it stands for.")
    name: str = fields.text("What it is for.", limit=100)
    start: str = fields.key("Its first characters, by which it is known again.")
    token_hash: str | None = fields.digest("SHA-256 of the token.")
    scopes: list[str] = fields.json("What it is good for.", opaque=False)
    expires_at: datetime = fields.moment("When it ends.")
    last_used_at: datetime | None = fields.moment("When it was last used, to a minute.", null=True)

    class Meta:
        table = "api_token"


@dataclass(frozen=True, slots=True)
class NewApiToken:
    """What a token is for and good for; `days` is how long it lasts."""

    name: str
    scopes: Sequence[Scope]
    days: int


async def create_api_token(
    desk: Desk, new: NewApiToken, password: str | None, once: Once | None
) -> tuple[ApiToken, str]:
    """Make a token of the viewer's; returns it with its text, which is stored nowhere.

    A call repeated with its key gives the same. Raises Forbidden for a wrong password, Conflict
    where there are too many, Invalid and RateLimited.
    """
    await prove(desk, password)
    tickets, id = desk.ports.tickets, new_id(ApiToken.prefix)
    actor = replace(desk.actor, once=once)
    token = await keep_api_token(actor, new, id, api_token_of(tickets, id))
    return token, api_token_of(tickets, token.id)


@verb.needing(Permission.ACCOUNT)
async def keep_api_token(tx: Transaction, new: NewApiToken, id: str, text: str) -> ApiToken:
    """Keep a token of the viewer's."""
    user = tx.actor.viewer.id
    tx.require(user)
    if not new.scopes:
        raise Invalid("Name at least one.", field="scopes")
    if not 1 <= new.days <= LONGEST:
        raise Invalid(f"From 1 to {LONGEST}.", field="days")
    if len(await tx.find(ApiToken, f"user_id = $1 LIMIT {MOST}", user)) == MOST:
        raise Conflict(f"At most {MOST} tokens.")
    scopes = sorted({scope.value for scope in new.scopes})
    token = ApiToken(
        id=id,
        owner_id=user,
        user_id=user,
        name=new.name,
        start=text[:SHOWN],
        token_hash=digest(text),
        scopes=scopes,
        expires_at=tx.now + timedelta(days=new.days),
    )
    await tx.add(token)
    await audit(tx, AuditAction.TOKEN_CREATED, token, start=token.start, scopes=scopes)
    return token


@verb.needing(Permission.ACCOUNT)
async def revoke_api_token(tx: Transaction, id: str) -> str:
    """End a token; returns its id."""
    token = await tx.reach(ApiToken, id, field="id")
    await token.remove()
    await audit(tx, AuditAction.TOKEN_REVOKED, token, start=token.start)
    return token.id


async def note_use(
    database: Database, id: str, last_used_at: datetime | None, now: datetime
) -> None:
    """Note that a token is in use."""
    await note_time(database, (ApiToken, "last_used_at"), id, last_used_at, now)

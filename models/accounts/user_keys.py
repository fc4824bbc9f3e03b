"""Users' own keys for providers of models: encrypted, and used for their answers alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from models import fields
from models.access import Owned
from models.accounts.action_limits import limited
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.erasing import user_erased
from models.base import Record
from models.errors import Conflict, Invalid
from models.indexes import unique
from models.noting import note_time
from models.permissions import Permission
from models.providing import AnswerError, ProviderError
from models.sealing import opened, sealed
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.users import User
    from models.ports import Database, Vault
    from models.providing import ModelInfo
    from models.transaction import Transaction
    from models.verbs import Actor

SHORTEST, LONGEST = 16, 500  # characters of a key
SHOWN = 4  # characters at each end that a masked key keeps
TESTS = limited("test_key", 10, minutes=10)

_OF_PROVIDER = "user_id = $1 AND provider = $2"


class KeyMode(StrEnum):
    """When a user's key goes before the server's."""

    PRIORITY = "priority"
    FALLBACK = "fallback"


class KeyTest(StrEnum):
    """What came of showing a key to its provider."""

    OK = "OK"
    REFUSED = "REFUSED"
    UNREACHABLE = "UNREACHABLE"


class UserKey(Record):
    """A user's own key for a provider of models."""

    prefix = "key"
    access = Owned(read=Permission.ACCOUNT)
    indexes = (unique("user_id", "provider"),)

    owner_id: str = fields.key("Whose key it is.")
    user_id: str = fields.key("Id of the user.")
    provider: str = fields.key("The provider, as models name it: `openai`.")
    encrypted_key: str | None = fields.secret(
        "The key, encrypted, with the iv in front.", limit=2_000, bound=("provider",)
    )
    masked_key: str = fields.key("The key's first and last four characters.")
    mode: KeyMode = fields.choice(
        KeyMode, "When it goes before the server's.", default=KeyMode.PRIORITY
    )
    last_used_at: datetime | None = fields.moment("When it was last used, to a minute.", null=True)

    class Meta:
        table = "user_key"

    @verb.needing(Permission.ACCOUNT)
    async def set_mode(self, tx: Transaction, mode: KeyMode) -> UserKey:
        """Say when it goes before the server's."""
        await self.change(mode=mode)
        await audit(tx, AuditAction.KEY_CHANGED, self, provider=self.provider, mode=mode.value)
        return self

    @verb.needing(Permission.ACCOUNT)
    async def reached(self, tx: Transaction) -> UserKey:
        """The key of a viewer who may use it."""
        return self

    @verb.needing(Permission.ACCOUNT)
    async def note_test(self, tx: Transaction, result: KeyTest) -> UserKey:
        """Note what came of a test."""
        await audit(tx, AuditAction.KEY_TESTED, self, provider=self.provider, result=result.value)
        return self

    def open_key(self, vault: Vault) -> str | None:
        """The key itself; None where there is none, or none that can be read any more."""
        try:
            return opened(vault, self, "encrypted_key")
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class NewUserKey:
    """A key to keep."""

    provider: str
    key: str = field(repr=False)
    mode: KeyMode = KeyMode.PRIORITY


@dataclass(frozen=True, slots=True)
class KeyTested:
    """A tested key, what came of it, and that in words."""

    user_key: UserKey
    result: KeyTest
    message: str


@verb.needing(Permission.ACCOUNT)
async def set_user_key(tx: Transaction, new: NewUserKey, vault: Vault) -> UserKey:
    """Keep a key of the viewer's, in the place of the one for the same provider."""
    user = tx.actor.viewer.id
    tx.require(user)
    if not _takes_keys(tx.actor, new.provider):
        raise Invalid("No model of such a provider takes keys here.", field="provider")
    text = _written(new.key)
    row = UserKey(owner_id=user, user_id=user, provider=new.provider, mode=new.mode)
    row.masked_key = masked(text)
    row.encrypted_key = sealed(vault, row, "encrypted_key", text)
    known = await tx.first(UserKey, _OF_PROVIDER, user, new.provider, lock=True)
    if known is None:
        await tx.add(row)
    else:
        written = ("mode", "masked_key", "encrypted_key")
        row = await known.change(**{name: getattr(row, name) for name in written})
    await audit(tx, AuditAction.KEY_SET, row, provider=row.provider, mode=row.mode.value)
    return row


@verb.needing(Permission.ACCOUNT)
async def delete_user_key(tx: Transaction, id: str) -> str:
    """Forget a key; returns its row's id."""
    row = await tx.reach(UserKey, id, field="id")
    await row.remove()
    await audit(tx, AuditAction.KEY_DELETED, row, provider=row.provider)
    return row.id


async def try_user_key(actor: Actor, id: str, vault: Vault) -> KeyTested:
    """Show a key to its provider, with no transaction open meanwhile.

    Raises RateLimited; Conflict for a key that can't be read any more.
    """
    row = await UserKey.reached(actor, id)
    await TESTS.count(actor)
    text = row.open_key(vault)
    if text is None:
        raise Conflict("This key can't be read any more; set it again.")
    result, message = await _shown(actor, row.provider, text)
    return KeyTested(await UserKey.note_test(actor, id, result), result, message)


async def _shown(actor: Actor, provider: str, key: str) -> tuple[KeyTest, str]:
    try:
        await actor.models.check_key(provider, key)
    except ProviderError as error:
        refused = error.code is AnswerError.KEY_REFUSED
        return KeyTest.REFUSED if refused else KeyTest.UNREACHABLE, error.message
    return KeyTest.OK, "The provider accepts the key."


async def choose_model(tx: Transaction, model_id: str | None, field: str = "model") -> ModelInfo:
    """The named model, or the default one. Raises Invalid for one that the viewer can't use:
    neither the server nor they have a key for its provider."""
    models = tx.actor.models
    found = models.find(model_id) if model_id is not None else None
    if found is not None and found.takes_key and not found.available:
        own = await tx.first(UserKey, _OF_PROVIDER, tx.actor.viewer.user_id, found.provider)
        if own is not None:
            return found
    return models.choose(model_id, field)


async def uses_own_key(tx: Transaction, model: ModelInfo) -> bool:
    """Whether the viewer's own key for a model is used, and no other one."""
    if not model.takes_key:
        return False
    own = await tx.first(UserKey, _OF_PROVIDER, tx.actor.viewer.user_id, model.provider)
    return own is not None and (own.mode is KeyMode.PRIORITY or not model.available)


@user_erased.attach
async def forget_keys(tx: Transaction, user: User) -> None:
    """Delete an erased user's keys at once: nothing else is as dear to those who steal."""
    await tx.remove_many(UserKey, "user_id = $1", user.id)


async def key_of(database: Database, user_id: str, provider: str) -> UserKey | None:
    """The key of a user for a provider, still encrypted."""
    rows = await database.fetch(f"SELECT * FROM user_key WHERE {_OF_PROVIDER}", user_id, provider)
    return UserKey.from_row(rows[0]) if rows else None


async def note_use(database: Database, key: UserKey, now: datetime) -> None:
    """Note that a key is in use."""
    await note_time(database, (UserKey, "last_used_at"), key.id, key.last_used_at, now)


def masked(key: str) -> str:
    """What may be seen of a key."""
    return f"{key[:SHOWN]}…{key[-SHOWN:]}"


def _takes_keys(actor: Actor, provider: str) -> bool:
    return any(one.provider == provider and one.takes_key for one in actor.models.entries())


def _written(key: str) -> str:
    """A key without what was copied around it. Raises Invalid for what can be none."""
    text = key.strip()
    if not SHORTEST <= len(text) <= LONGEST:
        raise Invalid(f"From {SHORTEST} to {LONGEST} characters.", field="key")
    if not all("!" <= character <= "~" for character in text):
        raise Invalid("A key has printable ASCII characters only, and no spaces.", field="key")
    return text

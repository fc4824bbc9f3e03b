"""What the domain needs from outside, as Protocols: tests pass their own, nothing is patched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from models.providing import ModelInfo
    from models.transaction import Transaction
    from models.viewer import Viewer


class Clock(Protocol):
    """The one source of time."""

    def now(self) -> datetime:
        """The current time in UTC, cut to whole milliseconds."""
        ...


class Bus(Protocol):
    """How one process tells the others that something was committed."""

    def committed(self) -> None:
        """Wake the readers of the event log; never blocks, may be called at any rate."""
        ...


class Connection(Protocol):
    """A connection to PostgreSQL; jsonb goes in and out as Python values."""

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        """Run a statement and return its rows."""
        ...

    async def fetchrow(self, query: str, *args: Any) -> Mapping[str, Any] | None:
        """Run a statement and return its first row."""
        ...

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Run a statement and return the first value of its first row."""
        ...

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement and return its command tag, such as `UPDATE 3`."""
        ...


class Database(Protocol):
    """The pool of connections. Raises Unavailable when PostgreSQL can't be reached."""

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for single statements."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """A connection inside a transaction that commits at the end, or rolls back on an error."""
        ...

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        """Run one statement on a connection of the pool and return its rows."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A committed change of an owner's row, or, without `change`, a bare cursor.

    `sign` makes the cursor, for those who show it. `change` has op, id, columns, old and new (see
    models.changes.Change.as_json).
    """

    sign: Callable[[], str]
    change: Mapping[str, Any] | None = None
    reset: bool = False


class Changes(Protocol):
    """The event log as this process reads it."""

    def listen(
        self, owner: str, viewer: Viewer, after: str | None
    ) -> AbstractAsyncContextManager[AsyncIterator[Heard]]:
        """The changes of an owner's rows from now on, or after a cursor of the same viewer's.

        From now on those of the viewer's own rows are among them, since rights rest on some.
        The iterator raises Unavailable when its reader is too slow.
        """
        ...


class Streamed(NamedTuple):
    """A piece of a message's text; `reset` voids what came before."""

    part: int
    kind: str
    text: str
    cursor: str
    reset: bool


Sink: TypeAlias = Callable[[Any], bool]
"""Takes an event at once, and False when it can't: then the event comes by the iterator."""


class Streams(Protocol):
    """The texts that are being written."""

    def follow(
        self, message_id: str, viewer: Viewer, after: str | None, sink: Sink | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Streamed]]:
        """The text of a message from its start or after a cursor; ends with the message.

        While the iterator is waited for, events go to `sink` as far as it takes them.
        """
        ...


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """A message somebody wants to send: whose rows it makes, and the models that will answer.

    `paid` has those that are not asked with the sender's own key, by the ids of what they write.
    """

    owner_id: str
    models: Sequence[ModelInfo] = ()
    paid: Mapping[str, ModelInfo] = field(default_factory=dict[str, "ModelInfo"])


Policy = Callable[["Transaction", AdmissionRequest], Awaitable[None]]
"""Refuses a message by raising a DomainError."""


@dataclass(frozen=True, slots=True)
class DailyLimits:
    """How much may be done in a day, which begins at midnight of `zone`."""

    guest_messages: int
    guest_address_messages: int
    user_messages: int
    pro_messages: int
    free_uploads: int
    zone: tzinfo


class GuestTokens(Protocol):
    """Makes the tokens that let guests in."""

    def issue_guest_token(self, user_id: str) -> str:
        """A signed token for a guest's user id."""
        ...

    def guest_of(self, token: str) -> str:
        """The user id in a guest's token. Raises Invalid for any other."""
        ...


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from, as far as the server can tell."""

    address: str = "unknown"
    user_agent: str | None = None


NOWHERE = Client()


class Passwords(Protocol):
    """Hashes passwords, in threads: each takes tens of milliseconds of CPU on purpose.

    Raises Unavailable when too many wait.
    """

    async def hash(self, password: str) -> str:
        """The hash to store, with its salt and its parameters."""
        ...

    async def matches(self, password: str, hashed: str | None) -> bool:
        """Whether a password belongs to a hash; without a hash as slow, and false."""
        ...

    def is_outdated(self, hashed: str) -> bool:
        """Whether a hash was made with other parameters than the present ones."""
        ...


class Tickets(Protocol):
    """Makes the values that links in mails carry."""

    def token_of(self, purpose: str, id: str) -> str:
        """The value of a verification: the same in every process, for nobody else to find out."""
        ...


class Vault(Protocol):
    """Encrypts secrets at rest, bound to an owner and a purpose."""

    def seal(self, text: str, *, owner: str, purpose: str) -> str:
        """Encrypt a text."""
        ...

    def open(self, sealed: str, *, owner: str, purpose: str) -> str:
        """The text that was sealed. Raises ValueError for anything else."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in plain text."""

    recipient: str
    subject: str
    text: str


class Post(Protocol):
    """Delivers mails."""

    async def send(self, letter: Letter) -> None:
        """Hand one over. Raises Undeliverable, or Unavailable when trying later may help."""
        ...


class SessionCookie(Protocol):
    """The cookie that keeps a browser signed in."""

    def keep(self, token: str, lifetime: timedelta) -> None:
        """Have the browser keep a session's token."""
        ...

    def drop(self) -> None:
        """Have the browser forget it."""
        ...


class Connections(Protocol):
    """The outside services that users connected."""

    async def token(self, user_id: str, provider: str, *, instead_of: str | None = None) -> str:
        """A token to use a service with for a user, renewed where it is about to end, and another
        one than `instead_of`, which the service refused. Raises NotConnected and Unavailable.
        """
        ...

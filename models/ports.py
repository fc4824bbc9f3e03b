"""What the domain needs from outside, as Protocols: tests pass their own, nothing is patched."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
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


PartKind = Literal["text", "reasoning", "tool_call"]


@dataclass(frozen=True, slots=True)
class ContentPart:
    """A piece of a prompt: text, or the URL of an image."""

    kind: Literal["text", "image"]
    value: str


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One turn of what a model is given, oldest first."""

    role: Literal["system", "user", "assistant", "tool"]
    parts: Sequence[ContentPart]


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything a model is given for one generation.

    `model` is the id without its provider's prefix. `key` is the same for each try of one
    generation, so that a deterministic provider can repeat itself; `attempt` is how many tries
    went before this one.
    """

    model: str
    messages: Sequence[PromptMessage]
    key: str
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of part number `part` (0, 1, …) of an answer; `text` is never empty."""

    text: str
    part: int = 0
    kind: PartKind = "text"


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of an answer; a stream that ends without one was cut off.

    `usage` holds `inputTokens` and `outputTokens` where the provider tells them.
    """

    reason: str
    usage: dict[str, Any] = field(default_factory=dict[str, Any])


class ProviderError(Exception):
    """The provider refused, broke off or could not be reached.

    `message` is neutral and fit for the end user: never a provider's own text, key or address.
    `retryable` says whether a second try may succeed, `retry_after` how many seconds to wait.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after


class ModelProvider(Protocol):
    """A source of answers: `mock`, or an OpenAI-compatible endpoint."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finish, None]:
        """Yield deltas and then one Finish; raise ProviderError. Cancelling stops the call."""
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
class ModelInfo:
    """A model on offer.

    `provider` is the prefix of `id`; `context` the tokens that prompt and answer may hold
    together; `available` is false while its provider is not configured.
    """

    id: str
    provider: str
    tier: Literal["cheap", "pro", "best"]
    context: int
    available: bool


class ModelCatalogue(Protocol):
    """The models of the configuration: what viewers choose from and billing charges by."""

    @property
    def default(self) -> str:
        """The id used when nobody chose another; always one of `entries`."""
        ...

    def entries(self) -> Sequence[ModelInfo]:
        """All models, in the order of the configuration."""
        ...

    def find(self, model_id: str) -> ModelInfo | None:
        """The model of that id, or None; ids are compared exactly."""
        ...

    def choose(self, model_id: str | None, field: str = "model") -> ModelInfo:
        """The named model, or the default one. Raises Invalid for one that can't be used.

        `field` is the input's name for it.
        """
        ...

    def provider_for(self, model_id: str) -> tuple[ModelProvider, str]:
        """Who answers, and `Prompt.model`; raises Invalid (field `model`)."""
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

        The iterator raises Unavailable when its reader is too slow.
        """
        ...


@dataclass(frozen=True, slots=True)
class Streamed:
    """A piece of a message's text; `reset` voids what came before."""

    part: int
    kind: str
    text: str
    cursor: str
    reset: bool


class Streams(Protocol):
    """The texts that are being written."""

    def follow(
        self, message_id: str, viewer: Viewer, after: str | None
    ) -> AbstractAsyncContextManager[AsyncIterator[Streamed]]:
        """The text of a message from its start or after a cursor; ends with the message."""
        ...


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """A message somebody wants to send: whose rows it makes, and the model that will answer."""

    owner_id: str
    model: ModelInfo


Policy = Callable[["Transaction", AdmissionRequest], Awaitable[None]]
"""Refuses a message by raising a DomainError."""


class GuestTokens(Protocol):
    """Makes the tokens that let guests in."""

    def issue_guest_token(self, user_id: str) -> str:
        """A signed token for a guest's user id."""
        ...

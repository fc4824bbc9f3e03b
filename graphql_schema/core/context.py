"""What a resolver may use: made anew for each operation, never for a socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, cast

from graphql_schema.core.loaders import Loaders
from models.accounts.desk import Desk, SignInPorts
from models.ports import NOWHERE, Client
from models.standing import renewed
from models.verbs import Actor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import strawberry

    from graphql_schema.core.signed import Signer
    from models.accounts.github import GitHub
    from models.billing.payments import Payments
    from models.crediting import CreditRules
    from models.idempotency import Once
    from models.ports import (
        Bus,
        Changes,
        Clock,
        DailyLimits,
        Database,
        GuestTokens,
        SessionCookie,
        Sink,
        Streams,
    )
    from models.providing import ModelCatalogue
    from models.storing import Files
    from models.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Ports:
    """What resolvers need from outside; the server makes it once, tests make their own."""

    database: Database
    clock: Clock
    bus: Bus
    models: ModelCatalogue
    signer: Signer
    changes: Changes
    streams: Streams
    guests: GuestTokens
    sign_in: SignInPorts
    files: Files
    payments: Payments
    dev: bool = False
    limits: DailyLimits | None = None
    rates: Mapping[str, int] = field(default_factory=dict[str, int])
    github: GitHub | None = None
    credits: CreditRules | None = None


@dataclass(slots=True)
class Context:
    """One operation: its viewer, its ports and its loaders.

    `database` is the ports', or one that counts what this operation does; `cookie` is where the
    answer can set one, and `by_cookie` says whether one brought the viewer's session.
    """

    viewer: Viewer
    ports: Ports
    request_id: str
    database: Database
    client: Client = NOWHERE
    cookie: SessionCookie | None = None
    by_cookie: bool = False
    loaders: Loaders = field(init=False)
    sink: Sink | None = field(init=False, default=None)
    """Takes a subscription's events at once, past the iterator that the resolver gives."""
    _done: dict[str, tuple[Any, Exception | None]] = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.database, self.viewer)
        self._done = {}

    async def once(self, key: str, act: Callable[[], Awaitable[Any]]) -> Any:
        """Do what the field `key` of a mutation does; if it is executed again, tell the same.

        A plan that met an error leaves the operation to graphql-core, which may not do it twice.
        """
        if key not in self._done:
            try:
                self._done[key] = (await act(), None)
            except Exception as error:  # noqa: BLE001 - raised below, each time it is asked
                self._done[key] = (None, error)
        result, error = self._done[key]
        if error is not None:
            raise error
        return result

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def forget(self) -> None:
        """Drop what was read, after a write and before each event of a subscription."""
        self.close()
        self.loaders = Loaders(self.database, self.viewer)

    async def renew(self) -> None:
        """Go on with what the viewer may do by now. Raises Unauthenticated."""
        ports = self.ports
        self.viewer = await renewed(self.viewer, ports.database, ports.clock.now())
        self.forget()

    def close(self) -> None:
        """Stop the reading that is still going on, at the end of the operation."""
        self.loaders.close()

    def actor(self, once: Once | None = None) -> Actor:
        """The viewer as the one who acts in a verb."""
        ports = self.ports
        return Actor(
            self.viewer,
            self.database,
            ports.clock,
            ports.bus,
            ports.models,
            self.request_id,
            once,
            limits=ports.limits,
            rates=ports.rates,
            client=self.client,
            credits=ports.credits,
        )

    def desk(self) -> Desk:
        """What signing in and up needs."""
        return Desk(self.actor(), self.client, self.ports.sign_in)


def context_of(info: strawberry.Info) -> Context:
    """The context of the operation that `info` belongs to."""
    return cast("Context", cast("Any", info).context)

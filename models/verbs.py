"""`@verb`: the one way to write. Opens the transaction, locks the root, retries, tells the others.

A verb is a coroutine method of an aggregate root, or a function where there is no root yet:

    class Project(Record):
        @verb
        async def rename(self, tx: Transaction, name: str) -> Project: ...

    @verb
    async def create_project(tx: Transaction, name: str) -> Project: ...

A verb needs a permission on its root: WRITE, or what `@verb.needing(Permission.OWN)` says.

Called with an Actor it is the outermost: `await Project.rename(actor, project_id, name)`. Called
with a Transaction it joins that one: `await project.rename(tx, name)`. Its arguments are ids and
frozen values, never rows, since the outermost verb may run again from the start.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from inspect import signature
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from models import idempotency
from models.errors import Conflict
from models.permissions import Permission
from models.ports import NOWHERE, Client
from models.transaction import Transaction

if TYPE_CHECKING:
    from models.base import Record
    from models.crediting import CreditRules
    from models.ports import Bus, Clock, DailyLimits, Database, Policy
    from models.providing import ModelCatalogue
    from models.viewer import Viewer

P = ParamSpec("P")
T = TypeVar("T")
RowT = TypeVar("RowT", bound="Record")

TRIES = 6
PAUSE = 0.02  # seconds before the second try; doubles with each
ALREADY_THERE = "23505"  # unique violation
TRY_AGAIN = frozenset({"40001", "40P01"})  # serialization failure, deadlock

NEEDS: dict[str, Permission | None] = {}
"""What each verb needs, by its qualified name; None for those that ask for no right."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and with what: the viewer and the ports that verbs need.

    `policies` admit messages instead of the product's own (models.billing.admission), and `limits`
    is how many they admit in a day, None for any number; `rates` is how often something may be done
    where its limit is not the product's own. `credits` says what messages cost, None where nothing
    does. `client` is where the request comes from.
    """

    viewer: Viewer
    database: Database
    clock: Clock
    bus: Bus
    models: ModelCatalogue
    request_id: str | None = None
    once: idempotency.Once | None = None
    policies: tuple[Policy, ...] | None = None
    limits: DailyLimits | None = None
    rates: Mapping[str, int] = field(default_factory=dict[str, int])
    client: Client = NOWHERE
    credits: CreditRules | None = None


class RootVerb(Generic[RowT, P, T]):
    """A verb of an aggregate root: called on the class with an id, or on a row inside a verb."""

    def __init__(self, body: Callable[Concatenate[RowT, Transaction, P], Awaitable[T]]) -> None:
        self._body = body
        update_wrapper(self, body)  # type: ignore[arg-type]

    @overload
    def __get__(
        self, row: None, model: type[RowT]
    ) -> Callable[Concatenate[Actor | Transaction, str, P], Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(
        self, row: RowT, model: type[RowT]
    ) -> Callable[Concatenate[Transaction, P], Awaitable[T]]: ...
    def __get__(self, row: RowT | None, model: type[RowT]) -> Any:
        if row is not None:
            return self._body.__get__(row)

        async def call(caller: Actor | Transaction, id: str, *args: Any, **options: Any) -> T:
            async def body(tx: Transaction) -> T:
                return await self._body(await tx.reach(model, id, field="id"), tx, *args, **options)

            return await _run(caller, self._body, body)

        return call


class Verbs:
    """The decorator: makes a verb, which needs `need`, of a coroutine function."""

    def __init__(self, need: Permission | None) -> None:
        self._need = need

    def needing(self, need: Permission | None) -> Verbs:
        """The decorator of verbs with another need; None for those that ask for no right."""
        return Verbs(need)

    @overload
    def __call__(
        self,
        body: Callable[Concatenate[Transaction, P], Awaitable[T]],
    ) -> Callable[Concatenate[Actor | Transaction, P], Coroutine[Any, Any, T]]: ...
    @overload
    def __call__(
        self,
        body: Callable[Concatenate[RowT, Transaction, P], Awaitable[T]],
    ) -> RootVerb[RowT, P, T]: ...
    def __call__(self, body: Any) -> Any:
        assert NEEDS.setdefault(body.__qualname__, self._need) == self._need, "another's name"
        if next(iter(signature(body).parameters)) == "self":
            return RootVerb(body)

        async def call(caller: Actor | Transaction, *args: Any, **options: Any) -> Any:
            return await _run(caller, body, lambda tx: body(tx, *args, **options))

        return update_wrapper(call, body)


verb = Verbs(Permission.WRITE)


async def _run(
    caller: Actor | Transaction,
    function: Callable[..., Any],
    body: Callable[[Transaction], Awaitable[T]],
) -> T:
    if isinstance(caller, Transaction):
        with caller.needing(NEEDS[function.__qualname__]):
            return await body(caller)
    for attempt in range(TRIES):
        if attempt:
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
            await asyncio.sleep(PAUSE * 2 ** (attempt - 1) * jitter)
        try:
            return await _attempt(caller, function, body)
        except Exception as error:
            if not _worth_another_try(error, attempt):
                raise
    raise Conflict("Too many changes at once; try again.", retry_after=1)


def _worth_another_try(error: Exception, attempt: int) -> bool:
    """Whether what failed may succeed from the start. Raises Conflict for a row that is there.

    A unique violation is tried once more, since the verb then finds the row of its neighbour.
    """
    state = getattr(error, "sqlstate", None)
    if state == ALREADY_THERE and attempt > 0:
        raise Conflict("There is one like it already.") from error
    return state in TRY_AGAIN or state == ALREADY_THERE


async def _attempt(
    actor: Actor, function: Callable[..., Any], body: Callable[[Transaction], Awaitable[T]]
) -> T:
    async with actor.database.transaction() as connection:
        name = function.__qualname__
        tx = Transaction(connection, actor, name, NEEDS[name])
        try:
            if actor.once is not None:
                earlier = await idempotency.begin(tx, actor.once, function)
                if earlier is not None:
                    return earlier
            result = await body(tx)
            if actor.once is not None:
                await idempotency.finish(tx, actor.once, result)
            wrote = await tx.log()
        finally:
            tx.over = True
    if wrote:
        actor.bus.committed()
    return result

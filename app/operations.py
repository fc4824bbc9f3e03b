"""What every transport does with a request: check it, run it in a fresh context, observe it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from app.callers import Caller
from app.cost_budget import CostBudget
from app.observing import Finished, Observer
from app.payload import GraphQLRequest
from app.plan_telling import PlanTelling, with_plan
from app.tally import Tally
from graphql_schema.core.delivering import Deliver
from graphql_schema.core.engine import Admit, Engine, Response
from graphql_schema.core.errors import ErrorReport, Refused, error_codes
from graphql_schema.core.persisted import Documents
from graphql_schema.core.preparing import Prepared
from graphql_schema.plans.tracing import Trace
from models.accounts.spending import payer


class Viewer(Protocol):
    """Who is asking, as far as a transport needs to know."""

    @property
    def user_id(self) -> str | None:
        """Whose sockets are counted together; none for the signed out."""
        ...

    @property
    def rests_on(self) -> tuple[str | None, ...]:
        """The rows that let them in, by their ids: all are needed."""
        ...

    @property
    def session_id(self) -> str | None:
        """The session they came with; none for another kind of token."""
        ...

    @property
    def kind(self) -> str:
        """What may be told of the viewer: signed out, guest or user."""
        ...

    @property
    def expires_at(self) -> datetime | None:
        """When the token ends, in UTC; none for never."""
        ...

    @property
    def operates(self) -> bool:
        """Whether the viewer runs the service."""
        ...


class Contexts(Protocol):
    """How viewers and contexts come to be."""

    async def authenticate(self, caller: Caller) -> Viewer:
        """Who sent a request; a socket's token is already among its headers.

        Raises DomainError when a token is given that does not hold.
        """
        ...

    def operation(
        self, viewer: Any, caller: Caller, request_id: str, tally: Tally
    ) -> AbstractAsyncContextManager[Any]:
        """A context for one operation, or for one event of a subscription; never shared.

        What is read and written through it is counted in `tally`.
        """
        ...


class Operations:
    """The engine with its viewers, contexts and observer."""

    def __init__(
        self,
        engine: Engine,
        contexts: Contexts,
        *,
        time_limit: float,
        documents: Documents,
        observer: Observer | None = None,
        plans: PlanTelling | None = None,
        budget: CostBudget | None = None,
    ) -> None:
        """`time_limit` is in seconds and bounds authentication; the engine has its own.

        Without `plans` nobody is told of them, without a `budget` nobody has one.
        """
        self._engine = engine
        self._contexts = contexts
        self._documents = documents
        self._time_limit = time_limit
        self._observer = observer or Observer()
        self._plans = plans
        self._budget = budget

    async def authenticate(self, caller: Caller, request_id: str) -> Viewer:
        """Who is asking; raises Refused, whatever went wrong."""
        try:
            async with asyncio.timeout(self._time_limit):
                return await self._contexts.authenticate(caller)
        except Exception as error:
            raise Refused([ErrorReport(request_id).raised(error)]) from error

    def allowance(self, viewer: Viewer, caller: Caller) -> Mapping[str, str]:
        """The headers that tell what is left of a viewer's budget."""
        return {} if self._budget is None else self._budget.headers(_payer(viewer, caller))

    def _admission(self, viewer: Viewer, caller: Caller) -> Admit | None:
        if self._budget is None:
            return None
        return partial(self._budget.draw, _payer(viewer, caller))

    async def prepare(self, request: GraphQLRequest) -> Prepared:
        """The operation to run; raises Refused."""
        started = perf_counter()
        try:
            return await self._documents.prepare(
                request.query, request.operation_name, request.document_id
            )
        except Refused as refused:
            seconds, codes = perf_counter() - started, error_codes(refused.errors)
            self._observer.operation_finished(Finished("refused", None, seconds, codes))
            raise

    async def execute(
        self,
        prepared: Prepared,
        request: GraphQLRequest,
        viewer: Viewer,
        caller: Caller,
        request_id: str,
    ) -> Response:
        """Run a query or a mutation; every failure is in the response."""
        started, tally = perf_counter(), Tally()
        trace = self._trace(prepared, viewer) if request.wants_plan else None
        response = await self._engine.execute(
            prepared if trace is None else trace.prepared,
            request.variables,
            lambda: self._contexts.operation(viewer, caller, request_id, tally),
            request_id=request_id,
            admit=self._admission(viewer, caller),
            tell_cost=request.wants_cost,
        )
        self._finished(prepared, viewer, tally, started, response.get("errors", []))
        return response if trace is None else with_plan(response, trace, tally)

    def _trace(self, prepared: Prepared, viewer: Viewer) -> Trace | None:
        return self._plans.trace(prepared, viewer) if self._plans is not None else None

    async def responses(
        self,
        prepared: Prepared,
        request: GraphQLRequest,
        viewer: Viewer,
        caller: Caller,
        request_id: str,
        deliver: Deliver | None = None,
    ) -> AsyncGenerator[Response, None]:
        """Run any operation: one response, or one per event. Raises Refused as the last thing.

        Events may go to `deliver` instead; see Engine.subscribe.
        """
        if prepared.kind != "subscription":
            response = await self.execute(prepared, request, viewer, caller, request_id)
            if "data" not in response:
                raise Refused(response["errors"])
            yield response
            return
        events = self._events(prepared, request, viewer, caller, request_id, deliver)
        async with aclosing(events):
            async for response in events:
                yield response

    async def _events(
        self,
        prepared: Prepared,
        request: GraphQLRequest,
        viewer: Viewer,
        caller: Caller,
        request_id: str,
        deliver: Deliver | None,
    ) -> AsyncGenerator[Response, None]:
        started, tally = perf_counter(), Tally()
        errors: list[dict[str, Any]] = []
        self._observer.subscription_started(prepared.name)
        events = self._engine.subscribe(
            prepared,
            request.variables,
            lambda: self._contexts.operation(viewer, caller, request_id, tally),
            request_id=request_id,
            admit=self._admission(viewer, caller),
            deliver=deliver,
        )
        try:
            async with aclosing(events):
                async for response in events:
                    yield response
        except Refused as refused:
            errors = refused.errors
            raise
        finally:
            self._finished(prepared, viewer, tally, started, errors)

    def _finished(
        self,
        prepared: Prepared,
        viewer: Viewer,
        tally: Tally,
        started: float,
        errors: list[dict[str, Any]],
    ) -> None:
        seconds, codes = perf_counter() - started, error_codes(errors)
        done = Finished(
            prepared.kind, prepared.name, seconds, codes, viewer.kind, prepared.document, tally
        )
        self._observer.operation_finished(done)


def _payer(viewer: Viewer, caller: Caller) -> str:
    """Who is charged: a user, or for a guest the address, since another guest is soon made."""
    return payer(viewer.user_id if viewer.kind == "user" else None, caller.client)


def seconds_left(viewer: Viewer) -> float | None:
    """How long the viewer's token still holds; none for ever."""
    if viewer.expires_at is None:
        return None
    return max(0.0, (viewer.expires_at - datetime.now(UTC)).total_seconds())

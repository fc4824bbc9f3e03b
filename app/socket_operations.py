"""The operations that run on one WebSocket."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeAlias

from app.callers import Caller
from app.messages import NEXT_AFTER, ProtocolViolation, next_before, written
from app.operations import Operations, Viewer
from app.outbox import Outbox
from app.payload import GraphQLRequest, request_from_json
from app.responses import encode
from graphql_schema.core.errors import ErrorReport, Refused, refusal
from models.errors import BadRequest, DomainError, RateLimited

Authenticate: TypeAlias = Callable[[], Awaitable[Viewer]]
"""Finds out who is asking; raises Refused."""


class Delivery:
    """Sends the `data` of an event at once, as a message of the operation; see core.delivering."""

    __slots__ = ("_before", "_outbox")

    def __init__(self, operation: str, outbox: Outbox) -> None:
        self._before = next_before(operation)
        self._outbox = outbox

    def __call__(self, data: bytes) -> bool:
        return self._outbox.offer(self._before + data + NEXT_AFTER)


class SocketOperations:
    """Starts, counts and stops operations; their messages go to the outbox."""

    def __init__(
        self,
        operations: Operations,
        outbox: Outbox,
        caller: Caller,
        *,
        most: int,
        request_id: str,
    ) -> None:
        """`most` bounds the operations at once; ids of requests begin with `request_id`."""
        self._operations = operations
        self._outbox = outbox
        self._caller = caller
        self._most = most
        self._request_id = request_id
        self._started = 0
        self._by_id: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._mutations: set[asyncio.Task[None]] = set()
        self._leaving = False

    def start(self, operation: str, payload: dict[str, Any], authenticate: Authenticate) -> None:
        """Run an operation as whom `authenticate` finds; raises ProtocolViolation (4400, 4409).

        What is wrong with a single operation is sent as its error. Once `finish` was called
        nothing starts any more: the socket closes, and its client sends it again elsewhere.
        """
        if self._leaving:
            return
        if operation in self._by_id:
            raise ProtocolViolation(4409, f"Subscriber for {operation} already exists")
        try:
            request = self._admit(payload)
        except BadRequest as error:
            raise ProtocolViolation(4400, error.message) from error
        except DomainError as error:
            self._outbox.push(written("error", operation, [refusal(error)]))
            return
        task = asyncio.create_task(self._run(operation, request, authenticate, self._next_id()))
        self._by_id[operation] = task
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def complete(self, operation: str) -> None:
        """Stop an operation; nothing more is sent under its id. Unknown ids are fine."""
        task = self._by_id.pop(operation, None)
        if task is not None:
            task.cancel()

    async def finish(self, seconds: float) -> None:
        """Start nothing any more and stop all but mutations, which end and are answered."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._end_mutations()
                await self._outbox.flushed()

    async def _end_mutations(self) -> None:
        self._leaving = True
        tasks = list(self._tasks)
        for task in tasks:
            if task not in self._mutations:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Stop all; returns once the last has let go of what it held."""
        self._by_id.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _admit(self, payload: dict[str, Any]) -> GraphQLRequest:
        request = request_from_json(payload)
        # Stopped operations count until they are gone, so that restarting gains nothing.
        if len(self._tasks) >= self._most:
            raise RateLimited("Too many operations run on this socket.", retry_after=1)
        return request

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._mutations.discard(task)

    def _next_id(self) -> str:
        self._started += 1
        return f"{self._request_id[:48]}-{self._started}"

    async def _run(
        self,
        operation: str,
        request: GraphQLRequest,
        authenticate: Authenticate,
        request_id: str,
    ) -> None:
        try:
            prepared = await self._operations.prepare(request)
            if prepared.kind == "mutation" and (task := asyncio.current_task()):
                self._mutations.add(task)
            viewer = await authenticate()
            deliver = Delivery(operation, self._outbox)
            responses = self._operations.responses(
                prepared, request, viewer, self._caller, request_id, deliver
            )
            async with aclosing(responses):
                async for response in responses:
                    await self._outbox.put(written("next", operation, encode(response, request_id)))
            last = written("complete", operation)
        except Refused as refused:
            last = written("error", operation, refused.errors)
        except Exception as error:  # noqa: BLE001 - masked and logged with the request's id
            last = written("error", operation, [ErrorReport(request_id).raised(error)])
        # The id is free as soon as the client can know of the end.
        if self._by_id.get(operation) is asyncio.current_task():
            del self._by_id[operation]
        await self._outbox.put(last)

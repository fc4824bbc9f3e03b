"""Tools: functions that models may call while they answer, as a Protocol and as a plain value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

TIMEOUT = 30.0
"""Seconds that a call may take unless the tool says otherwise."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """Whom a call is made for.

    `key` is the same for every try of one call: a worker that dies in the middle of a call leaves
    it to another, which makes it again. A tool whose effect must happen once passes it on.
    """

    key: str
    user_id: str
    owner_id: str
    message_id: str


class ToolError(Exception):
    """A call that failed; the message is told to the model and to the user."""


class Tool(Protocol):
    """A function that models may call."""

    @property
    def name(self) -> str:
        """What models call it: letters, digits, `_` and `-`, 64 at most; one of a kind."""
        ...

    @property
    def description(self) -> str:
        """What it does, for models."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON Schema of its arguments, an object."""
        ...

    @property
    def needs_approval(self) -> bool:
        """Whether a person is asked before each call."""
        ...

    @property
    def timeout(self) -> float:
        """Seconds that a call may take."""
        ...

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Any:
        """Do it and return a JSON value. Raises ToolError; it must not block the event loop.

        The arguments are a JSON object that fits `parameters`.
        """
        ...


Function = Callable[[Mapping[str, Any], CallContext], Awaitable[Any]]


def _no_parameters() -> Mapping[str, Any]:
    return {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A Tool made of a coroutine function."""

    name: str
    description: str
    function: Function
    parameters: Mapping[str, Any] = field(default_factory=_no_parameters)
    needs_approval: bool = False
    timeout: float = TIMEOUT

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Any:
        """Call the function."""
        return await self.function(arguments, context)

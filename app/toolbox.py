"""The tools of this process: found at its start, and called with a deadline and a bound."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, cast

import orjson
import structlog

from app.tool_schemas import ArgumentSchema
from models.chat.tool_calls import ToolCallState
from models.chat.tool_steps import OpenCall
from models.chat.transcripts import Asked
from models.storable import too_deep
from models.tools import CallContext, Tool, ToolError

RESULT_LIMIT = 32 << 10
"""Bytes of JSON that a call may give."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Result:
    """What a call gave, as JSON."""

    state: ToolCallState
    json: bytes

    @property
    def failed(self) -> bool:
        """Whether it tells why there is none."""
        return self.state is not ToolCallState.SUCCEEDED


class Toolbox:
    """The tools that models may call.

    Raises ValueError for two of one name, a bad name, or parameters that are no JSON Schema.
    """

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        self._schemas: dict[str, ArgumentSchema] = {}
        for tool in tools:
            if not _NAME.fullmatch(tool.name) or tool.name in self._tools:
                raise ValueError(f"The tool {tool.name!r} needs a name of its own.")
            self._tools[tool.name] = tool
            self._schemas[tool.name] = ArgumentSchema(tool)

    @property
    def tools(self) -> Sequence[Tool]:
        """All of them, in the order they were given."""
        return tuple(self._tools.values())

    async def needs_approval(self, asked: Asked) -> bool:
        """Whether a person is asked before a call; not for one that can only fail."""
        tool = self._tools.get(asked.name)
        needs = tool is not None and tool.needs_approval
        return needs and await self._refusal(asked.name, asked.arguments) is None

    async def call(self, call: OpenCall, user_id: str, message_id: str) -> Result:
        """Make a call, whatever comes of it; cancelling cancels the tool."""
        if call.denied:
            return _failure("The user denied this call.", ToolCallState.DENIED)
        refusal = await self._refusal(call.name, call.arguments)
        if refusal is not None:
            return _failure(refusal)
        tool, arguments = self._tools[call.name], call.arguments or {}
        context = CallContext(call.id, user_id, call.owner_id, message_id)
        try:
            return _success(await _within(tool, arguments, context))
        except TimeoutError:
            return _failure("The tool took too long.")
        except ToolError as error:
            return _failure(str(error)[:2_000])
        except Exception:
            log.exception("tool.failed", tool=call.name, call=call.id)
            return _failure("The tool failed.")

    async def _refusal(self, name: str, arguments: Mapping[str, Any] | None) -> str | None:
        """Why a call can only fail; None when it can be made."""
        if name not in self._tools:
            return "There is no such tool."
        if arguments is None:
            return "The arguments are no JSON object."
        return await self._schemas[name].misfit(arguments)


def load_tools(names: Sequence[str]) -> Toolbox:
    """The tools that the setting names, each `module:attribute`. Raises ValueError for others."""
    return Toolbox([_loaded(name) for name in names])


def _loaded(name: str) -> Tool:
    try:
        found = resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"There is no tool {name!r}: {error}") from error
    if not hasattr(found, "needs_approval") or not hasattr(found, "call"):
        raise ValueError(f"{name!r} is no tool.")
    return cast("Tool", found)


async def _within(tool: Tool, arguments: Mapping[str, Any], context: CallContext) -> Any:
    """What a tool gives in its time; one that does not heed its cancellation is left behind."""
    task = asyncio.create_task(_called(tool, arguments, context), name=f"tool {tool.name}")
    try:
        done, _ = await asyncio.wait([task], timeout=tool.timeout)
    finally:
        task.cancel()
    if not done:
        raise TimeoutError
    if task.cancelled():
        raise ToolError("The tool gave up.")
    return task.result()


async def _called(tool: Tool, arguments: Mapping[str, Any], context: CallContext) -> Any:
    return await tool.call(arguments, context)


def _success(given: Any) -> Result:
    try:
        json = orjson.dumps(given)
    except TypeError:
        json = b""
    if not json or too_deep(orjson.loads(json)):
        return _failure("The tool gave nothing that JSON can hold.")
    if len(json) > RESULT_LIMIT:
        return _failure("The tool gave too much.")
    return Result(ToolCallState.SUCCEEDED, json)


def _failure(why: str, state: ToolCallState = ToolCallState.FAILED) -> Result:
    return Result(state, orjson.dumps({"error": why}))

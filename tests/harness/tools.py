"""Tools that models call in tests; each call is noted in a table or steered by its arguments."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.tools import CallContext, FunctionTool, ToolError

ADDING = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}


async def _add(arguments: Mapping[str, Any], _: CallContext) -> Any:
    return {"sum": arguments["a"] + arguments["b"]}


async def _note(arguments: Mapping[str, Any], context: CallContext) -> Any:
    """Add a line with the call's key to the file `to`, then wait as long as a file `hold` is."""
    with Path(arguments["to"]).open("a") as file:  # noqa: ASYNC230 - a line, in a test
        file.write(f"{context.key}\n")
    while "hold" in arguments and Path(arguments["hold"]).exists():  # noqa: ASYNC240
        await asyncio.sleep(0.02)
    return "noted"


async def _misbehave(arguments: Mapping[str, Any], _: CallContext) -> Any:
    match arguments["how"]:
        case "refuse":
            raise ToolError("It is closed on Sundays.")
        case "crash":
            raise RuntimeError("a secret of the server's")
        case "give up":
            raise asyncio.CancelledError
        case "too much":
            return "x" * (32 << 10)
        case "no json":
            return object()
        case _:
            return await _deaf()


async def _deaf() -> None:
    """Sleep, and not heed being told to stop."""
    for _ in range(3):
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            continue


add = FunctionTool("add", "Adds two numbers.", _add, ADDING)
note = FunctionTool("note", "Takes a note.", _note)
misbehave = FunctionTool("misbehave", "Fails.", _misbehave, timeout=0.3)
delete = FunctionTool("delete", "Deletes something.", _note, needs_approval=True)

TOOLS = [f"tests.harness.tools:{name}" for name in ("add", "note", "misbehave", "delete")]

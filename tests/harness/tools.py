"""Tools that models call in tests; their arguments say what becomes of a call."""

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
NOTING = {
    "type": "object",
    "properties": {"to": {"type": "string"}, "hold": {"$ref": "#/properties/to"}},
    "required": ["to"],
    "additionalProperties": False,
}


async def _add(arguments: Mapping[str, Any], _: CallContext) -> Any:
    return {"sum": arguments["a"] + arguments["b"]}


async def _note(arguments: Mapping[str, Any], context: CallContext) -> Any:
    """Add a line with the call's key to the file `to`, then wait as long as a file `hold` is."""
    _append(Path(arguments["to"]), context.key)
    while _is_held(arguments.get("hold")):
        await asyncio.sleep(0.02)
    return "noted"


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(f"{line}\n")


def _is_held(path: str | None) -> bool:
    return path is not None and Path(path).exists()


def lines(path: Path) -> list[str]:
    """The keys of the calls that were noted in a file."""
    return path.read_text().splitlines() if path.exists() else []


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
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            continue


async def _nest(arguments: Mapping[str, Any], _: CallContext) -> Any:
    """As many lists in each other as `levels` says."""
    found: list[Any] = []
    for _ in range(arguments["levels"] - 1):
        found = [found]
    return found


NESTING = {"properties": {"in": {"$ref": "#"}, "lost": {"$ref": "https://example.org/schema"}}}

add = FunctionTool("add", "Adds two numbers.", _add, ADDING)
note = FunctionTool("note", "Takes a note.", _note, NOTING)
misbehave = FunctionTool("misbehave", "Fails.", _misbehave, timeout=0.3)
delete = FunctionTool("delete", "Deletes something.", _note, NOTING, needs_approval=True)

nest = FunctionTool("nest", "Nests.", _nest, NESTING)
no_schema = FunctionTool("no_schema", "Cannot be.", _nest, {"type": "text"})

TOOLS = [f"tests.harness.tools:{name}" for name in ("add", "note", "misbehave", "delete", "nest")]

"""The JSON Schemas of tools: whether the arguments that a model wrote are what a tool takes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import structlog
from jsonschema import Draft202012Validator  # pyright: ignore[reportMissingTypeStubs]
from jsonschema.exceptions import SchemaError  # pyright: ignore[reportMissingTypeStubs]
from jsonschema.validators import validator_for  # pyright: ignore[reportMissingTypeStubs]
from referencing import Registry

from models.tools import Tool

TOLD = 2_000  # characters of what is wrong, at most

log = structlog.get_logger()


class ArgumentSchema:
    """The schema of one tool's arguments. Raises ValueError when it is none."""

    def __init__(self, tool: Tool) -> None:
        schema, self._tool = dict(tool.parameters), tool.name
        kind: Any = validator_for(schema, default=cast("Any", Draft202012Validator))
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            why = cast("Any", error).message
            raise ValueError(
                f"The parameters of {tool.name!r} are no JSON Schema: {why}"
            ) from error
        # An empty registry: what a schema refers to is never fetched.
        self._validator = kind(schema, registry=cast("Any", Registry)())

    async def misfit(self, arguments: Mapping[str, Any]) -> str | None:
        """What is wrong with some arguments, for the model; None when they fit."""
        # In a thread, since a megabyte of JSON takes seconds.
        return await asyncio.to_thread(self._misfit, dict(arguments))

    def _misfit(self, arguments: dict[str, Any]) -> str | None:
        try:
            error = next(self._validator.iter_errors(arguments), None)
        except Exception:  # as for a reference that leads nowhere, or to itself
            log.exception("tool.unchecked", tool=self._tool)
            return "The arguments could not be checked."
        if error is None:
            return None
        return f"The arguments do not fit, at {error.json_path}: {error.message}"[:TOLD]

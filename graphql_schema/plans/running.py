"""One run of a plan: whose it is, its variables, and what it reads."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphql_schema.core.context import Context
    from graphql_schema.plans.shapes import Json, Row, Step
    from models.reading import Listing, Lookup


class Surprise(Exception):
    """Something that the plan was not made for: graphql-core is to execute the operation."""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution; `variables` are graphql-core's, coerced."""

    context: Context
    variables: Any

    def follow(self, step: Step, rows: Sequence[Row]) -> Awaitable[Sequence[Json]]:
        """The values of a step for rows; a run that is traced does it in a way of its own."""
        return step.values(self, rows)

    async def fetch(
        self, query: Lookup | Listing, keys: Sequence[str], columns: tuple[str, ...]
    ) -> Sequence[Row]:
        """The rows of keys that the viewer reaches, for all of them in one statement."""
        sql, args = query.statement(self.context.viewer, keys, columns)
        return await self.context.database.fetch(sql, *args)


def distinct(keys: Sequence[str | None]) -> list[str]:
    """The keys that are not null, each once, in their order."""
    return [key for key in dict.fromkeys(keys) if key is not None]

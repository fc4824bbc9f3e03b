"""One execution whose plan is printed, with the statements that each level sent.

Only who asks for it pays: the operation is compiled anew and run by a run of its own kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from graphql_schema.plans.collecting import NotTaken
from graphql_schema.plans.planner import Planned, Planner
from graphql_schema.plans.printing import Level, Sent, printed
from graphql_schema.plans.running import Run

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from graphql_schema.core.context import Context
    from graphql_schema.core.preparing import Prepared
    from graphql_schema.plans.planner import Left
    from graphql_schema.plans.shapes import Json, Row, Step
    from models.reading import Listing, Lookup


@dataclass(frozen=True, slots=True)
class TracedRun(Run):
    """A run that notes what each of its steps sends."""

    sent: dict[int, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    step: int = 0

    def follow(self, step: Step, rows: Sequence[Row]) -> Awaitable[Sequence[Json]]:
        return step.values(replace(self, step=id(step)), rows)

    async def fetch(
        self, query: Lookup | Listing, keys: Sequence[str], columns: tuple[str, ...]
    ) -> Sequence[Row]:
        sql, _ = query.statement(self.context.viewer, keys, columns)
        started = perf_counter()
        rows: Sequence[Row] = ()
        try:
            rows = await Run.fetch(self, query, keys, columns)
        finally:
            self.sent[self.step].append(Sent(sql, len(rows), perf_counter() - started))
        return rows


class Trace:
    """One execution of an operation; `prepared` is the operation to give to the engine."""

    def __init__(self, schema: GraphQLSchema, prepared: Prepared, left: Left) -> None:
        """`left` is told if graphql-core has to execute it after all, as without a trace."""
        self._left = left
        self._sent: dict[int, list[Sent]] = defaultdict(list)
        self._variables: Any = None
        self.reason: str | None = None
        """Why graphql-core executes the operation, None where its plan does."""
        planner = Planner(schema, self._note)
        self._operation = planner.compiled(prepared.document, prepared.operation)
        self.prepared = replace(prepared, planned=self._planned())

    def _planned(self) -> Planned | None:
        operation = self._operation
        return Planned(operation, self._leave, self._run) if operation is not None else None

    def levels(self) -> list[Level]:
        """The levels of the plan that ran with what each sent; none where there was no plan."""
        return [] if self._variables is None else self.levels_for(self._variables)

    def levels_for(self, variables: Any) -> list[Level]:
        """The levels of the plan for coerced variables; none, with a `reason`, without a plan."""
        if self._operation is None:
            return []
        try:
            plan = self._operation.plan(variables.coerced)
        except NotTaken as reason:
            self._note(str(reason))
            return []
        return printed(plan, variables, self._sent)

    def _run(self, context: Context, variables: Any) -> Run:
        self._variables = variables
        return TracedRun(context, variables, self._sent)

    def _leave(self, reason: str) -> None:
        self._note(reason)
        self._left(reason)

    def _note(self, reason: str) -> None:
        self.reason = reason

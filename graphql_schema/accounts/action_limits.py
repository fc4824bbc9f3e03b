"""What is left of the viewer's limits in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.context import context_of
from models.accounts.action_limits import standings_of


@strawberry.type(description="How often the viewer may do something in a window of time.")
class ActionLimit:
    action: str = strawberry.field(description="What is limited, such as `message` or `upload`.")
    limit: int = strawberry.field(description="How often it may be done in a window.")
    remaining: int = strawberry.field(description="How often it may still be done in this one.")
    window_seconds: int = strawberry.field(description="How long a window is.")
    resets_at: datetime | None = strawberry.field(
        description="When the window that runs ends; null where the next time begins one."
    )


@strawberry.type
class Query:
    @strawberry.field(
        description="What is left of the viewer's limits, by action; empty when signed out."
    )
    async def action_limits(self, info: strawberry.Info) -> list[ActionLimit]:
        found: Any = await standings_of(context_of(info).actor())
        return found

"""The viewer's daily limits in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.context import context_of
from models.billing.usage_limits import limits_of


@strawberry.type(description="How often something may be done in a day.")
class UsageLimit:
    limit: int = strawberry.field(description="How often in all.")
    used: int = strawberry.field(description="How often it was done today.")
    remaining: int = strawberry.field(description="How often it may still be done today.")
    resets_at: datetime = strawberry.field(description="When the next day begins.")


@strawberry.type(description="What the viewer may do in a day; null for what has no limit.")
class UsageLimits:
    messages: UsageLimit | None = strawberry.field(
        description="Messages to models of the tier `cheap`; a guest's to all models."
    )
    pro_messages: UsageLimit | None = strawberry.field(
        description="Messages to models of other tiers; null for guests."
    )
    uploads: UsageLimit | None = strawberry.field(
        description="Uploads; null for users with a paying plan."
    )


@strawberry.type
class Query:
    @strawberry.field(
        description="What is left of the viewer's day; null when signed out, or where nothing is "
        "limited by the day."
    )
    async def usage_limits(self, info: strawberry.Info) -> UsageLimits | None:
        found: Any = await limits_of(context_of(info).actor())
        return found

"""The models on offer."""

from __future__ import annotations

from typing import Any

import strawberry

from graphql_schema.core.context import context_of


@strawberry.type(description="A model that may be chosen for an answer.")
class Model:
    id: strawberry.ID = strawberry.field(description="Its id, with its provider's name in front.")
    provider: str = strawberry.field(description="Who runs it.")
    tier: str = strawberry.field(description="What it costs by: cheap, pro or best.")
    context: int = strawberry.field(description="Tokens that prompt and answer may have together.")
    available: bool = strawberry.field(description="Whether its provider is set up here.")
    takes_key: bool = strawberry.field(
        description="Whether users may bring a key of their own for it: see setUserKey."
    )


@strawberry.type
class Query:
    @strawberry.field(description="The models that the viewer may use.")
    def models(self, info: strawberry.Info) -> list[Model]:
        found: Any = context_of(info).ports.models.entries()
        return list(found)

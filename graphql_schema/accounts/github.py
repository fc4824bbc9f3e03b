"""GitHub's repositories, as far as somebody needs to choose one to import."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

from graphql_schema.core.context import context_of
from models.accounts.github import list_repositories

Page = Annotated[int, strawberry.argument(description="Which one, from 1.")]


@strawberry.type(name="GitHubRepository", description="A repository at GitHub.")
class Repository:
    github_id: str = strawberry.field(description="GitHub's number for it.")
    full_name: str = strawberry.field(description="Its owner and its name: `ada/shop`.")
    login: str = strawberry.field(description="Whose it is.")
    name: str = strawberry.field(description="What it is called.")
    private: bool = strawberry.field(description="Whether not everybody sees it.")
    description: str | None = strawberry.field(description="What its owner says of it.")
    default_branch: str | None = strawberry.field(description="Where its work goes on.")
    url: str = strawberry.field(description="Its page.")
    pushed_at: datetime | None = strawberry.field(description="When work last arrived there.")


@strawberry.type(name="GitHubRepositoryPage", description="A page of repositories.")
class RepositoryPage:
    nodes: list[Repository] = strawberry.field(description="Those of this page.")
    next_page: int | None = strawberry.field(description="The next page; null after the last.")


@strawberry.type
class Query:
    @strawberry.field(
        description="The repositories that the viewer's connection to GitHub reaches, those pushed "
        "to last first, 100 a page; null for a viewer who is signed out, and where GitHub is not "
        "set up. Needs READ_ACCOUNT."
    )
    async def github_repositories(
        self, info: strawberry.Info, page: Page = 1
    ) -> RepositoryPage | None:
        context = context_of(info)
        github = context.ports.github
        if context.viewer.user_id is None or github is None:
            return None
        found: Any = await list_repositories(context.actor(), github, page)
        return found

"""Listing what a user could import from GitHub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from models.accounts.action_limits import limited
from models.errors import Invalid
from models.permissions import Permission

if TYPE_CHECKING:
    from models.verbs import Actor

PAGE = 100  # repositories
LAST_PAGE = 1_000
LISTINGS = limited("github_repositories", 30, minutes=1)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at GitHub, as far as somebody needs to choose it."""

    github_id: str
    full_name: str
    login: str
    name: str
    private: bool
    description: str | None
    default_branch: str | None
    url: str
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Repositories:
    """A page of repositories; `next_page` None where it is the last."""

    nodes: Sequence[Repository]
    next_page: int | None


class GitHub(Protocol):
    """GitHub's API, used for a user who connected it."""

    async def repositories(self, user_id: str, page: int, size: int) -> Repositories:
        """The repositories they can reach, those pushed to last first; pages count from 1.

        Raises NotConnected, RateLimited when GitHub wants to be left alone, and Unavailable.
        """
        ...


async def list_repositories(actor: Actor, github: GitHub, page: int) -> Repositories:
    """A page of the viewer's repositories, asked of GitHub with no transaction open.

    Raises NotConnected, RateLimited, Unavailable, and Invalid for no page.
    """
    viewer = actor.viewer
    viewer.require(Permission.READ_ACCOUNT, viewer.id)
    if not 1 <= page <= LAST_PAGE:
        raise Invalid(f"From 1 to {LAST_PAGE:,}.", field="page")
    await LISTINGS.count(actor)
    return await github.repositories(viewer.id, page, PAGE)

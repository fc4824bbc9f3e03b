"""Listing what a user could import from GitHub."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from models.accounts.rate_limits import Limit, count_try
from models.errors import Invalid
from models.permissions import Permission

if TYPE_CHECKING:
    from models.ports import GitHub, Repositories
    from models.verbs import Actor

PAGE = 100  # repositories
LAST_PAGE = 1_000
LISTINGS = 30  # in a window, of one user
WINDOW = timedelta(minutes=1)


async def list_repositories(actor: Actor, github: GitHub, page: int) -> Repositories:
    """A page of the viewer's repositories, asked of GitHub with no transaction open.

    Raises NotConnected, RateLimited, Unavailable, and Invalid for no page.
    """
    viewer = actor.viewer
    viewer.require(Permission.READ_ACCOUNT, viewer.id)
    if not 1 <= page <= LAST_PAGE:
        raise Invalid(f"From 1 to {LAST_PAGE:,}.", field="page")
    await count_try(actor, [Limit(f"user_{viewer.id}_github_repositories", LISTINGS, WINDOW)])
    return await github.repositories(viewer.id, page, PAGE)

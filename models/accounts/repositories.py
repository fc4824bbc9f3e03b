"""Listing what a user could import from GitHub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.action_limits import limited
from models.errors import Invalid, NotConnected
from models.permissions import Permission

if TYPE_CHECKING:
    from models.ports import GitHub, Repositories
    from models.verbs import Actor

PAGE = 100  # repositories
LAST_PAGE = 1_000
LISTINGS = limited("github_repositories", 30, minutes=1)


async def list_repositories(actor: Actor, github: GitHub | None, page: int) -> Repositories:
    """A page of the viewer's repositories, asked of GitHub with no transaction open.

    Raises NotConnected, RateLimited, Unavailable, and Invalid for no page.
    """
    viewer = actor.viewer
    viewer.require(Permission.READ_ACCOUNT, viewer.id)
    if not 1 <= page <= LAST_PAGE:
        raise Invalid(f"From 1 to {LAST_PAGE:,}.", field="page")
    if github is None:
        raise NotConnected("GitHub is not set up here.")
    await LISTINGS.count(actor)
    return await github.repositories(viewer.id, page, PAGE)

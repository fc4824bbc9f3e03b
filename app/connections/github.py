"""GitHub's API, asked for users who connected it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from yarl import URL

from app.connections.providers import GitHub
from app.oauth.answers import JSON, Answer, text_of
from app.oauth.clients import bearer_header
from app.outgoing import Failure, Fetched, Limits, Outgoing, OutgoingFailed
from models.accounts.github import Repositories, Repository
from models.accounts.oauth_connections import OAuthProvider
from models.errors import NotFound, RateLimited
from models.storable import storable

if TYPE_CHECKING:
    from app.connections.providers import Service
    from models.ports import Clock, Connections

LIMITS = Limits(size=8 << 20, total=10.0, silence=5.0)  # a hundred repositories are about 600 kB
LONGEST_WAIT = 3_600.0  # seconds that GitHub is believed to want
SHORTEST_WAIT = 60.0  # where it does not say


class GitHubApi:
    """The port `GitHub`."""

    def __init__(
        self, api_url: str, connections: Connections, outgoing: Outgoing, clock: Clock
    ) -> None:
        self._api = URL(api_url)
        self._connections = connections
        self._outgoing = outgoing
        self._clock = clock

    async def repositories(self, user_id: str, page: int, size: int) -> Repositories:
        """See models.accounts.github.GitHub."""
        query = {"per_page": size, "page": page, "sort": "pushed"}
        answer = await self.asked(user_id, "user/repos", query)
        found = answer.json()
        if not isinstance(found, list):
            raise OutgoingFailed(Failure.GARBLED)
        nodes = [_repository(one) for one in cast("list[object]", found)[:size]]
        more = 'rel="next"' in answer.headers.get("Link", "")
        return Repositories(nodes, page + 1 if more else None)

    async def asked(
        self, user_id: str, path: str, query: Mapping[str, Any] | None = None
    ) -> Fetched:
        """What the API answers a user with, by status 200.

        Raises NotConnected, NotFound, RateLimited and OutgoingFailed.
        """
        url = str((self._api / path).with_query(query))
        provider = OAuthProvider.GITHUB
        token = await self._connections.token(user_id, provider)
        answer = await self._fetched(url, token)
        if answer.status == 401:
            token = await self._connections.token(user_id, provider, instead_of=token)
            answer = await self._fetched(url, token)
        self._check(answer)
        return answer

    async def _fetched(self, url: str, token: str) -> Fetched:
        headers = {**JSON, **bearer_header(token), "X-GitHub-Api-Version": "2022-11-28"}
        return await self._outgoing.fetch("GET", url, limits=LIMITS, headers=headers)

    def _check(self, answer: Fetched) -> None:
        if answer.status in (403, 429) and (wait := self._wait_of(answer)) is not None:
            raise RateLimited("GitHub wants fewer requests; come back later.", retry_after=wait)
        if answer.status == 404:
            raise NotFound("GitHub shows no such thing.")
        if answer.status != 200:
            raise OutgoingFailed(Failure.GARBLED)

    def _wait_of(self, answer: Fetched) -> float | None:
        """How many seconds GitHub wants us to wait; None where it refused for another reason."""
        asked, left = answer.headers.get("Retry-After"), answer.headers.get("X-RateLimit-Remaining")
        if asked is not None:
            return _seconds(asked)
        if left == "0":
            reset = _seconds(answer.headers.get("X-RateLimit-Reset", ""), most=float("inf"))
            return min(LONGEST_WAIT, max(1.0, reset - self._clock.now().timestamp()))
        return SHORTEST_WAIT if answer.status == 429 else None


def github_of(
    services: Mapping[OAuthProvider, Service],
    connections: Connections,
    outgoing: Outgoing,
    clock: Clock,
) -> GitHubApi | None:
    """The API of the GitHub that is set up; None where none is."""
    service = services.get(OAuthProvider.GITHUB)
    if not isinstance(service, GitHub):
        return None
    return GitHubApi(service.api_url, connections, outgoing, clock)


def _seconds(text: str, most: float = LONGEST_WAIT) -> float:
    short = text.isascii() and text.isdigit() and len(text) <= 12
    return min(most, float(text)) if short else SHORTEST_WAIT


def _repository(found: object) -> Repository:
    """One of the list. Raises OutgoingFailed for what is none."""
    if not isinstance(found, dict):
        raise OutgoingFailed(Failure.GARBLED)
    told = cast("Answer", found)
    owner: Any = told.get("owner")
    login = text_of(cast("Answer", owner), "login", 255) if isinstance(owner, dict) else None
    full, name, id = text_of(told, "full_name", 512), text_of(told, "name", 255), told.get("id")
    if full is None or name is None or login is None or not isinstance(id, int):
        raise OutgoingFailed(Failure.GARBLED)
    description = text_of(told, "description", 1_000_000)
    return Repository(
        github_id=str(id),
        full_name=full,
        login=login,
        name=name,
        private=told.get("private") is True,
        description=None if description is None else storable(description),
        default_branch=text_of(told, "default_branch", 255),
        url=text_of(told, "html_url", 2_000) or "",
        pushed_at=_time(text_of(told, "pushed_at", 40)),
    )


def _time(text: str | None) -> datetime | None:
    try:
        found = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)

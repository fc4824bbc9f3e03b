"""Asking a service in a user's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.oauth.clients import bearer_header

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from app.outgoing import Fetched, Limits, Outgoing
    from app.outgoing.client import Arriving
    from models.accounts.oauth_connections import OAuthProvider
    from models.ports import Connections


class Errands:
    """Questions to one service; answers have any status."""

    def __init__(
        self, outgoing: Outgoing, connections: Connections, provider: OAuthProvider
    ) -> None:
        self._outgoing = outgoing
        self._connections = connections
        self._provider = provider

    async def begin(
        self,
        user_id: str,
        url: str,
        refused: Callable[[Fetched], bool],
        headers: Mapping[str, str],
        limits: Limits | None = None,
    ) -> tuple[Errand, Fetched]:
        """An errand for a user, with the answer to its first question.

        Where the answer is that the token is `refused`, the question is asked again, once, with
        another. Raises NotConnected and Unavailable.
        """
        get = self._connections.token
        token = await get(user_id, self._provider)
        errand = Errand(self._outgoing, {**headers, **bearer_header(token)})
        answer = await errand.ask(url, limits=limits)
        if not refused(answer):
            return errand, answer
        token = await get(user_id, self._provider, instead_of=token)
        errand = Errand(self._outgoing, {**headers, **bearer_header(token)})
        return errand, await errand.ask(url, limits=limits)


class Errand:
    """Questions with one token. All raise OutgoingFailed."""

    def __init__(self, outgoing: Outgoing, headers: Mapping[str, str]) -> None:
        self._outgoing = outgoing
        self._headers = headers

    async def ask(self, url: str, *, limits: Limits | None = None, **headers: str) -> Fetched:
        """The whole answer."""
        told = {**self._headers, **headers}
        return await self._outgoing.fetch("GET", url, limits=limits, headers=told)

    def opened(self, url: str, limits: Limits) -> AbstractAsyncContextManager[Arriving]:
        """The answer as it arrives."""
        return self._outgoing.opened("GET", url, limits=limits, headers=self._headers)

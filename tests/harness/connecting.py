"""Users who connect outside services, for tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, CookieJar

from models.accounts.oauth_connections import OAuthProvider
from tests.harness.accounts import Town, town
from tests.harness.api import Api, Server, StartServer
from tests.harness.figma import FigmaServer
from tests.harness.github import GitHubServer
from tests.harness.openid import Browser
from tests.harness.post_office import PostOffice
from tests.harness.services import LOOPBACK, ConnectedService, serving
from tests.harness.verbs import id_of

GRANTS = """{ oauthConnections { id userId provider hasAccessToken hasRefreshToken expiresAt scope
    metadata refusedAt needsReconnecting createdAt updatedAt } }"""
HOME = "https://app.example/settings"


@dataclass
class Harbour:
    """A server, the services it may connect, and a browser."""

    town: Town
    github: GitHubServer
    figma: FigmaServer
    browser: Browser

    @property
    def server(self) -> Server:
        return self.town.server

    async def leave(
        self, user: Api, service: ConnectedService, server: Server | None = None
    ) -> str:
        """Where the browser is sent to connect a service."""
        url = f"{(server or self.server).url}/connections/{service.id}"
        asked, headers = {"redirectTo": HOME}, {"Authorization": f"Bearer {user.token}"}
        async with self.browser.session.post(url, json=asked, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return (await answer.json())["url"]

    async def connect(self, user: Api, service: ConnectedService) -> dict[str, Any]:
        """A connected service, as the API tells of it."""
        target = await self.browser.go(await self.leave(user, service))
        assert target == f"{HOME}#connected={service.id}"
        return await grant_of(user, service)

    async def token(self, user: Api, service: ConnectedService, **more: Any) -> str:
        """What an import would use."""
        provider = OAuthProvider(service.id)
        return await self.server.services.outside.connections.token(
            await id_of(user), provider, **more
        )


async def grant_of(user: Api, service: ConnectedService) -> dict[str, Any]:
    """A user's connection to a service."""
    found = (await user.run(GRANTS))["oauthConnections"]
    (grant,) = [one for one in found if one["provider"] == service.id.upper()]
    return grant


@asynccontextmanager
async def harbour(
    start_server: StartServer, office: PostOffice, **settings: Any
) -> AsyncGenerator[Harbour, None]:
    """A server with GitHub and Figma on loopback."""
    async with (
        serving(GitHubServer()) as github,
        serving(FigmaServer()) as figma,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as session,
    ):
        given = {"connections": [github.entry(), figma.entry()], "outgoing_allow": LOOPBACK}
        here = await town(start_server, office, **given | settings)
        yield Harbour(here, github, figma, Browser(session, here.server.url))

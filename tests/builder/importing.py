"""A place to import in: a server that asks a GitHub and a Figma on loopback, and its user."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from models.accounts.oauth_connections import OAuthConnection, OAuthProvider
from tests.harness.api import Api, Server, StartServer
from tests.harness.eventually import eventually
from tests.harness.importable import TOKEN, ImportableFigma, ImportableGitHub, importable
from tests.harness.planting import CIPHER, plant
from tests.harness.services import LOOPBACK
from tests.harness.verbs import id_of

FIELDS = """{ id userId projectId messageId source sourceId sourceName sourceUrl ref
  status outcome phase error metadata fragmentId bytesDone bytesTotal filesDone
  createdAt updatedAt completedAt }"""
IMPORT = f"{{ import {FIELDS} }}"
READ = f"query($id: ID!) {{ import(id: $id) {FIELDS} }}"
FRAGMENT = """query($id: ID!) { import(id: $id) { fragment { title files framework sandboxUrl
  metadata message { id role type status outcome content projectId
    attachments { type url size importId sourceMetadata } } } } }"""
MESSAGES = "query($id: ID!) { project(id: $id) { messages(first: 50) { nodes { id content } } } }"


@dataclass
class Place:
    """Where imports are made, and those that ask for them."""

    server: Server
    github: ImportableGitHub
    figma: ImportableFigma
    ada: Api
    project: str

    async def github_import(self, **more: Any) -> Any:
        """A new import of the repository."""
        given = {"projectId": self.project, "repository": "octocat/hello"} | more
        return (await self.ada.do("importGithubRepository", IMPORT, **given))["import"]

    async def figma_import(self, **more: Any) -> Any:
        """A new import of the Figma file."""
        given = {"projectId": self.project, "file": "abcDEF123456"} | more
        return (await self.ada.do("importFigmaFile", IMPORT, **given))["import"]

    async def read(self, id: str) -> Any:
        """An import as it is now."""
        return (await self.ada.run(READ, id=id))["import"]

    async def reached(self, id: str, when: Callable[[Any], bool], seconds: float = 15.0) -> Any:
        """An import once it is so."""

        async def look() -> Any:
            found = await self.read(id)
            return found if when(found) else None

        return await eventually(look, seconds)

    async def ended(self, id: str, seconds: float = 15.0) -> Any:
        """An import once it has ended."""
        return await self.reached(id, lambda it: it["status"] in ("COMPLETE", "FAILED"), seconds)

    async def failed(self, **more: Any) -> str:
        """Why an import of the repository fails; nothing of it is in the project."""
        found = await self.ended((await self.github_import(**more))["id"])
        assert (found["status"], found["outcome"], found["phase"]) == ("FAILED",) * 3
        assert (found["fragmentId"], found["metadata"]) == (None, None)
        assert await self.messages() == []
        return found["error"]

    async def messages(self) -> list[Any]:
        """What the project's conversation says."""
        return (await self.ada.run(MESSAGES, id=self.project))["project"]["messages"]["nodes"]


async def connect(server: Server, user: Api, *providers: OAuthProvider) -> None:
    """Have a user be connected, with a token that the loopback servers take."""
    owner = await id_of(user)
    token = CIPHER.seal(TOKEN, owner=owner, purpose="oauth_connection.access_token")
    for provider in providers:
        known = {"provider": provider, "access_token": token, "scope": "repo"}
        await plant(server, OAuthConnection, user_id=owner, **known)


async def new_project(user: Api, **more: Any) -> str:
    """An empty app."""
    given = {"name": "One", "framework": "VUE"} | more
    return (await user.do("createProject", "{ project { id } }", **given))["project"]["id"]


@asynccontextmanager
async def importing(start_server: StartServer, **settings: Any) -> AsyncIterator[Place]:
    """A place; GitHub and Figma end with it."""
    async with importable() as (github, figma):
        offered = [github.entry(), figma.entry()]
        told = {"connections": offered, "outgoing_allow": LOOPBACK} | settings
        server = await start_server(**told)
        ada = server.user()
        await connect(server, ada, *OAuthProvider)
        yield Place(server, github, figma, ada, await new_project(ada))

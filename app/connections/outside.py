"""All that a process needs for what is outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.connections.connections import OAuthConnections
from app.connections.github import GitHubApi, github_of
from app.connections.providers import Service, services_of
from app.connections.revoking import Revoker
from app.outgoing import Gate, Outgoing
from models.accounts.oauth_connections import OAuthProvider

if TYPE_CHECKING:
    from app.config import Settings
    from models.ports import Vault
    from models.verbs import Actor


@dataclass(frozen=True, slots=True)
class Outside:
    """The client, the services that are set up, and users' connections to them."""

    outgoing: Outgoing
    services: Mapping[OAuthProvider, Service]
    connections: OAuthConnections
    github: GitHubApi | None
    revoker: Revoker

    async def close(self) -> None:
        """Let what is under way be kept, and let go of connections."""
        await self.connections.close()
        await self.outgoing.close()


def outside_of(settings: Settings, actor: Actor, vault: Vault) -> Outside:
    """The same by the settings. Raises BadConfiguration."""
    outgoing = Outgoing(Gate(tuple(settings.outgoing_allow)))
    services = services_of(settings, outgoing)
    connections = OAuthConnections(actor, vault, services)
    github = github_of(services, connections, outgoing, actor.clock)
    return Outside(outgoing, services, connections, github, Revoker(actor, vault, services))

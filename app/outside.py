"""The services that users connect, and all that asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.connections.connections import OAuthConnections
from app.connections.github import GitHubApi, github_of
from app.connections.providers import Service, services_of
from app.connections.revoking import Revoker
from app.outgoing import Gate, Outgoing
from app.project_imports.building import importer_of
from app.threads import Threads

if TYPE_CHECKING:
    from app.config import Settings
    from app.project_imports.importer import Importer
    from models.accounts.oauth_connections import OAuthProvider
    from models.ports import Vault
    from models.verbs import Actor

READ_AT_ONCE = 2  # imports, in threads
WAITING_IMPORTS = 100


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that asks services for users; close it at the end."""

    outgoing: Outgoing
    services: Mapping[OAuthProvider, Service]
    connections: OAuthConnections
    github: GitHubApi | None
    revoker: Revoker
    importer: Importer
    importing: Threads

    async def close(self) -> None:
        """Let go of connections and threads."""
        await self.connections.close()
        await self.outgoing.close()
        self.importing.close()


def outside_of(settings: Settings, actor: Actor, vault: Vault, worker: str) -> Outside:
    """What asks the services that are configured; imports run for the worker of that name."""
    outgoing = Outgoing(Gate(tuple(settings.outgoing_allow)))
    services = services_of(settings, outgoing)
    connections = OAuthConnections(actor, vault, services)
    importing = Threads("importing", READ_AT_ONCE, WAITING_IMPORTS)
    return Outside(
        outgoing=outgoing,
        services=services,
        connections=connections,
        github=github_of(services, connections, outgoing, actor.clock),
        revoker=Revoker(actor, vault, services),
        importer=importer_of(settings, actor, worker, outgoing, connections, importing),
        importing=importing,
    )

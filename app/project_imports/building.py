"""The importer of a process, with the sources that its settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.connections.errands import Errands
from app.connections.providers import PUBLIC_GITHUB
from app.project_imports.archive import ArchiveLimits
from app.project_imports.figma import FigmaSource
from app.project_imports.github import GithubSource
from app.project_imports.importer import Importer
from models.accounts.oauth_connections import OAuthProvider
from models.builder.imports import ImportSource

if TYPE_CHECKING:
    from app.config import Settings
    from app.outgoing import Outgoing
    from app.threads import Threads
    from models.ports import Connections
    from models.verbs import Actor

PUBLIC_FIGMA = "https://api.figma.com"


def importer_of(
    settings: Settings,
    actor: Actor,
    worker: str,
    outgoing: Outgoing,
    connections: Connections,
    threads: Threads,
) -> Importer:
    """The importer of the worker of that name; what comes is read in `threads`."""
    apis = {entry.id: entry.api_url for entry in settings.connections}
    limits = ArchiveLimits(settings.import_archive, settings.import_file, settings.import_text)
    github = apis.get("github") or PUBLIC_GITHUB
    figma = apis.get("figma") or PUBLIC_FIGMA
    to_github, to_figma = (
        Errands(outgoing, connections, one) for one in (OAuthProvider.GITHUB, OAuthProvider.FIGMA)
    )
    seconds = settings.import_timeout
    sources = {
        ImportSource.GITHUB: GithubSource(to_github, threads, github, limits, seconds),
        ImportSource.FIGMA: FigmaSource(to_figma, threads, actor.database, figma),
    }
    return Importer(actor, sources, worker, settings.import_slots, settings.lease)

"""The sources of imports, as the settings have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.project_imports.archive import ArchiveLimits
from app.project_imports.figma import FigmaSource
from app.project_imports.github import GithubSource
from models.builder.imports import ImportSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.config import Settings
    from app.outgoing import Outgoing
    from app.project_imports.sources import Source, Tokens
    from app.threads import Threads
    from models.ports import Database


def sources_of(
    settings: Settings, outgoing: Outgoing, tokens: Tokens, threads: Threads, database: Database
) -> Mapping[ImportSource, Source]:
    """Where imports of an installation come from; archives are read in `threads`."""
    limits = ArchiveLimits(settings.import_archive, settings.import_file, settings.import_text)
    api, seconds = settings.github_api, settings.import_timeout
    return {
        ImportSource.GITHUB: GithubSource(outgoing, tokens, threads, api, limits, seconds),
        ImportSource.FIGMA: FigmaSource(outgoing, tokens, database, settings.figma_api),
    }

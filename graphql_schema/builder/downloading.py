"""Downloading a project, in the API."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.entries import Id
from models.builder import downloading
from models.chat.projects import Project
from models.permissions import Permission
from models.reading import Lookup


@strawberry.type(description="Where a project's files can be had for a while.")
class ProjectDownload:
    url: str = strawberry.field(
        description="The path at this server to GET a ZIP from: as long as who asked may read it."
    )
    expires_at: datetime = strawberry.field(description="Until when.")


@strawberry.type
class Query:
    @strawberry.field(
        description="A link to the newest files of a project; null for who may not read it.",
        metadata={"needs": Permission.READ},
    )
    async def project_download(self, info: strawberry.Info, id: Id) -> ProjectDownload | None:
        context = context_of(info)
        if await context.loaders.row(Lookup(Project), id) is None:
            return None
        link = downloading.link_for(context.viewer, id, context.ports.clock.now())
        token = context.ports.signer.sign(downloading.PURPOSE, link.signed())
        return ProjectDownload(url=f"/downloads/{token}", expires_at=link.expires_at)

"""Folders: projects that only hold conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.chat.projects import Project, ProjectKind
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


@verb
async def create_folder(tx: Transaction, name: str, org_id: str | None = None) -> Project:
    """A folder of the viewer's or of an organisation's."""
    user = tx.actor.viewer.id
    owner = user if org_id is None else org_id
    tx.require(owner, field="orgId")
    return await tx.add(Project(owner_id=owner, user_id=user, kind=ProjectKind.FOLDER, name=name))

"""Projects: an app that is being built, or a folder of conversations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import Owned
from models.accounts.user_keys import choose_model
from models.base import Record
from models.chat.answers import stop_answer, unfinished
from models.chat.conversations import Conversation, TitleSource
from models.chat.deletion import RETENTION, schedule
from models.chat.messages import UNFINISHED
from models.errors import Invalid
from models.indexes import Check, index
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


_BUSY = f"""\
project_id = $1 AND deleted_at IS NULL AND (main OR EXISTS (
    SELECT 1 FROM message m WHERE m.conversation_id = t.id AND m.{UNFINISHED} OFFSET 0))
ORDER BY id"""


class ProjectKind(StrEnum):
    """What a project is."""

    APP = "APP"
    FOLDER = "FOLDER"


class Framework(StrEnum):
    """The front-end framework of an app."""

    NEXTJS = "NEXTJS"
    ANGULAR = "ANGULAR"
    REACT = "REACT"
    VUE = "VUE"
    SVELTE = "SVELTE"


class Project(Record):
    """An app that is being built, with one main conversation, or a folder of conversations."""

    prefix = "prj"
    access = Owned()
    indexes = (
        index("user_id", "created_at", "id"),
        index("owner_id", "created_at", "id", where="(deleted_at IS NULL)"),
        index("created_at", "id", where="(showcased AND (deleted_at IS NULL))"),
        index("framework"),
    )
    checks = (Check("project_app_framework", "((kind <> 'APP'::text) OR (framework IS NOT NULL))"),)

    owner_id: str = fields.key("Whose project it is.")
    user_id: str = fields.key("Id of the user who owns it.")
    name: str = fields.text("Its name.", limit=200)
    kind: ProjectKind = fields.choice(ProjectKind, "What it is.")
    framework: Framework | None = fields.choice(
        Framework, "The framework of the app; null for a folder.", null=True
    )
    model_preference: str | None = fields.text(
        "The model to use when none is named.", limit=200, null=True
    )
    description: str | None = fields.text("What it is about.", limit=5_000, blank=True, null=True)
    showcased: bool = fields.flag("Whether it is shown to everybody.", default=False)
    deleted_at: datetime | None = fields.moment("When it was deleted.", null=True)

    class Meta:
        table = "project"

    @verb
    async def update(self, tx: Transaction, **changed: Any) -> Project:
        """Change what the input names: name, framework, model preference, description, showcase."""
        if changed.get("model_preference") is not None:
            await choose_model(tx, changed["model_preference"], "modelPreference")
        if self.kind is ProjectKind.APP and changed.get("framework", self.framework) is None:
            raise Invalid("An app has a framework.", field="framework")
        return await self.change(**changed)

    @verb
    async def delete(self, tx: Transaction, retention: timedelta = RETENTION) -> str:  # pyright: ignore[reportIncompatibleMethodOverride] - hides Tortoise's own on purpose
        """Hide it and everything in it at once; a job empties it later. Returns its id.

        Answers that are being written are stopped.
        """
        for conversation in await tx.find(Conversation, _BUSY, self.id, lock=True):
            for answer in await unfinished(tx, conversation.id):
                await stop_answer(tx, answer)
        await self.change(deleted_at=tx.now)
        await schedule(tx, self, retention)
        return self.id


@dataclass(frozen=True, slots=True)
class NewProject:
    """What a new app project starts with."""

    name: str
    framework: Framework = Framework.NEXTJS
    model_preference: str | None = None
    description: str | None = None
    showcased: bool = False
    org_id: str | None = None


@verb
async def create_project(tx: Transaction, new: NewProject) -> Project:
    """An app project of the viewer's or of an organisation's, with its main conversation."""
    user = tx.actor.viewer.id
    owner = user if new.org_id is None else new.org_id
    tx.require(owner, field="orgId")
    if new.model_preference is not None:
        await choose_model(tx, new.model_preference, "modelPreference")
    project = Project(
        owner_id=owner,
        user_id=user,
        kind=ProjectKind.APP,
        name=new.name,
        framework=new.framework,
        model_preference=new.model_preference,
        description=new.description,
        showcased=new.showcased,
    )
    await tx.add(project)
    main = Conversation(owner_id=owner, user_id=user, project_id=project.id, title=new.name)
    main.main, main.title_source = True, TitleSource.USER
    await tx.add(main)
    return project

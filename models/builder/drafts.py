"""Fragment drafts: files in progress, one set per project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.base import Record
from models.builder.files import check_files
from models.chat.projects import Framework, Project
from models.errors import Invalid
from models.indexes import unique
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


class FragmentDraft(Record):
    """The files of a project that are being worked on."""

    prefix = "drf"
    access = PartOf("project")
    indexes = (unique("project_id"),)

    owner_id: str = fields.key("Whose draft it is.")
    project: Any = fields.reference("Project", "Id of its project.")
    project_id: str
    files: Any = fields.json("The files: an object of path and text.")
    framework: Framework = fields.choice(Framework, "The framework of the files.")

    class Meta:
        table = "fragment_draft"


@verb
async def save_draft(
    tx: Transaction, project_id: str, files: dict[str, Any], framework: Framework | None = None
) -> FragmentDraft:
    """Make the project's draft, or replace its files."""
    check_files(files)
    project = await tx.reach(Project, project_id, field="projectId")
    chosen = framework or project.framework
    if chosen is None:
        raise Invalid("A folder's draft needs a framework.", field="framework")
    found = await tx.find(FragmentDraft, "project_id = $1", project.id, lock=True)
    if found:
        return await found[0].change(files=files, framework=chosen)
    return await tx.add(
        FragmentDraft(
            owner_id=project.owner_id, project_id=project.id, files=files, framework=chosen
        )
    )


@verb
async def clear_draft(tx: Transaction, project_id: str) -> str | None:
    """Remove the project's draft and return its id, None where there was none."""
    project = await tx.reach(Project, project_id, field="projectId")
    found = await tx.find(FragmentDraft, "project_id = $1", project.id, lock=True)
    for draft in found:
        await draft.remove()
    return found[0].id if found else None

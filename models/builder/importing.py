"""Asking for imports: what is checked before a worker begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from models.accounts.action_limits import limited
from models.accounts.oauth_connections import OAuthConnection, OAuthProvider
from models.builder.imports import REF_LIMIT, Import, ImportSource
from models.chat.messages import Message
from models.chat.projects import Project, ProjectKind
from models.errors import Conflict, Invalid, NotConnected, NotFound
from models.files.media_types import FIG
from models.files.stored_files import FilePurpose, reach_ready
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

LIMITS = {
    ImportSource.GITHUB: limited("github_import", 10, minutes=1),
    ImportSource.FIGMA: limited("figma_import", 5, minutes=1),
}
AT_ONCE = 5  # imports of a user that have not ended

_OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}"
_REPOSITORY = re.compile(rf"{_OWNER}/(?!\.{{1,2}}\Z)[A-Za-z0-9._-]{{1,100}}")
_REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]+")
_FILE_KEY = re.compile(r"[A-Za-z0-9]{10,64}")
_FIGMA_PATHS = frozenset({"file", "design", "proto", "board"})


@dataclass(frozen=True, slots=True)
class GithubRepository:
    """A repository to import: `owner/name`, its id where it is known, and what of it."""

    repository: str
    repository_id: str | None = None
    ref: str | None = None
    message_id: str | None = None

    def check(self) -> None:
        """Raise Invalid for the first value that does not fit."""
        if not _REPOSITORY.fullmatch(self.repository) or self.repository.endswith(".git"):
            raise Invalid("Must be an owner and a name, as in `octocat/hello`.", field="repository")
        if self.repository_id is not None and not re.fullmatch("[0-9]{1,19}", self.repository_id):
            raise Invalid("Must be GitHub's number of it.", field="repositoryId")
        if self.ref is not None and not is_ref(self.ref):
            raise Invalid("Must be a branch, a tag or a commit.", field="ref")


def is_ref(ref: str) -> bool:
    """Whether git would take it as the name of a branch or a tag."""
    parts = ref.split("/")
    odd = ".." in ref or "@{" in ref or ref.endswith(".") or ref.startswith("-")
    return (
        len(ref) <= REF_LIMIT
        and _REF.fullmatch(ref) is not None
        and not odd
        and all(part and part[0] != "." and not part.endswith(".lock") for part in parts)
    )


def figma_key(file: str) -> str:
    """The key of a Figma file, from the key itself or an address of it. Raises Invalid."""
    if _FILE_KEY.fullmatch(file):
        return file
    try:
        parts = urlsplit(file) if len(file) <= 2_000 else urlsplit("")
        host = parts.hostname
    except ValueError:
        host, parts = None, urlsplit("")
    steps = parts.path.split("/")
    known = parts.scheme == "https" and host in ("figma.com", "www.figma.com")
    if known and len(steps) > 2 and steps[1] in _FIGMA_PATHS and _FILE_KEY.fullmatch(steps[2]):
        return steps[2]
    raise Invalid("Must be the key of a Figma file, or its address.", field="file")


@verb
async def import_github_repository(
    tx: Transaction, project_id: str, wanted: GithubRepository
) -> Import:
    """Have a repository's files taken over into a project.

    Raises Conflict, Invalid, NotConnected without GitHub, NotFound, RateLimited.
    """
    wanted.check()
    project = await _reach_app(tx, project_id)
    await _require_connection(tx, OAuthProvider.GITHUB)
    new = Import(
        source=ImportSource.GITHUB,
        source_id=wanted.repository_id or wanted.repository,
        source_name=wanted.repository,
        source_url=f"https://github.com/{wanted.repository}",
        ref=wanted.ref,
        message_id=wanted.message_id,
    )
    return await _add(tx, project, new)


@verb
async def import_figma_file(
    tx: Transaction, project_id: str, file: str, message_id: str | None = None
) -> Import:
    """Have what Figma tells of a file taken over into a project; see import_github_repository."""
    key = figma_key(file)
    project = await _reach_app(tx, project_id)
    await _require_connection(tx, OAuthProvider.FIGMA)
    new = Import(
        source=ImportSource.FIGMA,
        source_id=key,
        source_name=key,
        source_url=f"https://www.figma.com/design/{key}",
        message_id=message_id,
    )
    return await _add(tx, project, new)


@verb
async def import_figma_upload(
    tx: Transaction, project_id: str, file_id: str, message_id: str | None = None
) -> Import:
    """Have an uploaded `.fig` file taken over into a project. Raises as reach_ready does."""
    project = await _reach_app(tx, project_id)
    file = await reach_ready(tx, file_id, FilePurpose.ATTACHMENT, "fileId")
    if file.owner_id not in {tx.actor.viewer.id, project.owner_id}:
        raise NotFound("There is no such thing, or it is not yours.", field="fileId")
    if file.content_type != FIG:
        raise Invalid("Must be a .fig file.", field="fileId")
    new = Import(
        source=ImportSource.FIGMA,
        source_id=file.id,
        source_name=file.file_name,
        source_url="https://www.figma.com/",
        message_id=message_id,
    )
    return await _add(tx, project, new)


async def _reach_app(tx: Transaction, project_id: str) -> Project:
    project = await tx.reach(Project, project_id, field="projectId")
    if project.kind is not ProjectKind.APP:
        raise Conflict("Only an app takes over files.", field="projectId")
    return project


async def _require_connection(tx: Transaction, provider: OAuthProvider) -> None:
    """What a user has connected is for themselves, not for their scripts.

    Raises Forbidden and NotConnected.
    """
    viewer = tx.actor.viewer
    viewer.require(Permission.ACCOUNT, viewer.id)
    mine = "user_id = $1 AND provider = $2 AND refused_at IS NULL"
    if await tx.first(OAuthConnection, mine, viewer.id, provider.value) is None:
        raise NotConnected("Connect this service first.")


async def _add(tx: Transaction, project: Project, new: Import) -> Import:
    """Add an import whose time has come. Raises Conflict, NotFound, RateLimited."""
    user = tx.actor.viewer.id
    if new.message_id is not None:
        mine = "id = $1 AND project_id = $2"
        if await tx.first(Message, mine, new.message_id, project.id) is None:
            raise NotFound("There is no such message in the project.", field="messageId")
    await LIMITS[new.source].count(tx)
    under_way = f"user_id = $1 AND due_at IS NOT NULL LIMIT {AT_ONCE}"
    if len(await tx.find(Import, under_way, user)) == AT_ONCE:
        raise Conflict(f"At most {AT_ONCE} imports at once.")
    new.owner_id, new.user_id, new.project_id = project.owner_id, user, project.id
    new.due_at = tx.now
    return await tx.add(new)

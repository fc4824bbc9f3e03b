"""Downloading a project: a link for whoever may read it, and what is in it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from models.accounts.action_limits import limited
from models.accounts.rate_limits import Limit, count_try
from models.builder.files import Names, is_portable_path, is_source
from models.builder.fragments import newest_of
from models.chat.projects import Project
from models.errors import NotFound
from models.reading import Lookup
from models.standing import renewed
from models.viewer import Viewer

if TYPE_CHECKING:
    from models.ports import Database
    from models.verbs import Actor

PURPOSE = "project"
"""What links are signed for."""

DOWNLOADS = limited("download", 30, minutes=10)
USES = 3  # of one link: a second try for who lost the connection
LASTS = timedelta(minutes=10)
OVER = "There is no such download any more."
LOOKED_AT = 1_000
"""Messages among which the newest fragment is sought."""


@dataclass(frozen=True, slots=True)
class DownloadLink:
    """What a link says: which project, for whom, by which session or token, and until when."""

    id: str
    project_id: str
    user_id: str
    session_id: str | None
    token_id: str | None
    expires_at: datetime

    def signed(self) -> tuple[str, str, str, str | None, str | None, int]:
        """What is signed of it."""
        until = round(self.expires_at.timestamp() * 1000)
        return self.id, self.project_id, self.user_id, self.session_id, self.token_id, until

    @classmethod
    def of_signed(cls, payload: Any) -> DownloadLink:
        """The link of what was signed."""
        id, project_id, user_id, session_id, token_id, until = payload
        expires_at = datetime.fromtimestamp(until / 1000, UTC)
        return cls(id, project_id, user_id, session_id, token_id, expires_at)

    @property
    def viewer(self) -> Viewer:
        """Whoever it was made for, whose rights are to be read anew."""
        return Viewer(
            self.user_id,
            expires_at=self.expires_at,
            session_id=self.session_id,
            token_id=self.token_id,
        )


def link_for(viewer: Viewer, project_id: str, now: datetime) -> DownloadLink:
    """A link to a project that the viewer was seen to read."""
    until = now + LASTS
    ends = until if viewer.expires_at is None else min(until, viewer.expires_at)
    id, session, token = secrets.token_urlsafe(12), viewer.session_id, viewer.token_id
    return DownloadLink(id, project_id, viewer.id, session, token, ends)


@dataclass(frozen=True, slots=True)
class Followed:
    """Whom a link lets read, and the name of the project it leads to."""

    reader: Viewer
    name: str


async def follow_link(
    link: DownloadLink, viewer: Viewer, database: Database, now: datetime
) -> Followed:
    """Where a link leads, which `viewer` sent: its own, or nobody.

    Raises NotFound when it is over, and when its user may not read the project any more;
    Unauthenticated when their session has ended or they are gone.
    """
    if link.expires_at <= now or viewer.user_id not in (None, link.user_id):
        raise NotFound(OVER)
    reader = await renewed(link.viewer, database, now)
    sql, args = Lookup(Project).statement(reader, [link.project_id], ("name",))
    rows = await database.fetch(sql, *args)
    if not rows:
        raise NotFound(OVER)
    return Followed(reader, rows[0]["name"])


async def count_download(actor: Actor, link: DownloadLink) -> None:
    """Count one more use of a link, by its reader. Raises RateLimited where there were enough."""
    await count_try(actor, [Limit(f"download_{link.id}", USES, LASTS)])
    await DOWNLOADS.count(actor)


async def files_behind(link: DownloadLink, database: Database) -> Mapping[str, Any]:
    """All the files that a link leads to, which may be much; {} where there are none."""
    fragment = await newest_of(database, link.project_id, LOOKED_AT)
    return fragment.files if fragment else {}


def downloaded(files: Mapping[str, Any]) -> dict[str, str]:
    """The files of a fragment that are somebody's work, by path, and that every system can have.

    Raises NotFound where none are.
    """
    names = Names()
    found = {
        path: text
        for path, text in sorted(files.items())
        if isinstance(text, str) and is_portable_path(path) and is_source(path) and names.take(path)
    }
    if not found:
        raise NotFound("The project has no files yet.")
    return found

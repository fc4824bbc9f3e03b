"""Importing a repository from GitHub: what it is, its newest commit, and the archive of that."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from app.outgoing import Failure, Limits, Outgoing, OutgoingFailed
from app.project_imports.archive import ArchiveLimits, Contents, read_archive
from app.project_imports.failing import ImportFailed, refuse
from app.project_imports.sources import Meter, Source, Tokens, label, object_of
from models.accounts.oauth_connections import OAuthProvider
from models.builder.import_results import Imported
from models.builder.importing import is_ref
from models.chat.attachments import refuse_unsafe
from models.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.threads import Threads
    from models.builder.import_jobs import ImportJob

NAME = "GitHub"
NO_REPOSITORY = "There is no such repository, or the connection may not read it."
NO_REF = "There is no such branch, tag or commit."
EMPTY = "The repository is empty."
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
ONLY_SHA = {"Accept": "application/vnd.github.sha"}

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Repository:
    """What GitHub says that a repository is; `ref` is what of it is imported."""

    id: str
    full_name: str
    url: str
    ref: str
    default_branch: str
    private: bool


class GithubSource(Source):
    """GitHub at `api`, or one of your own."""

    def __init__(
        self,
        outgoing: Outgoing,
        tokens: Tokens,
        threads: Threads,
        api: str,
        limits: ArchiveLimits,
        seconds: float,
    ) -> None:
        self._outgoing = outgoing
        self._tokens = tokens
        self._threads = threads
        self._api = api.rstrip("/")
        self._limits = limits
        self._seconds = seconds

    async def read(self, job: ImportJob, meter: Meter) -> Imported:
        """See Source."""
        token = await self._tokens.token(job.user_id, OAuthProvider.GITHUB)
        headers = {**HEADERS, "Authorization": f"Bearer {token}"}
        found = await self._repository(job, headers)
        commit = await self._commit(found, headers)
        with TemporaryFile() as file:
            await self._download(f"{found.full_name}/zipball/{commit}", headers, file, meter)
            contents = await self._threads.run(
                lambda: read_archive(file, self._limits, meter.count_files)
            )
        return _imported(found, commit, contents)

    async def _repository(self, job: ImportJob, headers: Mapping[str, str]) -> Repository:
        """The repository of a job, if it is the very one that was asked for."""
        answer = await self._outgoing.fetch("GET", self._url(job.source_name), headers=headers)
        refuse(answer.status, answer.headers, NAME, NO_REPOSITORY)
        told = object_of(answer.json())
        found = _repository(job, told)
        same_id = job.source_id in (found.id, job.source_name)
        if not same_id or found.full_name.lower() != job.source_name.lower():
            raise ImportFailed("GitHub has another repository by this name.")
        return found

    async def _commit(self, found: Repository, headers: Mapping[str, str]) -> str:
        url = self._url(f"{found.full_name}/commits/{quote(found.ref)}")
        answer = await self._outgoing.fetch("GET", url, headers={**headers, **ONLY_SHA})
        if answer.status == 409:
            raise ImportFailed(EMPTY)
        refuse(404 if answer.status == 422 else answer.status, answer.headers, NAME, NO_REF)
        sha = answer.body.decode("ascii", "replace").strip()
        if not _SHA.fullmatch(sha):
            raise ImportFailed("GitHub does not answer as it should.", retryable=True)
        return sha

    async def _download(
        self, path: str, headers: Mapping[str, str], file: IO[bytes], meter: Meter
    ) -> None:
        """Write an archive to a file. GitHub sends on to another server for it."""
        limits, url = Limits(self._limits.archive, self._seconds), self._url(path)
        try:
            async with self._outgoing.opened("GET", url, limits=limits, headers=headers) as coming:
                refuse(coming.status, coming.headers, NAME, NO_REF)
                total = coming.headers.get("Content-Length", "")
                meter.bytes_total = int(total) if total.isascii() and total.isdigit() else None
                async for chunk in coming.chunks():
                    await asyncio.to_thread(file.write, chunk)
                    meter.bytes_done += len(chunk)
        except OutgoingFailed as error:
            if error.failure is Failure.TOO_LARGE:
                most = self._limits.archive
                raise ImportFailed(f"Its archive has more than {most:,} bytes.") from None
            raise

    def _url(self, path: str) -> str:
        return f"{self._api}/repos/{path}"


def _repository(job: ImportJob, told: Mapping[str, Any]) -> Repository:
    branch, url = label(told.get("default_branch"), 255), label(told.get("html_url"), 2_000)
    id, ref = told.get("id"), job.ref or branch
    try:
        refuse_unsafe(url)
    except Invalid:
        url = ""
    if not isinstance(id, int) or not url or not is_ref(ref):
        raise ImportFailed("GitHub does not answer as it should.", retryable=True)
    private = told.get("private") is True
    return Repository(str(id), label(told.get("full_name")), url, ref, branch, private)


def _imported(found: Repository, commit: str, contents: Contents) -> Imported:
    if _SHA.fullmatch(contents.commit) and contents.commit != commit:
        raise ImportFailed("GitHub sent another commit's files.", retryable=True)
    if not contents.files:
        raise ImportFailed("It has no files of text.")
    count, left_out = len(contents.files), contents.skipped.total()
    summary = f"Imported {found.full_name} at {found.ref} ({commit[:7]}): {count:,} files."
    if left_out:
        summary += f" {left_out:,} others were left out."
    metadata = {
        "repository": found.full_name,
        "repositoryId": found.id,
        "private": found.private,
        "defaultBranch": found.default_branch,
        "ref": found.ref,
        "commit": commit,
        "files": count,
        "bytes": contents.size,
        "skipped": {why.value: number for why, number in contents.skipped.items()},
    }
    return Imported(
        found.id,
        found.full_name,
        found.url,
        summary,
        contents.size,
        metadata,
        contents.files,
    )

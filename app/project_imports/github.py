"""Importing a repository from GitHub: what it is, its newest commit, and the archive of that."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from app.connections.github import HEADERS, is_refusal
from app.outgoing import Failure, Limits, OutgoingFailed
from app.project_imports.archive import ArchiveLimits, Contents, read_archive
from app.project_imports.failing import ImportFailed, refuse
from app.project_imports.sources import Meter, Source, in_thread, label, object_of
from models.builder.import_results import Imported
from models.builder.importing import is_ref
from models.builder.imports import REF_LIMIT
from models.chat.attachments import refuse_unsafe
from models.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.connections.errands import Errand, Errands
    from app.threads import Threads
    from models.builder.import_jobs import ImportJob

NAME = "GitHub"
NO_REPOSITORY = "There is no such repository, or the connection may not read it."
NO_REF = "There is no such branch, tag or commit."
SILENCE = 30.0  # seconds for GitHub to make an archive
GARBLED = "GitHub does not answer as it should."
EMPTY = "The repository is empty."
ONLY_SHA = "application/vnd.github.sha"

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
        errands: Errands,
        threads: Threads,
        api: str,
        limits: ArchiveLimits,
        seconds: float,
    ) -> None:
        """`seconds` is how long fetching an archive may take."""
        self._errands = errands
        self._threads = threads
        self._api = api.rstrip("/")
        self._limits = limits
        self._seconds = seconds

    async def read(self, job: ImportJob, meter: Meter) -> Imported:
        """See Source."""
        url = self._url(job.source_name)
        errand, answer = await self._errands.begin(job.user_id, url, is_refusal, HEADERS)
        refuse(answer.status, answer.headers, NAME, NO_REPOSITORY)
        found = _repository(job, object_of(answer.json()))
        commit = await self._commit(errand, found)
        with TemporaryFile() as file:
            await self._download(errand, f"{found.full_name}/zipball/{commit}", file, meter)
            contents = await in_thread(
                self._threads, lambda: read_archive(file, self._limits, meter.count_files)
            )
        return _imported(found, commit, contents)

    async def _commit(self, errand: Errand, found: Repository) -> str:
        url = self._url(f"{found.full_name}/commits/{quote(found.ref)}")
        answer = await errand.ask(url, Accept=ONLY_SHA)
        if answer.status == 409:
            raise ImportFailed(EMPTY)
        refuse(404 if answer.status == 422 else answer.status, answer.headers, NAME, NO_REF)
        sha = answer.body.decode("ascii", "replace").strip()
        if not _SHA.fullmatch(sha):
            raise ImportFailed(GARBLED, retryable=True)
        return sha

    async def _download(self, errand: Errand, path: str, file: IO[bytes], meter: Meter) -> None:
        """Write an archive to a file. GitHub sends on to another server for it."""
        limits = Limits(self._limits.archive, self._seconds, silence=SILENCE)
        try:
            async with errand.opened(self._url(path), limits) as arriving:
                refuse(arriving.status, arriving.headers, NAME, NO_REF)
                meter.begin(arriving.headers.get("Content-Length", ""))
                async for chunk in arriving.chunks():
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
    """The repository of a job. Raises ImportFailed unless it is the very one that was asked for."""
    branch, url = label(told.get("default_branch"), REF_LIMIT), label(told.get("html_url"), 2_000)
    id, full_name, ref = told.get("id"), label(told.get("full_name")), job.ref or branch
    if not isinstance(id, int) or not is_ref(ref) or not _is_address(url):
        raise ImportFailed(GARBLED, retryable=True)
    same_id = job.source_id in (str(id), job.source_name)
    if not same_id or full_name.lower() != job.source_name.lower():
        raise ImportFailed("GitHub has another repository by this name.")
    return Repository(str(id), full_name, url, ref, branch, told.get("private") is True)


def _is_address(url: str) -> bool:
    try:
        refuse_unsafe(url)
    except Invalid:
        return False
    return True


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

"""Importing from Figma: what its API tells of a file, and files that were uploaded."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from app.oauth.answers import JSON
from app.outgoing import Limits
from app.project_imports.failing import ImportFailed, refuse
from app.project_imports.sources import Meter, Source, in_thread, label, object_of
from models.builder.import_results import Imported
from models.files.stored_files import StoredFile
from models.ids import prefix_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.connections.errands import Errands
    from app.outgoing import Fetched
    from app.threads import Threads
    from models.builder.import_jobs import ImportJob
    from models.ports import Database

NAME = "Figma"
NO_FILE = "There is no such file, or the connection may not read it."
ANSWER = Limits(size=16 << 20, total=60.0, silence=30.0)
DEPTH = 2  # pages, and what lies on them
MOST = 200  # names of each kind that are kept
LOOKED_AT = 10_000  # things of each kind among which names are sought

_FILE = "SELECT file_name, size, sha256 FROM stored_file WHERE id = $1 AND deleted_at IS NULL"


class FigmaSource(Source):
    """Figma at `api`; what was uploaded needs no more than this server."""

    def __init__(self, errands: Errands, threads: Threads, database: Database, api: str) -> None:
        self._errands = errands
        self._threads = threads
        self._database = database
        self._api = api.rstrip("/")

    async def read(self, job: ImportJob, meter: Meter) -> Imported:
        """See Source."""
        if prefix_of(job.source_id) == StoredFile.prefix:
            return await self._uploaded(job)
        url = f"{self._api}/v1/files/{job.source_id}?depth={DEPTH}"
        _, answer = await self._errands.begin(job.user_id, url, _is_refusal, JSON, ANSWER)
        refuse(answer.status, answer.headers, NAME, NO_FILE)
        meter.bytes_done = meter.bytes_total = len(answer.body)
        return await in_thread(self._threads, lambda: _imported(job.source_id, answer))

    async def _uploaded(self, job: ImportJob) -> Imported:
        rows = await self._database.fetch(_FILE, job.source_id)
        if not rows:
            raise ImportFailed("The upload is gone.")
        name, size = rows[0]["file_name"], rows[0]["size"]
        return Imported(
            job.source_id,
            name,
            "https://www.figma.com/",
            f"Imported the Figma file {name}.",
            size,
            {"fileName": name, "size": size, "sha256": rows[0]["sha256"]},
            file_id=job.source_id,
        )


def _is_refusal(answer: Fetched) -> bool:
    """Whether the token is what Figma does not like; a file of others has the same status."""
    return answer.status == 401 or (answer.status == 403 and b"token" in answer.body.lower())


def _imported(key: str, answer: Fetched) -> Imported:
    """What Figma tells of a file. Blocks."""
    told = object_of(answer.json())
    name = label(told.get("name"))
    if not name:
        raise ImportFailed("Figma does not answer as it should.", retryable=True)
    pages = _names(_list(_object(told.get("document")).get("children")))
    components = _names(_object(told.get("components")).values())
    styles = _names(_object(told.get("styles")).values())
    metadata = {
        "fileKey": key,
        "name": name,
        "version": label(told.get("version")),
        "lastModified": label(told.get("lastModified")),
        "editorType": label(told.get("editorType")),
        "thumbnailUrl": label(told.get("thumbnailUrl"), 2_000),
        "pages": pages,
        "components": components,
        "styles": styles,
    }
    summary = f"Imported the Figma file {name}.\n\nPages: {', '.join(pages) or 'none'}."
    if components:
        summary += f"\nComponents: {', '.join(components)}."
    url = f"https://www.figma.com/design/{key}"
    return Imported(key, name, url, summary, len(answer.body), metadata)


def _names(values: Iterable[object]) -> list[str]:
    """The names of objects, each once, as many as are kept."""
    names = (label(_object(value).get("name")) for value in islice(values, LOOKED_AT))
    return list(islice(dict.fromkeys(name for name in names if name), MOST))


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []

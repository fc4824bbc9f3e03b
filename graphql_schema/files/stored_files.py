"""Files in the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from graphql_schema.core.computing import issued
from graphql_schema.core.enums import describe
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.files import stored_files
from models.files.stored_files import FilePurpose, FileState

if TYPE_CHECKING:
    from graphql_schema.core.context import Ports

describe(
    FileState,
    "How far a file is.",
    PENDING="Its bytes are awaited, or not looked at yet.",
    READY="It is whole, and what it was announced to be.",
)
describe(
    FilePurpose,
    "What a file is for.",
    ATTACHMENT="To be attached to a message.",
    AVATAR="To be a user's picture, of which a small copy is kept, without metadata.",
)

LASTING = "It serves for an hour or more, whoever asks; read it again for a fresh one."


@issued("id", "state", description=f"Where it can be had, null until it is ready. {LASTING}")
def _url(rows: Sequence[stored_files.StoredFile], ports: Ports) -> list[str | None]:
    ready = FileState.READY
    return [
        ports.files.download_url(row.id, "file") if row.state is ready else None for row in rows
    ]


@issued(
    "id", "has_thumbnail", description=f"Where a small picture of an image can be had. {LASTING}"
)
def _thumbnail_url(rows: Sequence[stored_files.StoredFile], ports: Ports) -> list[str | None]:
    files = ports.files
    return [files.download_url(row.id, "thumbnail") if row.has_thumbnail else None for row in rows]


@record_type(stored_files.StoredFile)
class StoredFile(Node):
    purpose: FilePurpose
    state: FileState
    file_name: str
    content_type: str
    size: int
    sha256: str | None
    width: int | None
    height: int | None
    url: str | None = _url
    thumbnail_url: str | None = _thumbnail_url
    created_at: datetime
    updated_at: datetime

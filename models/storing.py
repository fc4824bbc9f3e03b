"""What keeping files needs from outside: somewhere for their bytes, somebody to look into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Part = Literal["file", "thumbnail"]


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where bytes are to be PUT, with which headers, and until when."""

    url: str
    headers: Mapping[str, str]
    until: datetime


@dataclass(frozen=True, slots=True)
class Announced:
    """What an upload was announced to be: `size` in bytes, `sha256` in hexadecimal.

    Of an `avatar` only a small picture is kept, made anew.
    """

    key: str
    content_type: str
    size: int
    sha256: str | None
    avatar: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was kept of an upload; `width` and `height` in pixels where it is an image."""

    content_type: str
    size: int
    sha256: str
    width: int | None = None
    height: int | None = None
    thumbnail: bool = False


class Files(Protocol):
    """Where the bytes of files are. Keys are ours; no client ever names one.

    Where clients send `directly` to the storage, it takes bytes until the address ends. `public` is
    whether others than this machine can follow its addresses.
    """

    @property
    def public(self) -> bool: ...

    @property
    def directly(self) -> bool: ...

    async def upload_target(self, id: str, announced: Announced, until: datetime) -> UploadTarget:
        """Where the bytes of the file `id` may be put until then, as often as need be."""
        ...

    async def accept(self, announced: Announced) -> Accepted:
        """Check what was uploaded, and keep it where nobody can overwrite it.

        Raises Conflict when nothing was uploaded, Invalid when it is not what was announced, and
        Unavailable when there is no room or no time to look.
        """
        ...

    async def read(self, key: str, sha256: str) -> bytes:
        """All bytes of a file that was kept. Raises NotFound, Unavailable."""
        ...

    async def remove(self, key: str) -> None:
        """Remove everything under a key; nothing there is fine. Raises Unavailable."""
        ...

    async def remove_upload(self, key: str) -> None:
        """Remove what was uploaded but not what was kept of it. Raises Unavailable."""
        ...

    def download_url(self, id: str, part: Part) -> str:
        """A signed address that serves a file for an hour or more."""
        ...

    def avatar_url(self, id: str) -> str:
        """The lasting address of a user's picture."""
        ...

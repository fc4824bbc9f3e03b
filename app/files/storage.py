"""The storage of files, as the domain sees it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from app.files.inspecting import Inspector, kept_name, upload_name
from app.files.links import Links
from app.files.store import Store, open_store
from models.storing import Accepted, Announced, Part, UploadTarget

if TYPE_CHECKING:
    from app.config import Settings
    from graphql_schema.core.signed import Signer
    from models.ports import Clock


class Storage:
    """See models.storing.Files."""

    def __init__(self, store: Store, links: Links, clock: Clock) -> None:
        self.store = store
        self.links = links
        self._clock = clock
        self._inspector = Inspector(store)

    @property
    def directly(self) -> bool:
        """Whether clients send to a bucket."""
        return self.store.signs

    @property
    def public(self) -> bool:
        """Whether our addresses hold elsewhere."""
        return self.links.public

    async def upload_target(self, id: str, announced: Announced, until: datetime) -> UploadTarget:
        """The bucket's own address where there is one, or else ours."""
        if self.directly:
            left = until - self._clock.now()
            url = await self.store.signed_put(upload_name(announced.key), left)
        else:
            url = self.links.upload(id, until)
        return UploadTarget(url, {"Content-Type": announced.content_type}, until)

    async def accept(self, announced: Announced) -> Accepted:
        """Check an upload and keep it."""
        return await self._inspector.accept(announced)

    async def read(self, key: str, sha256: str) -> bytes:
        """The bytes that were looked at."""
        name = kept_name(key, sha256)
        size = await self.store.size(name)
        return b"".join([piece async for piece in self.store.read(name, 0, size)])

    async def remove(self, key: str) -> None:
        """Remove all that is of a file."""
        await self.store.remove_folder(key)

    async def remove_upload(self, key: str) -> None:
        """Remove what a client sent."""
        await self.store.remove(upload_name(key))

    def download_url(self, id: str, part: Part) -> str:
        """A signed address."""
        return self.links.download(id, part)

    def avatar_url(self, id: str) -> str:
        """A lasting address."""
        return self.links.avatar(id)

    def close(self) -> None:
        """Look at no more uploads."""
        self._inspector.close()


def storage_of(settings: Settings, signer: Signer, clock: Clock) -> Storage:
    """The storage of an installation."""
    return Storage(open_store(settings), Links(signer, clock, settings.public_url), clock)

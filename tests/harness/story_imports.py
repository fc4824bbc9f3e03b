"""What the story's user takes over from Figma: one file that comes, and one that does not."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from models.accounts.oauth_connections import OAuthConnection, OAuthProvider
from tests.harness.eventually import eventually
from tests.harness.importable import TOKEN, ImportableFigma
from tests.harness.planting import CIPHER, plant
from tests.harness.story import Story
from tests.harness.verbs import id_of

KEY = "abcDEF123456"
READ = "query($id: ID!) { import(id: $id) { status metadata error } }"


async def tell_imports(story: Story, project: str, message: str, figma: ImportableFigma) -> None:
    """An import that ends well, with the attachment that came with it, and one that fails."""
    user = await id_of(story.caller)
    token = CIPHER.seal(TOKEN, owner=user, purpose="oauth_connection.access_token")
    known = {"provider": OAuthProvider.FIGMA, "access_token": token, "scope": "file_content:read"}
    await plant(story.server, OAuthConnection, user_id=user, **known)
    where = {"projectId": project, "messageId": message}
    id = await _tell(story, where, sourceName="Shop", status="COMPLETE", error=None)
    (row,) = await story.server.sql("SELECT id FROM attachment WHERE import_id = $1", id)
    await story.book.check("Attachment", row["id"], importId=id)
    query = "query($id: ID!) { node(id: $id) { ... on Attachment { import { sourceId } } } }"
    found = await story.caller.run(query, id=row["id"])
    assert found == {"node": {"import": {"sourceId": KEY}}}
    figma.odd = web.json_response({}, status=404)
    error = "There is no such file, or the connection may not read it."
    await _tell(story, where, status="FAILED", error=error, metadata=None)


async def _tell(story: Story, where: dict[str, Any], **ending: Any) -> str:
    """Import the file, and check what became of it; its metadata are for other tests."""
    given = where | {"file": KEY}
    made, created = await story.do("importFigmaFile", "{ import { id } }", **given)
    id = made["import"]["id"]

    async def ended() -> Any:
        found = (await story.caller.run(READ, id=id))["import"]
        return found if found["status"] in ("COMPLETE", "FAILED") else None

    shown = where | {
        "userId": await id_of(story.caller),
        "metadata": (await eventually(ended))["metadata"],
    }
    source = {
        "source": "FIGMA",
        "sourceId": KEY,
        "sourceUrl": f"https://www.figma.com/design/{KEY}",
    }
    times = {"createdAt": created, "updatedAt": created}
    await story.book.check("Import", id, id=id, **shown | source | times | ending)
    return id

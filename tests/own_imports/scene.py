"""An account with something of each kind that comes back, made as a client makes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from models.accounts.users import User
from models.builder.imports import Import
from tests.harness.api import Api, Server
from tests.harness.eventually import eventually
from tests.harness.planting import alter, plant_import
from tests.harness.uploading import image, send
from tests.harness.verbs import id_of

EMAIL = "ada@example.com"
ENDED = datetime(2026, 3, 1, tzinfo=UTC)
PLAIN = "mock:raypx-1"
FILES = {"src/App.vue": "<template/>"}
QUICK = "[[first:0]] [[delay:0]]"
ASKED = QUICK + ' How do I cook \u201cquince\u201d jam? \U0001f34f [[call:add {"a": 2, "b": 3}]]'
STARTED = "{ conversation { id } message { id } reply { id } }"


async def furnish(server: Server, api: Api, email: str = EMAIL) -> dict[str, str]:
    """Fill an account; returns the ids of some of its rows. Needs a worker."""
    user = await id_of(api)
    await alter(server, User, user, email=email, email_verified=True)
    await api.do("updatePreferences", "{ preferences { id } }", layout="compact")
    chat = await _chat(server, api)
    app = await api.do(
        "createProjectWithMessage", "{ project { id } message { id } }",
        content=f"Build a shop {QUICK}", framework="VUE",
    )  # fmt: skip
    project = app["project"]["id"]
    await settled(server)
    await api.do("saveFragmentDraft", "{ __typename }", projectId=project, files=FILES)
    await api.do("saveFiles", "{ __typename }", projectId=project, files=FILES)
    taken = await plant_import(server, user, project, app["message"]["id"])
    ended = {"status": "COMPLETE", "outcome": "SUCCEEDED", "completed_at": ENDED}
    await alter(server, Import, taken, **ended)
    picture = await send(api, image(), "image/png", purpose="AVATAR")
    await api.do("setAvatar", "{ user { id } }", fileId=picture["id"])
    await settled(server)
    return chat | {"user": user, "project": project, "picture": picture["id"]}


async def _chat(server: Server, api: Api) -> dict[str, str]:
    """A conversation in a folder with versions, files, tools and a rating."""
    folder = (await api.do("createFolder", "{ project { id } }", name="Jam"))["project"]["id"]
    files = [
        await send(api, image(size=(9, 7)), "image/png", fileName="quince.png"),
        await send(api, b"sugar\nquinces\n", "text/plain", fileName="list.txt"),
    ]
    made: Any = await api.do(
        "startConversation", STARTED, content=ASKED,
        attachments=[{"fileId": file["id"]} for file in files], model="mock:tools",
    )  # fmt: skip
    conversation = made["conversation"]["id"]
    await settled(server)
    await api.do("regenerateMessage", "{ reply { id } }", id=made["reply"]["id"])
    await settled(server)
    await api.do(
        "editMessage",
        "{ message { id } }",
        id=made["message"]["id"],
        content=f"Pears? {QUICK}",
        model=PLAIN,
    )
    await settled(server)
    await api.do(
        "updateConversation", "{ conversation { id } }", id=conversation, projectId=folder,
        pinned=True, title="Jam", systemPrompt="Be brief.",
    )  # fmt: skip
    rating = {"messageId": made["reply"]["id"], "rating": 1, "comment": "Tasty"}
    await api.do("rateMessage", "{ __typename }", **rating)
    return {
        "conversation": conversation,
        "message": made["message"]["id"],
        "folder": folder,
        "file": files[0]["id"],
        "text": files[1]["id"],
    }


async def settled(server: Server) -> None:
    """Wait until no answer is being written."""

    async def nothing() -> bool:
        rows = await server.sql("SELECT 1 FROM message WHERE status <> 'COMPLETE'")
        runs = await server.sql("SELECT 1 FROM agent_run WHERE status IN ('PENDING', 'RUNNING')")
        untitled = await server.sql(
            "SELECT 1 FROM conversation WHERE title_source IS NULL AND NOT main"
        )
        return not (rows or runs or untitled)

    await eventually(nothing, 30)

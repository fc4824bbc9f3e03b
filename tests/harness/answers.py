"""Sending messages and waiting for their answers."""

from __future__ import annotations

from typing import Any

from tests.harness.api import Api, Server
from tests.harness.eventually import eventually

STREAM = """subscription($id: ID!, $after: String) {
  messageStreamed(messageId: $id, after: $after) { part kind text cursor reset } }"""
MESSAGE = """query($id: ID!) { message(id: $id) {
  status outcome type content parts error usage finishReason model provider } }"""
FAILED = {"type": "ERROR", "status": "COMPLETE", "outcome": "FAILED"}


async def ask(user: Api, content: str, **options: Any) -> str:
    """Send a message in a project of its own; the id of what answers it."""
    made = await user.do("createProjectWithMessage", "{ reply { id } }", content=content, **options)
    return made["reply"]["id"]


async def ended(user: Api, id: str, seconds: float = 10.0) -> dict[str, Any]:
    """The message once it is COMPLETE."""

    async def look() -> Any:
        found = (await user.run(MESSAGE, id=id))["message"]
        return found if found["status"] == "COMPLETE" else None

    return await eventually(look, seconds)


async def failed_with(user: Api, id: str, error: str, seconds: float = 10.0) -> None:
    """Wait until an answer has failed for good, and check how it says so."""
    end = await ended(user, id, seconds)
    told = {name: end[name] for name in (*FAILED, "content", "error")}
    assert told == FAILED | {"content": error, "error": error}


async def generation(server: Server, message_id: str) -> dict[str, Any]:
    """The row of the job behind a message."""
    (row,) = await server.sql(
        "SELECT id, state, epoch, tries, worker, outcome FROM generation WHERE message_id = $1",
        message_id,
    )
    return row

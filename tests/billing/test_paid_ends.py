"""Answers that fail by this server's own doing, once there are words of them, are paid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.answering import MOST_CALLS
from models.builder.files import MOST_FILES
from models.builder.fragments import Fragment
from tests.billing.metering import counted
from tests.harness.answers import FAILED, ended
from tests.harness.api import Api, Server, StartServer
from tests.harness.crediting import CHEAP, COSTLY, balanced, start, usage_of
from tests.harness.planting import plant
from tests.harness.tools import TOOLS as FUNCTIONS
from tests.harness.verbs import id_of

ONE_FILE = "[[echo:```ts a.ts\n1\n```]] [[first:0ms]]"


async def _project_with(server: Server, api: Api, files: dict[str, str]) -> str:
    """A project whose newest files are these, though nothing has checked them."""
    made = await api.do("createProject", "{ project { id } }", name="One", framework="VUE")
    to = {"projectId": made["project"]["id"]}
    kept = await api.do("createMessage", "{ message { id } }", to=to, content="There it is.")
    whose = {"owner_id": await id_of(api), "message_id": kept["message"]["id"]}
    what = {"sandbox_url": "about:blank", "title": "One", "framework": "VUE", "files": files}
    await plant(server, Fragment, **whose, **what)
    return to["projectId"]


async def _answered(api: Api, project: str) -> dict[str, Any]:
    """An answer with a file in it, once it has ended."""
    given = {"to": {"projectId": project}, "content": ONE_FILE, "model": CHEAP}
    sent = await api.do("sendMessage", "{ reply { id } }", **given)
    return await ended(api, sent["reply"]["id"])


async def test_an_answer_in_a_full_project_is_kept_and_paid(start_server: StartServer) -> None:
    server = await start_server(**COSTLY)
    ada = server.user()
    full = {f"{number}.ts": "" for number in range(MOST_FILES)}
    end = await _answered(ada, await _project_with(server, ada, full))
    assert end["outcome"] == "SUCCEEDED"
    assert (await usage_of(ada))["spent"] == 0.5
    (event,) = await counted(server, 1, "app")
    assert event["measured"]


async def test_an_answer_that_cannot_be_kept_ends_at_once_and_is_paid(
    start_server: StartServer,
) -> None:
    server = await start_server(**COSTLY)
    ada = server.user()
    end = await _answered(ada, await _project_with(server, ada, {"../outside": ""}))
    assert {name: end[name] for name in FAILED} == FAILED
    assert (await server.sql("SELECT tries FROM generation")) == [{"tries": 1}]
    assert (await usage_of(ada))["spent"] == 0.5
    (event,) = await counted(server, 1, "app")
    assert event["measured"], "the provider has told how much it was"
    await balanced(server.sql)


async def test_too_many_calls_are_paid(start_server: StartServer) -> None:
    server = await start_server(**COSTLY, tools=FUNCTIONS)
    ada = server.user()
    call = f"[[call:add {json.dumps({'a': 1, 'b': 2})}]] "
    begun = await start(ada, "mock:tools", content=call * (MOST_CALLS + 1))
    end = await ended(ada, begun["reply"]["id"])
    assert (end["outcome"], end["error"]) == (
        "FAILED",
        "The model asked for too many calls at once.",
    )
    assert (await usage_of(ada))["spent"] == 1
    await balanced(server.sql)


async def test_what_was_kept_before_a_right_was_lost_is_paid(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = await start_server(**COSTLY, tools=FUNCTIONS)
    ada = server.user()
    call = json.dumps({"to": str(tmp_path / "notes")})
    begun = await start(ada, "mock:tools", content=f"[[call:delete {call}]]")
    reply = begun["reply"]["id"]
    await counted(server, 1)
    user = await id_of(ada)
    await server.sql("UPDATE generation SET user_id = 'usr_gone' WHERE user_id = $1", user)
    waiting = await server.sql("SELECT id FROM tool_call")
    await ada.do("denyToolCall", "{ __typename }", id=waiting[0]["id"])
    end = await ended(ada, reply)
    assert end["error"] == "Whoever asked for this may not write here any more."
    assert (await usage_of(ada))["spent"] == 1


async def test_a_provider_that_breaks_off_is_not_paid(start_server: StartServer) -> None:
    server = await start_server(**COSTLY)
    ada = server.user()
    begun = await start(ada, "mock:fail", content="[[tokens:6]] [[first:0ms]]")
    assert (await ended(ada, begun["reply"]["id"], 30))["outcome"] == "FAILED"
    found = await usage_of(ada)
    assert (found["points"], found["spent"]) == (5, 0)

"""Idempotency keys: a mutation repeated with its key happens once, and fails without a trace."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.mutations import EVERY, Scene, mutations, whole
from tests.harness.verbs import all_rows, differences, id_of, log_end, log_since

KEYED = sorted(
    name
    for name, field in mutations().items()
    if "idempotencyKey" in field.args["input"].type.of_type.fields
)
ANONYMOUS = (
    "A key belongs to a viewer, and there is none yet. It may be repeated: only the last of its "
    "mails is needed, and the limit by address bounds their number."
)
WITHOUT_KEY = {
    "grantSubscription": "A repeated call finds the plan that was given.",
    "resolvePendingSubscription": "A repeated call finds that it does not wait any more.",
    "resendInvitation": "What it adds is a mail, at most one a minute.",
    "createGuest": "A key belongs to a viewer, and there is none yet. To return an earlier guest's "
    "token for a key would let in whoever guesses it; a guest too many owns nothing and costs "
    "one row, which the limit by address bounds.",
    **dict.fromkeys(("signUp", "requestPasswordReset"), ANONYMOUS),
    "signIn": "The token it gives is shown once, and a key's answer could not show it again.",
    "verifyEmail": "Its value is used once; a repeated call finds it gone.",
    "resetPassword": "Its value is used once; a repeated call finds it gone.",
    "changePassword": "A repeated call finds that the current password is another. What it adds "
    "is a mail.",
    "changeEmail": "What it adds is a mail and what that proves; a second one does no harm.",
    "deleteMe": "What it adds is the system's own job. A repeated call finds nobody.",
    "closePeriod": "There is one invoice of a period; a second call gives the same.",
    "exportMyData": "What it adds is a counter; a second link leads to the same.",
    "testUserKey": "What it adds is the count of tries; a second try tells the same.",
    "revokeOauthConnection": "What it adds is the system's own errand. A repeated call finds the "
    "connection gone.",
    "createApiToken": "The token is shown this once; to give it again, it would have to be kept.",
    "setAvatar": "What it adds is a count of tries; a repeated call finds the picture set.",
    "setBudget": "A repeated call finds the budget set.",
    "resetCredits": "What it adds is a line of the ledger; a repeated call finds them renewed.",
    "deleteOrg": "As with deleteProject.",
    "deleteConversation": "As with deleteProject.",
    "deleteMessage": "As with deleteProject.",
    "clearConversation": "As with deleteProject: it finds nothing left to clear.",
    "deleteProject": "What it adds is the system's own job. A repeated call finds the project "
    "gone, which is all that a key's answer could say.",
}
"""Mutations that add rows but take no key, with the reason."""


def refused_by(error: pytest.ExceptionInfo[Refused]) -> tuple[str, str | None]:
    """The code and the field of a refusal."""
    extensions = error.value.errors[0]["extensions"]
    return extensions["code"], extensions.get("field")


def count(rows: dict[str, tuple[str, set[str]]]) -> Counter[str]:
    """How many rows of each table were added."""
    return Counter(id.split("_")[0] for id, (op, _) in rows.items() if op == "add")


async def test_every_mutation_that_inserts_takes_a_key(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    inserting: set[str] = set()
    assert EVERY.keys() == mutations().keys()
    for name, prepare in EVERY.items():
        scene = Scene(server, server.user(name))
        await id_of(scene.caller)
        given = await prepare(scene)
        end = await log_end(server)
        await scene.caller.do(name, whole(name), **given)
        changes = [one for row in await log_since(server, end) for one in row["changes"]]
        added = {change["id"][:4] for change in changes if change["op"] == "add"}
        if added - {"aud_"}:  # which tells of what else was done
            inserting.add(name)
    assert inserting == {*KEYED, *WITHOUT_KEY}


@pytest.mark.parametrize("name", KEYED)
async def test_a_hundred_parallel_retries_happen_once(start_server: StartServer, name: str) -> None:
    servers = [await start_server(worker=False) for _ in range(2)]
    scene = Scene(servers[0], servers[0].user())
    await id_of(scene.caller)
    alone = await added_by(scene, name, **await EVERY[name](scene))
    given = await EVERY[name](scene)
    before = await all_rows(servers[0])
    callers = [server.user() for server in servers]
    answers = await asyncio.gather(
        *(callers[n % 2].do(name, whole(name), **given, idempotencyKey="k") for n in range(100))
    )
    assert all(answer == answers[0] for answer in answers)
    assert count(differences(before, await all_rows(servers[0]))) == alone
    keys = await servers[0].sql("SELECT mutation, key FROM idempotency_key")
    assert keys == [{"mutation": f"{name[0].upper()}{name[1:]}Input", "key": "k"}]


async def added_by(scene: Scene, mutation: str, /, **given: Any) -> Counter[str]:
    """How many rows of each table the mutation adds when it runs once, without a key."""
    await scene.caller.run("{ me { id } }")  # the user's row comes with the first request
    before = await all_rows(scene.server)
    await scene.caller.do(mutation, whole(mutation), **given)
    added = count(differences(before, await all_rows(scene.server)))
    del added["rlm"]  # a limit's row is there the second time
    return added


async def create(caller: Api, key: str | None, **changed: Any) -> str:
    """Create a project with a key; its id."""
    given = {"name": "One", "framework": "VUE", "idempotencyKey": key} | changed
    return (await caller.do("createProject", "{ project { id } }", **given))["project"]["id"]


async def test_another_payload_conflicts(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    made = await create(ada, "k")
    before = await all_rows(server)
    for changed in ({"name": "Two"}, {"description": None}, {"framework": "REACT"}):
        with pytest.raises(Refused) as refused:
            await create(ada, "k", **changed)
        assert refused_by(refused) == ("CONFLICT", "idempotencyKey")
    assert await all_rows(server) == before
    assert await create(ada, "k", showcased=False) == made, "the default, spelled out"


async def test_keys_belong_to_a_viewer_and_a_mutation(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada, bob = server.user("ada"), server.user("bob")
    made = {await create(ada, "k"), await create(bob, "k"), await create(ada, "other")}
    assert len(made) == 3
    assert await create(bob, "k") in made
    sent = await ada.do(
        "createProjectWithMessage", "{ project { id } }", content="x", idempotencyKey="k"
    )
    assert sent["project"]["id"] not in made
    assert len(await server.sql("SELECT id FROM project")) == 4


async def test_a_failed_verb_leaves_no_key(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    to = {"projectId": await create(ada, None)}
    sent = await ada.do("sendMessage", "{ reply { id } }", to=to, content="x")
    with pytest.raises(Refused) as refused:
        await ada.do("sendMessage", "{ reply { id } }", to=to, content="y", idempotencyKey="k")
    assert refused_by(refused) == ("CONFLICT", None)
    assert await server.sql("SELECT key FROM idempotency_key") == []
    await ada.do("stopMessage", "{ message { id } }", id=sent["reply"]["id"])
    again = await ada.do("sendMessage", "{ reply { id } }", to=to, content="y", idempotencyKey="k")
    assert again["reply"]["id"] != sent["reply"]["id"], "the key was still free"


async def test_a_result_that_is_gone_is_not_found(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    made = await create(ada, "k")
    await ada.do("deleteProject", "{ deletedProjectId }", id=made)
    before = await all_rows(server)
    with pytest.raises(Refused) as refused:
        await create(ada, "k")
    assert refused_by(refused) == ("NOT_FOUND", "idempotencyKey")
    assert await all_rows(server) == before


@pytest.mark.parametrize("key", ["", "k" * 201, "a\tb", "a\nb", "a\x7fb", "a\u0085b", "\u202ek"])
async def test_bad_keys_are_refused(start_server: StartServer, key: str) -> None:
    server = await start_server(worker=False)
    with pytest.raises(Refused) as refused:
        await create(server.user(), key)
    assert refused_by(refused) == ("INVALID", "idempotencyKey")
    assert await server.sql("SELECT id FROM project") == []


async def test_the_longest_key_and_any_script_will_do(server: Server) -> None:
    ada = server.user()
    for key in ("k" * 200, "Schlüssel 鍵 🗝"):
        assert await create(ada, key) == await create(ada, key)


async def test_the_public_mutation_takes_no_key(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    nobody = server.nobody()
    guests = [await nobody.do("createGuest", "{ user { id } token }") for _ in range(2)]
    assert guests[0]["user"] != guests[1]["user"]
    with pytest.raises(Refused) as refused:
        await nobody.do("createGuest", "{ token }", idempotencyKey="k")
    assert refused_by(refused)[0] == "INVALID"

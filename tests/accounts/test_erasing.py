"""Deleting one's own account: refused at once, emptied in batches, nothing left behind."""

from __future__ import annotations

from typing import Any

import pytest

from models.packages import record_models
from tests.harness.accounts import PASSWORD
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.eventually import eventually
from tests.harness.orgs import found, invite
from tests.harness.ownership import make_world
from tests.harness.planting import make_operator, plant_password, plant_session
from tests.harness.post_office import PostOffice
from tests.harness.verbs import id_of

# What organisations own, and what others deleted, is emptied after the retention.
DONE = """SELECT 1 AS yes WHERE NOT EXISTS (
    SELECT 1 FROM deletion_job WHERE state <> 'complete' AND due_at <= now())"""
PERSONAL = "zanzibar"
SIGN_IN = """mutation($email: String!, $password: String!) {
  signIn(input: {email: $email, password: $password}) { token } }"""
TOMBSTONES = {"User", "Project", "Conversation", "DeletionJob", "Org", "AuditLog", "CreditEntry"}


async def rows_of(server: Server, user: str) -> dict[str, int]:
    """How many rows of each table name a user, in any column."""
    found: dict[str, int] = {}
    for model in record_models():
        query = f"SELECT count(*) AS n FROM {model.table()} t WHERE t::text LIKE $1"
        (row,) = await server.sql(query, f"%{user}%")
        if row["n"]:
            found[model.__name__] = row["n"]
    return found


async def test_nothing_of_a_user_is_left(start_server: StartServer) -> None:
    server = await start_server()
    ada, eve = server.user("ada"), server.user("eve")
    world = await make_world(server, ada)
    other = await make_world(server, eve)
    user, before = world["user"], await rows_of(server, other["user"])
    await plant_password(server, user, "ada@example.com", PASSWORD)
    before_me = await rows_of(server, user)
    assert len(before_me) > 12, before_me
    await ada.do("deleteMe", "{ deletedUserId }", currentPassword=PASSWORD)
    assert await ada.code("{ me { id } }") == "UNAUTHENTICATED"
    shown = await server.nobody().run("{ showcaseProjects { nodes { id } } }")
    assert world["quiet"] not in str(shown)
    await eventually(lambda: _emptied(server), 30)
    assert set(await rows_of(server, user)) == TOMBSTONES
    (row,) = await server.sql("SELECT * FROM user_account WHERE id = $1", user)
    assert (row["name"], row["email"], row["avatar_url"]) == ("Deleted", None, None)
    projects = await server.sql("SELECT name, description FROM project WHERE user_id = $1", user)
    assert {project["name"] for project in projects} == {"Deleted"}
    after = await rows_of(server, other["user"])  # whose answers may have ended meanwhile
    assert {name for name, count in before.items() if after.get(name, 0) < count} == set()


async def _emptied(server: Server) -> Any:
    done = await server.sql(DONE)
    named = "SELECT id FROM project WHERE name <> 'Deleted' AND deleted_at IS NOT NULL"
    return done and not await server.sql(named)


async def test_what_was_deleted_before_goes_now_too(start_server: StartServer) -> None:
    server = await start_server()
    ada = server.user("ada")
    made = await ada.do("createProject", "{ project { id } }", name="Old", framework="VUE")
    await ada.do("deleteProject", "{ deletedProjectId }", id=made["project"]["id"])
    await ada.do("deleteMe", "{ deletedUserId }")
    await eventually(lambda: server.sql(DONE), 30)
    assert await server.sql("SELECT id FROM conversation") == []


async def test_it_takes_the_password_and_no_office(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada, olga = server.user("ada"), server.user("olga")
    user = await id_of(ada)
    await plant_password(server, user, "ada@example.com", PASSWORD)
    _, token = await plant_session(server, user)
    here = Api(server.session, server.url, token)
    for wrong in (None, "wrong password"):
        with pytest.raises(Refused) as refused:
            await here.do("deleteMe", "{ deletedUserId }", currentPassword=wrong)
        assert refused.value.code == "FORBIDDEN"
    await make_operator(server, olga)
    with pytest.raises(Refused) as refused:
        await olga.do("deleteMe", "{ deletedUserId }")
    assert refused.value.code == "CONFLICT"
    assert (await here.run("{ me { id } }"))["me"]["id"] == user


async def test_the_address_is_free_again(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user("ada")
    await plant_password(server, await id_of(ada), "ada@example.com", PASSWORD)
    await ada.do("deleteMe", "{ deletedUserId }", currentPassword=PASSWORD)
    eve = server.user("eve")
    await plant_password(server, await id_of(eve), "ada@example.com", PASSWORD * 2)
    made = await server.nobody().do(
        "signIn", "{ user { id } }", email="ada@example.com", password=PASSWORD * 2
    )
    assert made["user"]["id"] == await id_of(eve)


async def test_nothing_personal_is_left(start_server: StartServer, office: PostOffice) -> None:
    """No row tells who they were, but for what is documented: their subject and their id."""
    server = await start_server(smtp_url=office.url, app_url="https://app.example")
    clerk, eve = server.user("ada"), server.user("eve")
    user = (await make_world(server, clerk))["user"]
    await plant_password(server, user, f"me@{PERSONAL}.example", PASSWORD)
    ada = await _signed_in(server)
    await ada.do(
        "updateProfile", "{ user { id } }", name=f"Ada {PERSONAL}", systemPrompt=f"I am {PERSONAL}."
    )
    await ada.do("updatePreferences", "{ preferences { id } }", layout=PERSONAL)
    await ada.do("createOrg", "{ org { id } }", name=PERSONAL)
    token = {"name": PERSONAL, "scopes": ["READ"], "currentPassword": PASSWORD}
    await ada.do("createApiToken", "{ token }", **token)
    await ada.do("exportMyData", "{ url }", currentPassword=PASSWORD)
    again = {"currentPassword": PASSWORD, "email": f"new@{PERSONAL}.example"}
    await ada.do("changeEmail", "{ email }", **again)
    await server.nobody().do("requestPasswordReset", "{ email }", email=f"me@{PERSONAL}.example")
    invited = await invite(eve, await found(eve), f"me@{PERSONAL}.example", "EDITOR")
    await server.sql("DELETE FROM audit_log WHERE resource = $1", invited["id"])  # it outlives
    places = await rows_of(server, PERSONAL)
    assert places.keys() >= {
        "User",
        "Session",
        "UserPreferences",
        "Verification",
        "OrgMember",
        "Org",
    }
    await ada.do("deleteMe", "{ deletedUserId }", currentPassword=PASSWORD)
    await eventually(lambda: _emptied(server), 30)
    await eventually(lambda: _sent(server), 30)
    assert await rows_of(server, PERSONAL) == {"Org": 1, "AuditLog": 2}, "named by them, not them"


async def _signed_in(server: Server) -> Api:
    """Somebody with a password, in a browser that tells of itself."""
    given = {"email": f"me@{PERSONAL}.example", "password": PASSWORD}
    body = {"query": SIGN_IN, "variables": given}
    headers = {"User-Agent": f"{PERSONAL}/1.0"}
    async with server.session.post(f"{server.url}/graphql", json=body, headers=headers) as response:
        token = (await response.json())["data"]["signIn"]["token"]
    await server.sql("UPDATE session SET ip_address = $1 WHERE user_agent LIKE $1 || '%'", PERSONAL)
    return Api(server.session, server.url, token)


async def _sent(server: Server) -> Any:
    return await server.sql("SELECT 1 AS yes WHERE NOT EXISTS (SELECT 1 FROM mail)")

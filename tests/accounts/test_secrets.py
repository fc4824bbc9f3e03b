"""Secrets stay secret: planted ones are looked for in tables, the audit and event logs among them,
in logs, answers, errors, metrics and the schema."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import asyncpg
import pytest
from aiohttp import ClientSession, CookieJar, web

from graphql_schema.schema import sdl
from tests.accounts.test_user_keys import refusal, serving
from tests.app.openai_endpoint import endpoint, no_models
from tests.harness.answers import ask, ended
from tests.harness.api import Api
from tests.harness.eventually import eventually
from tests.harness.fleet import Fleet
from tests.harness.nursery import nursery
from tests.harness.openid import ACCESS, REFRESH, Browser, OpenIdServer, openid_server
from tests.harness.post_office import PostOffice

FIRST, SECOND = "planted-password-one", "planted-password-two"
WRONG = "planted-wrong-password"
EMAIL, INVITED = "ada@planted.example", "eve@planted.example"
SHOWN = """{
  me { id } accounts { id scope hasPassword } sessions { id } apiTokens { nodes { start } }
  auditLogs { nodes { action metadata } }
  orgMemberships { nodes { org {
    members { nodes { id email } } auditLogs { nodes { metadata } } } } }
}"""
CLIENT_SECRET = "the client's secret"


@pytest.fixture
async def provider() -> AsyncIterator[OpenIdServer]:
    async with openid_server() as provider:
        yield provider


class Everything:
    """All that was sent to and fro, as text."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.texts: list[str] = []

    async def do(self, mutation: str, selection: str, **values: Any) -> Any:
        """A mutation, whose whole answer is kept but for the token it is to give."""
        name = mutation[0].upper() + mutation[1:]
        query = f"mutation($i: {name}Input!) {{ it: {mutation}(input: $i) {selection} }}"
        response = await self.api.ask(query, i=values)
        kept = json.loads(json.dumps(response))
        if kept.get("data") and kept["data"].get("it"):
            kept["data"]["it"].pop("token", None)
        self.texts.append(json.dumps(kept))
        return (response.get("data") or {}).get("it")


async def test_planted_secrets_are_found_nowhere(
    database: str, tmp_path: Path, office: PostOffice, provider: OpenIdServer
) -> None:
    settings = {
        "smtp_url": office.url,
        "app_url": "https://app.example",
        "log_level": "debug",
        "password_memory": 8,
        "password_rounds": 1,
        "slow_operation": 0,
        "sign_in_providers": json.dumps(provider.settings()),
    }
    async with (
        nursery(tmp_path) as children,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as session,
    ):
        fleet = Fleet(children, database, session, settings)
        server = await fleet.start("serve")
        assert server.url
        secrets = await _sign_up_and_about(Api(session, server.url, None), office, session)
        tables = await _tables(database)
        assert "argon2id" in tables, "hashes are there"
        async with session.get(f"{server.url}/metrics") as told:
            metrics = await told.text()
        texts = {"tables": tables, "metrics": metrics, "schema": sdl(), **secrets.pop("said")}
        texts["log"] = server.child.log.read_text()
    for name, text in texts.items():
        for what, secret in secrets.items():
            assert secret not in text, f"{what} is in the {name}"
    for what in ("session token", "value of a link", "token for scripts", "invitation"):
        token = secrets[what]
        assert hashlib.sha256(token.encode()).hexdigest() not in texts["log"]


OWN_KEY, LATER_KEY = "sk-planted-own-key-0001", "sk-planted-own-key-0002"
SERVERS_KEY, LITERAL = "sk-planted-servers-key", "sk-planted-in-a-document"


async def test_a_users_own_key_is_found_nowhere(database: str, tmp_path: Path) -> None:
    """The provider tells the key back in its errors; the log tells all that it can."""

    async def look(request: web.Request) -> web.Response:
        return refusal(request) if LATER_KEY in str(request.headers) else await no_models(request)

    settings = {"openai_api_key": SERVERS_KEY, "log_level": "debug", "slow_operation": 0}
    async with (
        endpoint(serving(OWN_KEY), look) as provider,
        nursery(tmp_path) as children,
        ClientSession() as session,
    ):
        settings["openai_base_url"] = provider.url
        fleet = Fleet(children, database, session, settings)
        server = await fleet.start("serve", worker="false")
        worker = await fleet.start("worker")
        said = Everything(fleet.api("ada"))
        await _use_keys(said)
        logs = [member.child for member in (server, worker)]
        await eventually(lambda: _noted(database))
        tables = await _tables(database)
        archive = tmp_path / "all.zip"
        exporting = await children.start("export", str(archive), PUNNET_DATABASE_URL=database)
        assert await exporting.ended == 0
        texts = {f"log {child.pid}": child.log.read_text() for child in (*logs, exporting)}
    texts |= {"tables": tables, "answers": "".join(said.texts), "schema": sdl()}
    with ZipFile(archive) as exported:
        texts["export"] = "".join(exported.read(name).decode() for name in exported.namelist())
    assert "key.set" in texts["tables"]
    assert "KEY_REFUSED" in texts["tables"]
    for name, text in texts.items():
        for secret in (OWN_KEY, LATER_KEY, SERVERS_KEY, LITERAL):
            assert secret not in text, f"{secret} is in the {name}"
            assert secret[6:-4] not in text, f"a part of {secret} is in the {name}"


async def _use_keys(said: Everything) -> None:
    """Set keys, test them, have answers written with them: good ones and refused ones."""
    for key in (OWN_KEY, LATER_KEY):
        given = {"provider": "openai", "key": key, "idempotencyKey": f"once {key[-1]}"}
        for _ in range(2):
            made = await said.do("setUserKey", "{ userKey { id maskedKey } }", **given)
        await said.do("testUserKey", "{ result message }", id=made["userKey"]["id"])
        reply = await ask(said.api, "Hello", model="openai:gpt-5.1-mini")
        said.texts.append(json.dumps((await ended(said.api, reply))["error"]))
    await said.do("setUserKey", "{ userKey { id } }", **(given | {"key": OWN_KEY}))  # a conflict
    for bad in ({"provider": "mock"}, {"key": f"{LITERAL} ä"}):
        await said.do("setUserKey", "{ userKey { id } }", **({"provider": "openai"} | given | bad))
    for wrong in ("userKey { id }", "userKey { nothing }"):
        inside = f'{{provider: "openai", key: "{LITERAL}"}}'
        query = f"mutation Literal {{ setUserKey(input: {inside}) {{ {wrong} }} }}"
        answer = await said.api.ask(query)
        said.texts.append(json.dumps(answer))
    lists = "{ userKeys { id maskedKey } auditLogs { nodes { action metadata } } }"
    said.texts.append(json.dumps(await said.api.ask(lists)))


async def _noted(database: str) -> bool:
    """Whether the slow operations are written down."""
    connection = await asyncpg.connect(database)
    try:
        query = "SELECT count(*) FROM slow_operation WHERE name = 'Literal'"
        return await connection.fetchval(query) > 0
    finally:
        await connection.close()


async def _sign_up_and_about(api: Api, office: PostOffice, session: ClientSession) -> Any:
    """Go through all that knows secrets; returns these, and all that was said."""
    all_said = Everything(api)
    await all_said.do("signUp", "{ email }", email=EMAIL, password=FIRST)
    confirm = await office.token(EMAIL)
    await all_said.do("verifyEmail", "{ email }", token=confirm, password=FIRST)
    await all_said.do("verifyEmail", "{ email }", token=confirm, password=FIRST)
    await all_said.do("signIn", "{ token }", email=EMAIL, password=WRONG)
    signed = await all_said.do("signIn", "{ token session { id } }", email=EMAIL, password=FIRST)
    api.token = signed["token"]
    change = {"currentPassword": FIRST, "password": SECOND}
    await all_said.do("changePassword", "{ session { id } }", **change | {"currentPassword": WRONG})
    renewed = await all_said.do("changePassword", "{ session { id } token }", **change)
    await all_said.do("changePassword", "{ session { id } }", **change)  # by the old token
    api.token = renewed["token"]
    await all_said.do("requestPasswordReset", "{ email }", email=EMAIL)
    reset = await office.token(EMAIL, 3)
    browser = Browser(session, api.url.removesuffix("/graphql"))
    await browser.go(f"{browser.base}/auth/acme")
    more = await _invite_and_about(all_said, office)
    shown = await api.ask(SHOWN)
    return more | {
        "password": FIRST,
        "new password": SECOND,
        "wrong password": WRONG,
        "session token": signed["token"],
        "renewed token": renewed["token"],
        "value of a link": confirm,
        "value of a reset": reset,
        "access token": ACCESS,
        "refresh token": REFRESH,
        "client secret": CLIENT_SECRET,
        "said": {"answers": "".join(all_said.texts), "lists": json.dumps(shown)},
    }


async def _invite_and_about(said: Everything, office: PostOffice) -> dict[str, str]:
    """The secrets of guests, scripts and invitations, each used well and badly."""
    api, own = said.api, said.api.token
    about = {"name": "Script", "scopes": ["READ"]}
    await said.do("createApiToken", "{ token }", **about, currentPassword=WRONG)
    script = await said.do("createApiToken", "{ token }", **about, currentPassword=SECOND)
    org = await said.do("createOrg", "{ org { id } }", name="Orchard")
    invited = {"orgId": org["org"]["id"], "email": INVITED, "role": "VIEWER"}
    await said.do("inviteOrgMember", "{ orgMember { id ticket: id } }", **invited)
    invitation = await office.token(INVITED)
    await said.do("acceptInvitation", "{ orgMember { id } }", token=invitation)  # a member already
    api.token = None
    guest = await said.do("createGuest", "{ token }")
    for token in (script["token"], guest["token"]):
        api.token = token
        await said.do("acceptInvitation", "{ orgMember { id } }", token=invitation)
        api.token = f"{token}x"
        await said.do("declineInvitation", "{ __typename }", token=f"{invitation}x")
    api.token = own
    await said.do("claimGuest", "{ user { id } }", token=guest["token"])
    return {
        "token for scripts": script["token"],
        "guest token": guest["token"],
        "invitation": invitation,
    }


async def _tables(database: str) -> str:
    """Every row of every table as text, the event log's and the slow operations' too."""
    connection = await asyncpg.connect(database)
    try:
        names = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        found = [
            str(row["text"])
            for name in names
            for row in await connection.fetch(f"SELECT t::text AS text FROM {name['tablename']} t")
        ]
    finally:
        await connection.close()
    return "\n".join(found)

"""`punnet rotate-keys`: another secret takes over while servers run, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.auth import derive_key
from app.cipher import PURPOSE, BadSeal, Cipher
from app.rotating import BATCH
from models import ids
from models.accounts.user_keys import UserKey
from models.base import Record
from models.packages import record_models
from models.sealing import purpose_of, sealed_columns
from tests.accounts.test_user_keys import LIST, MODEL, OTHER, OWN, by, serving, set_key, told
from tests.app.openai_endpoint import endpoint
from tests.harness.answers import ask
from tests.harness.api import SECRET, Api, Server, StartServer
from tests.harness.commands import Command, command, punnet
from tests.harness.eventually import eventually
from tests.harness.one_of_each import ROWS, write_one_of_each

NEW_SECRET = "the secret that takes over from it, 32+"
ROTATING = {"secret": NEW_SECRET, "previous_secrets": json.dumps([SECRET])}
OLD, NEW = (Cipher(derive_key(secret.encode(), PURPOSE)) for secret in (SECRET, NEW_SECRET))
SEALED = {model: sealed_columns(model) for model in record_models() if sealed_columns(model)}
MANY = 2 * BATCH + 50
GROWN = """\
INSERT INTO user_key (id, owner_id, user_id, provider, masked_key, mode, created_at, updated_at)
SELECT $1, owner_id, user_id, $2, masked_key, mode, created_at, updated_at FROM user_key LIMIT 1"""
ENDED = """\
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND query LIKE '%user_key%'"""
WAITING = """\
SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%user_key%'"""
PAGE = """query($after: String) {
  projects(first: 1, after: $after) { nodes { name } pageInfo { endCursor } } }"""


@pytest.fixture
async def there(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A database with rows in every table, whose secrets the old secret sealed."""
    await write_one_of_each(database)
    connection = await asyncpg.connect(database)
    try:
        for number in range(MANY):
            await connection.execute(GROWN, ids.new_id(UserKey.prefix), f"provider-{number}")
        for model in SEALED:
            await seal_all(connection, model)
        yield connection
    finally:
        await connection.close()


async def seal_all(connection: asyncpg.Connection, model: type[Record]) -> None:
    """Put a text of its own into each encrypted column, sealed by the old secret."""
    for row in await connection.fetch(f"SELECT * FROM {model.table()}"):
        for name in SEALED[model]:
            text = OLD.seal(text_of(row, name), **bound(model, name, row))
            change = f"UPDATE {model.table()} SET {name} = $2 WHERE id = $1"
            await connection.execute(change, row["id"], text)


def text_of(row: Any, column: str) -> str:
    return f"{column} of {row['id']}"


def bound(model: type[Record], column: str, row: Any) -> dict[str, str]:
    return {"owner": row["owner_id"], "purpose": purpose_of(model, column, row)}


async def opened_by(connection: asyncpg.Connection, cipher: Cipher) -> dict[str, int]:
    """How many of the encrypted texts of each table a cipher opens; each must be the right one."""
    found = {model.table(): 0 for model in SEALED}
    for model, columns in SEALED.items():
        for row in await connection.fetch(f"SELECT * FROM {model.table()}"):
            for name in columns:
                try:
                    text = cipher.open(row[name], **bound(model, name, row))
                except BadSeal:
                    continue
                assert text == text_of(row, name)
                found[model.table()] += 1
    return found


async def everything(connection: asyncpg.Connection) -> dict[str, int]:
    """How many encrypted texts each table has."""
    counts = {
        model: await connection.fetchval(f"SELECT count(*) FROM {model.table()}")
        for model in SEALED
    }
    return {model.table(): count * len(SEALED[model]) for model, count in counts.items()}


def counted(out: str) -> dict[str, int]:
    """The rows of each table that the command told of."""
    lines = [line.split() for line in out.splitlines() if line.startswith(" ")]
    return {table: int(count.replace(",", "")) for count, table in lines}


async def test_all_that_is_encrypted_is_sealed_by_the_new_secret(
    database: str, there: asyncpg.Connection
) -> None:
    assert {"user_key", "oauth_connection", "account"} <= {model.table() for model in SEALED}
    times = "SELECT array_agg(updated_at ORDER BY id) FROM user_key"
    before, events = await there.fetchval(times), "SELECT count(*) FROM event_log"
    noted = await there.fetchval(events)
    ended = await punnet("rotate-keys", url=database, **ROTATING)
    assert ended.code == 0, ended.err
    rows = {model.table(): ROWS for model in SEALED} | {"user_key": ROWS + MANY}
    assert counted(ended.out) == rows
    assert await opened_by(there, NEW) == await everything(there)
    assert not any((await opened_by(there, OLD)).values())
    assert (await there.fetchval(times), await there.fetchval(events)) == (before, noted)
    again = await punnet("rotate-keys", url=database, secret=NEW_SECRET)
    assert (again.code, set(counted(again.out).values())) == (0, {0})


async def test_what_cannot_be_opened_is_told_and_stays(
    database: str, there: asyncpg.Connection
) -> None:
    spoilt = await there.fetchrow("SELECT id, encrypted_key FROM user_key ORDER BY id OFFSET 3")
    moved = "UPDATE user_key SET provider = 'elsewhere' WHERE id = $1"
    await there.execute(moved, spoilt["id"])
    await there.execute("UPDATE account SET access_token = NULL, id_token = 'never sealed'")
    for _ in range(2):
        ended = await punnet("rotate-keys", url=database, **ROTATING)
        assert ended.code == 1
        assert spoilt["id"] in ended.err
        assert f"{1 + ROWS} rows" in ended.err
        assert spoilt["encrypted_key"] not in ended.out + ended.err
    kept = await there.fetchval("SELECT encrypted_key FROM user_key WHERE id = $1", spoilt["id"])
    assert kept == spoilt["encrypted_key"]
    left = "SELECT count(*) FROM user_key WHERE NOT starts_with(encrypted_key, $1)"
    assert await there.fetchval(left, NEW.key_id) == 1


async def test_without_the_old_secret_nothing_is_touched(
    database: str, there: asyncpg.Connection
) -> None:
    ended = await punnet("rotate-keys", url=database, secret=NEW_SECRET)
    assert ended.code == 1
    assert set(counted(ended.out).values()) == {0}
    assert await opened_by(there, OLD) == await everything(there)


async def held_up(there: asyncpg.Connection, running: Command) -> None:
    """Wait until the command waits for a row, which others hold."""

    async def look() -> Any:
        assert running.process.returncode is None
        return await there.fetchval(WAITING)

    await eventually(look, 60)


async def test_a_run_that_was_killed_is_taken_up(database: str, there: asyncpg.Connection) -> None:
    keys = [row["id"] for row in await there.fetch("SELECT id FROM user_key ORDER BY id")]
    holder = await asyncpg.connect(database)
    running = command("rotate-keys", url=database, **ROTATING)
    async with running as rotating, holder.transaction():
        await holder.execute("SELECT 1 FROM user_key WHERE id = $1 FOR UPDATE", keys[BATCH + 7])
        await held_up(there, rotating)
        await rotating.kill()
        await there.fetch(ENDED)
    await holder.close()
    assert (await opened_by(there, NEW))["user_key"] == BATCH + 7
    ended = await punnet("rotate-keys", url=database, **ROTATING)
    assert ended.code == 0, ended.err
    assert counted(ended.out)["user_key"] == len(keys) - BATCH - 7
    assert await opened_by(there, NEW) == await everything(there)


async def test_a_key_that_is_set_meanwhile_is_not_undone(
    database: str, there: asyncpg.Connection
) -> None:
    row = await there.fetchrow("SELECT * FROM user_key ORDER BY id DESC LIMIT 1")
    mine = NEW.seal("set meanwhile", **bound(UserKey, "encrypted_key", row))
    holder = await asyncpg.connect(database)
    async with command("rotate-keys", url=database, **ROTATING) as running:
        async with holder.transaction():
            change = "UPDATE user_key SET encrypted_key = $2 WHERE id = $1"
            await holder.execute(change, row["id"], mine)
            await held_up(there, running)
        ended = await running.ended()
    await holder.close()
    assert ended.code == 0, ended.err
    assert counted(ended.out)["user_key"] == ROWS + MANY - 1
    kept = await there.fetchval("SELECT encrypted_key FROM user_key WHERE id = $1", row["id"])
    assert kept == mine


async def test_servers_go_on_while_a_secret_takes_over(
    start_server: StartServer, database: str
) -> None:
    """By the page: all learn the new secret, all take it for theirs, rotate, forget the old."""
    async with endpoint(serving(OWN, OTHER)) as provider:
        given = {"openai_base_url": provider.url}
        first = await start_server(previous_secrets=[NEW_SECRET], **given)
        second = await start_server(secret=NEW_SECRET, previous_secrets=[SECRET], **given)
        ada, eve = first.user("ada"), second.user("eve")
        await set_key(ada, OWN)
        await set_key(eve, OTHER)
        guest = (await first.nobody().do("createGuest", "{ token }"))["token"]
        cursor = await two_projects(ada)
        for here in (first, second):  # each reads what the other signed and sealed
            await all_is_well(here, ada, guest, cursor)
            assert await answered_by(here, eve) == by(OTHER)
        ended, *_ = await asyncio.gather(
            punnet("rotate-keys", url=database, **ROTATING),
            *(answered_by(here, ada) for here in (first, second)),
        )
        assert (ended.code, counted(ended.out)["user_key"]) == (0, 1), ended.err
        last = await start_server(secret=NEW_SECRET, **given)
        for name, key in (("ada", OWN), ("eve", OTHER)):
            assert await answered_by(last, last.user(name)) == by(key)
    refused = Api(last.session, last.url, guest)
    assert await refused.code("{ me { id } }") == "UNAUTHENTICATED"
    assert await last.user("ada").code(PAGE, after=cursor) == "INVALID"


async def two_projects(user: Api) -> str:
    """A cursor between the two."""
    for name in ("One", "Two"):
        await user.do("createProject", "{ project { id } }", name=name, framework="VUE")
    return (await user.run(PAGE))["projects"]["pageInfo"]["endCursor"]


async def all_is_well(here: Server, user: Api, guest: str, cursor: str) -> None:
    """A user's token and cursor, and a guest's token, hold at another server."""
    there = Api(here.session, here.url, user.token)
    page = (await there.run(PAGE, after=cursor))["projects"]["nodes"]
    assert page == [{"name": "One"}]
    assert (await Api(here.session, here.url, guest).run("{ me { id } }"))["me"]
    assert len((await there.run(LIST))["userKeys"]) == 1


async def answered_by(here: Server, user: Api) -> str:
    """An answer for a user at a server, which tells the key that it was asked with."""
    there = Api(here.session, here.url, user.token)
    end = await told(there, await ask(there, "Hello", model=MODEL))
    return end["content"]

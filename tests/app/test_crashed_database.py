"""PostgreSQL crashes and gives the numbers of transactions it has forgotten to others."""

from __future__ import annotations

import asyncio

import asyncpg

from app.postgres import EmbeddedPostgres
from tests.harness.api import StartServer

CHANGED = """subscription($of: MessageTarget!, $after: String) {
  messageChanged(of: $of, after: $after) { node { content } cursor reset } }"""
FORGOTTEN = 8


async def test_a_number_that_is_given_again_hides_nothing(
    private_postgres: EmbeddedPostgres, start_server: StartServer
) -> None:
    server = await start_server(url=private_postgres.url(), worker=False)
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name="One", framework="VUE")
    of = {"projectId": made["project"]["id"]}
    connection = await asyncpg.connect(private_postgres.url())
    async with ada.listen(CHANGED, of=of) as events:
        await events.next()
    await connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
    await connection.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.3)  # the longest that it still has the old delay
    numbers: list[str] = []
    for _ in range(FORGOTTEN):  # undone: nothing keeps that until the server writes its log out
        transaction = connection.transaction()
        await transaction.start()
        numbers.append(await connection.fetchval("SELECT pg_current_xact_id()::text"))
        await transaction.rollback()
    server.services.bus.committed()
    await asyncio.sleep(0.02)
    async with ada.listen(CHANGED, of=of) as events:
        cursor = (await events.next())["cursor"]
        private_postgres.kill()
    await asyncio.to_thread(private_postgres.start)
    contents = [f"{number}" for number in range(2 * FORGOTTEN)]
    for content in contents:
        await ada.do("createMessage", "{ message { id } }", to=of, content=content)
    given = await server.sql("SELECT xid::text FROM event_log ORDER BY position")
    assert {row["xid"] for row in given} & set(numbers), "some were given again"
    heard: list[str] = []
    async with ada.listen(CHANGED, of=of, after=cursor) as events:
        while len(heard) < len(contents):
            event = await events.next(3)
            assert not event["reset"]
            heard.append(event["node"]["content"])
    assert heard == contents
    connection.terminate()

"""The order of messages: 1, 2, 3 … in the order of commits, whoever sends and wherever."""

from __future__ import annotations

import asyncio

from tests.harness.api import Api, Server, StartServer

NOTE = "mutation($input: CreateMessageInput!) { createMessage(input: $input) { message { id } } }"
STOP = "mutation($input: StopMessageInput!) { stopMessage(input: $input) { message { id } } }"


async def start(server: Server) -> str:
    made = await server.user().do(
        "createProject", "{ project { id } }", name="One", framework="VUE"
    )
    return made["project"]["id"]


async def check_order(server: Server) -> list[dict[str, object]]:
    """The messages by their order, checked against the order of the commits."""
    rows = await server.sql("SELECT id, role, parent_id, order_id FROM message ORDER BY order_id")
    assert [row["order_id"] for row in rows] == list(range(1, len(rows) + 1))
    committed = [
        change["new"]["order_id"]
        for row in await server.sql("SELECT changes FROM event_log ORDER BY position")
        for change in sorted(row["changes"], key=lambda one: one["new"].get("order_id", 0))
        if change["op"] == "add" and change["id"].startswith("msg_")
    ]
    assert committed == list(range(1, len(rows) + 1)), "the order of the commits"
    (last,) = await server.sql("SELECT last_order_id FROM conversation")
    assert last["last_order_id"] == len(rows)
    parents = [None, *(row["id"] for row in rows)]
    assert [row["parent_id"] for row in rows] == parents[:-1], "each follows the one before"
    return rows


async def test_sixty_parallel_messages_have_no_gap(start_server: StartServer) -> None:
    servers = [await start_server(worker=False) for _ in range(2)]
    to = {"projectId": await start(servers[0])}
    callers = [server.user() for server in servers]
    await asyncio.gather(
        *(
            callers[n % 2].do("createMessage", "{ message { id } }", to=to, content=f"{n}")
            for n in range(60)
        )
    )
    assert len(await check_order(servers[0])) == 60


async def test_each_answer_stands_next_to_its_message(start_server: StartServer) -> None:
    servers = [await start_server(worker=False) for _ in range(2)]
    to = {"projectId": await start(servers[0])}
    callers = [server.user() for server in servers]

    async def note(caller: Api) -> None:
        """Add a message as soon as no answer is being written."""
        refused = True
        while refused:
            said = await caller.ask(NOTE, input={"to": to, "content": "a note"})
            refused = "errors" in said
            assert not refused or said["errors"][0]["extensions"]["code"] == "CONFLICT"
            await asyncio.sleep(0.02)

    async def send(caller: Api) -> tuple[str, str]:
        """Send in place of what is being answered, then stop the answer again."""
        answer = "{ message { id } reply { id } }"
        sent = await caller.do("sendMessage", answer, to=to, content="x", supersede=True)
        await caller.ask(STOP, input={"id": sent["reply"]["id"]})  # unless it is superseded
        return sent["message"]["id"], sent["reply"]["id"]

    pairs = (
        await asyncio.gather(
            *(send(callers[n % 2]) for n in range(24)), *(note(callers[n % 2]) for n in range(12))
        )
    )[:24]
    rows = await check_order(servers[0])
    assert len(rows) == 2 * 24 + 12
    place = {row["id"]: number for number, row in enumerate(rows)}
    for message, reply in pairs:
        assert place[reply] == place[message] + 1
    assert await servers[0].sql("SELECT id FROM message WHERE status <> 'COMPLETE'") == []


async def test_orders_follow_commits_though_others_are_rolled_back(
    start_server: StartServer,
) -> None:
    """Two servers, a hundred senders, a fifth of whom fail after they have drawn their orders.

    Whoever looks meanwhile sees all orders up to one of them, so none is committed before a lower.
    """
    servers = [await start_server(worker=False) for _ in range(2)]
    made = await servers[0].user().do("createConversation", "{ conversation { id } }")
    to = {"conversationId": made["conversation"]["id"]}
    callers = [server.user() for server in servers]

    async def send(number: int) -> str:
        bad = [{"url": "ftp://files.example", "size": 1}] if number % 5 == 0 else []
        given = {"to": to, "content": f"{number}", "attachments": bad, "supersede": True}
        query = "mutation($i: SendMessageInput!) { sendMessage(input: $i) { message { id } } }"
        said = await callers[number % 2].ask(query, i=given)
        return said["errors"][0]["extensions"]["code"] if "errors" in said else "sent"

    seen: set[int] = set()
    looking = asyncio.create_task(_look(servers[1], seen))
    results = await asyncio.gather(*(send(number) for number in range(100)))
    assert not looking.done()
    looking.cancel()
    assert len(seen) > 10
    assert results.count("INVALID") == 20
    # Whoever waits too long behind the others is told to try again.
    assert set(results) <= {"INVALID", "sent", "CONFLICT"}
    rows = await check_order(servers[0])
    assert len(rows) == 2 * results.count("sent") > 100


async def _look(server: Server, seen: set[int]) -> None:
    """Note again and again how many messages there are, which have the lowest orders."""
    while True:
        rows = await server.sql("SELECT order_id FROM message ORDER BY order_id")
        assert [row["order_id"] for row in rows] == list(range(1, len(rows) + 1))
        seen.add(len(rows))
        await asyncio.sleep(0)

"""Snapshots, positions in the log and resume tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.resuming import PURPOSE, Batch, Place, Position, Resuming
from app.snapshots import Snapshot
from graphql_schema.core.signed import Signer
from models.ports import Heard
from models.viewer import viewer_of
from tests.harness.api import Api, Refused, StartServer

# -- against brute force -------------------------------------------------------------------


@dataclass
class World:
    """Transactions as PostgreSQL numbers them: begun, then ended, or never."""

    next: int = 100
    begun: list[int] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)  # in the order of their positions
    position: int = 0

    def running(self) -> list[int]:
        return [xid for xid in self.begun if xid not in self.ended]

    def snapshot(self) -> Snapshot:
        running = self.running()
        text = f"{min([*running, self.next])}:{self.next}:{','.join(map(str, running))}"
        shown = [row["position"] for row in self.rows if int(row["xid"]) in self.ended]
        return Snapshot.parse(text, max(shown, default=0))

    def do(self, choice: int, changes: int) -> None:
        """Begin a transaction, have one write a row of the log, end one, or, seldom, crash."""
        running = self.running()
        if choice == 30:
            self.crash()
        elif choice % 3 == 0 or not running:
            self.begun.append(self.next)
            self.next += 1
        elif choice % 3 == 1:
            xid = running[choice % len(running)]
            self.position += 1
            row = {"xid": str(xid), "position": self.position, "changes": [{}] * changes}
            self.rows.append(row)
        else:
            self.ended.add(running[choice % len(running)])

    def crash(self) -> None:
        """Forget what is not in the log: later transactions get these numbers again."""
        self.rows = [row for row in self.rows if int(row["xid"]) in self.ended]
        self.next = max((int(row["xid"]) for row in self.rows), default=99) + 1
        self.begun = [xid for xid in self.begun if xid < self.next]
        self.ended = set(self.begun)

    def visible(self, old: Snapshot, new: Snapshot) -> list[dict[str, Any]]:
        """The rows of `new` that `old` does not see, as the reader's statement finds them."""
        return [row for row in self.rows if visible(row, old, new)]


STEPS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3)), max_size=60)


@given(STEPS)
def test_a_snapshot_sees_what_had_ended(steps: list[tuple[int, int]]) -> None:
    world = World()
    for step in steps:
        world.do(*step)
    snapshot = world.snapshot()
    assert {xid for xid in range(90, 200) if snapshot.sees(xid, 0)} == world.ended | set(
        range(90, 100)
    )
    assert Snapshot.parse(str(snapshot), snapshot.high) == snapshot


RESUMING = Resuming(Signer(b"k" * 32), viewer_of("usr_a"), "usr_a")
PLACE = Place("1/1", 1_000)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_position_has_what_was_heard_and_nothing_else(data: st.DataObject) -> None:
    world = World()
    start = world.snapshot()
    position, token = Position(start), RESUMING.sign(Position(start), PLACE)
    heard: set[tuple[int, int]] = set()
    for steps in data.draw(st.lists(STEPS, max_size=6)):
        for step in steps:
            world.do(*step)
        new = world.snapshot()
        if new.xmax < position.new.xmax:
            return  # ahead of now, which resets
        # A client comes back with its token and leaves again in the midst of what it missed.
        missed = [
            one
            for step in position.steps(new)
            for one in RESUMING.heard(Batch(*step, world.visible(*step)), position, PLACE)
        ]
        for one in missed[: data.draw(st.integers(0, len(missed)))]:
            token = one.sign()
            position = opened(token)
            key = next(expected(world, position, heard))
            heard.add(key)
        assert position == opened(token)
        for row in world.rows:
            for index in range(len(row["changes"])):
                known = position.has(int(row["xid"]), row["position"], index)
                assert known == ((row["position"], index) in heard)


def test_a_late_commit_between_two_halves_of_a_row_repeats_nothing() -> None:
    before, then, now = (Snapshot.parse(*one) for one in (("1:1:", 0), ("1:3:1", 2), ("3:3:", 2)))
    late = {"xid": "1", "position": 1, "changes": [{"id": "late"}]}
    row = {"xid": "2", "position": 2, "changes": [{"id": "first"}, {"id": "second"}]}

    def missed(position: Position, now: Snapshot) -> list[Heard]:
        batches = [
            Batch(old, new, [one for one in (late, row) if visible(one, old, new)])
            for old, new in position.steps(now)
        ]
        return [heard for batch in batches for heard in RESUMING.heard(batch, position, PLACE)]

    position, ids = Position(before), []
    for seen in (then, now, now, now):  # it leaves after each change
        for heard in missed(position, seen)[:1]:
            ids.append((heard.change or {})["id"])
            position = opened(heard.sign())
    assert ids == ["first", "second", "late"]


def visible(row: dict[str, Any], old: Snapshot, new: Snapshot) -> bool:
    """Whether `new` sees a row and `old` does not."""
    place = (int(row["xid"]), row["position"])
    return new.sees(*place) and not old.sees(*place)


def opened(token: str) -> Position:
    position = RESUMING.open(token, PLACE)
    assert position is not None
    return position


def expected(world: World, position: Position, heard: set[tuple[int, int]]) -> Any:
    """By brute force, what comes next: the lowest place that is visible and was not heard."""
    return (
        (row["position"], index)
        for row in world.rows
        if position.new.sees(int(row["xid"]), row["position"])
        for index in range(len(row["changes"]))
        if (row["position"], index) not in heard
    )


# -- tokens --------------------------------------------------------------------------------

CHANGED = """subscription($of: MessageTarget!, $after: String) {
  messageChanged(of: $of, after: $after) { node { content } deletedId cursor reset } }"""
DAY = 24 * 3600 * 1000


async def target(user: Api) -> dict[str, str]:
    made = await user.do("createProject", "{ project { id } }", name="One", framework="VUE")
    return {"projectId": made["project"]["id"]}


async def first(user: Api, of: dict[str, str], after: str | None = None) -> Any:
    """The first event after a cursor."""
    async with user.listen(CHANGED, of=of, after=after) as events:
        return await events.next()


async def code(user: Api, of: dict[str, str], after: str) -> tuple[str, str | None]:
    with pytest.raises(Refused) as refused:
        await first(user, of, after)
    extensions = refused.value.errors[0]["extensions"]
    return extensions["code"], extensions.get("field")


async def test_a_cursor_of_somebody_else_is_refused(start_server: StartServer) -> None:
    server = await start_server()
    ada, bob = server.user("ada"), server.user("bob")
    hers, his = await target(ada), await target(bob)
    cursor = (await first(ada, hers))["cursor"]
    assert await code(bob, his, cursor) == ("INVALID", "after")
    assert await code(ada, hers, "x") == ("INVALID", "after")
    assert await code(ada, hers, "") == ("INVALID", "after")
    for place in (0, len(cursor) // 2, len(cursor) - 1):
        wrong = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert await code(ada, hers, wrong) == ("INVALID", "after")
    signer = server.services.ports.signer
    other = signer.sign("stream", signer.open(PURPOSE, cursor))
    assert await code(ada, hers, other) == ("INVALID", "after")


Alter = Callable[[list[Any]], object]


def older(hours: float) -> Alter:
    def alter(parts: list[Any]) -> None:
        parts[3] -= int(hours * 3600 * 1000)

    return alter


def moved(cluster: Callable[[str], str]) -> Alter:
    def alter(parts: list[Any]) -> None:
        parts[2] = cluster(parts[2])

    return alter


def ahead(parts: list[Any]) -> None:
    xmin, xmax, running = parts[4].split(":")
    parts[4] = f"{xmin}:{int(xmax) + 100_000}:{running}"


@pytest.mark.parametrize(
    ("alter", "reset"),
    [
        (older(0), False),
        (older(23.9), False),
        (older(24.01), True),
        (moved(lambda cluster: "7" + cluster), True),
        (moved(lambda cluster: cluster[:-1] + "9"), True),
        (ahead, True),
    ],
    ids=["same", "day", "older", "cluster", "timeline", "ahead"],
)
async def test_a_cursor_that_cannot_be_continued_from_is_reset(
    start_server: StartServer, alter: Alter, *, reset: bool
) -> None:
    server = await start_server()
    ada = server.user()
    of = await target(ada)
    signer = server.services.ports.signer
    parts = signer.open(PURPOSE, (await first(ada, of))["cursor"])
    alter(parts)
    await ada.do("createMessage", "{ message { id } }", to=of, content="missed")
    async with ada.listen(CHANGED, of=of, after=signer.sign(PURPOSE, parts)) as events:
        event = await events.next()
        assert event["reset"] is reset
        if reset:
            assert (event["node"], event["deletedId"]) == (None, None)
            await ada.do("createMessage", "{ message { id } }", to=of, content="next")
            event = await events.next()
            if event["node"] == {"content": "missed"}:  # the query shows it, the event may too
                event = await events.next()
        content = {"content": "next" if reset else "missed"}
        assert (event["node"], event["reset"]) == (content, False)
    # The cursor of the last event can be continued from.
    await ada.do("createMessage", "{ message { id } }", to=of, content="after")
    again = await first(ada, of, event["cursor"])
    assert (again["node"], again["reset"]) == ({"content": "after"}, False)

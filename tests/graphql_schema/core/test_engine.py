"""The engine by itself: what is prepared once, kept, run and closed."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from app.callers import Caller
from app.tally import Tally
from graphql_schema.core.document_cache import DocumentCache
from graphql_schema.core.engine import Engine
from graphql_schema.core.errors import Refused
from tests.app.graphql_server import FakeContexts, Limits, until
from tests.app.small_schema import Viewer, World, schema


def engine(**options: Any) -> tuple[Engine, Limits]:
    checked = schema()
    limits = Limits(checked)
    return Engine(checked, limits=limits, **options), limits


def contexts(world: World) -> Any:
    return lambda: FakeContexts(world).operation(Viewer(), Caller({}), "req", Tally())


def test_a_document_is_parsed_once() -> None:
    prepare, limits = engine()
    first = prepare.prepare("query A { hello } mutation B { add(value: 1) }", "A")
    assert prepare.prepare("query A { hello } mutation B { add(value: 1) }", "A") is first
    assert limits.parsed == 1
    other = prepare.prepare("query A { hello } mutation B { add(value: 1) }", "B")
    assert (first.kind, first.name) == ("query", "A")
    assert (other.kind, other.name) == ("mutation", "B")


def test_a_refused_document_is_refused_from_memory() -> None:
    prepare, limits = engine()
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            prepare.prepare("{ nothing }")
        assert refused.value.errors[0]["extensions"]["code"] == "VALIDATION_FAILED"
        assert refused.value.errors[0]["locations"] == [{"line": 1, "column": 3}]
    assert limits.parsed == 1


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("query A { hello } query B { hello }", None),
        ("query A { hello }", "B"),
        ("{ hello } { hello }", None),
        ("fragment F on Query { hello }", None),
    ],
)
def test_an_operation_must_be_chosen(document: str, name: str | None) -> None:
    with pytest.raises(Refused) as refused:
        engine()[0].prepare(document, name)
    assert refused.value.errors[0]["extensions"]["code"] == "BAD_REQUEST"


def test_little_used_documents_make_room() -> None:
    prepare, limits = engine(cache_entries=2)
    for text in ("{ a: hello }", "{ b: hello }", "{ a: hello }", "{ c: hello }"):
        prepare.prepare(text)
    assert limits.parsed == 3
    prepare.prepare("{ a: hello }")
    assert limits.parsed == 3
    prepare.prepare("{ b: hello }")
    assert limits.parsed == 4


def test_the_cache_is_bounded_in_bytes() -> None:
    cache: DocumentCache[int] = DocumentCache(entries=1_000, size=8_000)
    for number in range(1_000):
        cache.put((str(number), None), number, 900)
        assert cache.size <= 8_000
    assert len(cache) == 8
    cache.put(("large", None), 1, 1_001)
    assert cache.get(("large", None)) is None
    assert cache.get(("999", None)) == 999


async def test_a_query_runs_in_its_context() -> None:
    world = World()
    prepare, _ = engine()
    prepared = prepare.prepare("query ($v: Int) { number(value: $v) context }")
    response = await prepare.execute(prepared, {"v": 5}, contexts(world), request_id="req")
    assert response == {"data": {"number": 5, "context": 1}}
    assert world.opened == world.closed == 1


async def test_cancelling_reaches_every_resolver() -> None:
    world = World()
    prepare, _ = engine()
    prepared = prepare.prepare("{ a: slow(seconds: 60) b: slow(seconds: 60) }")
    task = asyncio.create_task(prepare.execute(prepared, {}, contexts(world), request_id="req"))
    await until(lambda: world.running == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (world.running, world.cancelled, world.closed) == (0, 2, 1)


async def test_closing_a_subscription_closes_its_source() -> None:
    world = World()
    prepare, _ = engine()
    prepared = prepare.prepare("subscription { count(to: 5) }")
    events = prepare.subscribe(prepared, {}, contexts(world), request_id="req")
    async with aclosing(events):
        assert await anext(events) == {"data": {"count": 0}}
        assert world.running == 1
    assert (world.running, world.closed, world.opened) == (0, 2, 2)


async def test_a_late_event_ends_the_subscription() -> None:
    world = World()
    slow = schema()
    assert slow.subscription_type is not None

    async def resolve(_event: object, _info: object, **_args: object) -> int:
        await asyncio.sleep(60)
        return 1

    slow.subscription_type.fields["count"].resolve = resolve
    prepare = Engine(slow, limits=Limits(slow), time_limit=0.05)
    prepared = prepare.prepare("subscription { count(to: 5) }")
    events = prepare.subscribe(prepared, {}, contexts(world), request_id="req")
    with pytest.raises(Refused) as refused:
        await asyncio.wait_for(anext(events), 5)
    assert refused.value.errors[0]["extensions"]["code"] == "TIMEOUT"
    assert (world.running, world.opened - world.closed) == (0, 0)

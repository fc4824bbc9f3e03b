"""Documents and their plans weigh what they are taken to weigh, and make room for each other."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from itertools import islice

import pytest

from graphql_schema.core.engine import Engine
from graphql_schema.core.gate import Gate
from graphql_schema.core.limits import Limits
from graphql_schema.plans.planner import Planner
from models.viewer import Viewer
from tests.harness.filling import Filling
from tests.plans.differential import Both
from tests.plans.fitting import fitted
from tests.plans.grammar import Asked, asked

MEGABYTE = 1 << 20
SKIPPED = """query Q{n}($a: Boolean!, $b: Boolean!) {{ projects(first: 3) {{ nodes {{ i{n}: id
  name @skip(if: $a) messages(last: 5) @include(if: $b) {{
    nodes {{ id content createdAt attachments {{ id url }} }} }} }} }} }}"""
PAGE = """query Q{n} {{ project(id: "@0 prj") {{ i{n}: id name messages(first: 5) {{
  edges {{ cursor node {{ id content fragment {{ id files }} attachments {{ url }} }} }} }} }} }}"""
ANYTHING = """query Q{n} {{ nodes(ids: ["@0 prj", "@0 msg", "@0 frg", "@0 att", "@0 run"]) {{
  i{n}: id ... on Project {{ name }} ... on Message {{ content project {{ id }} }} }} }}"""


def engine_of(both: Both, size: int) -> Engine:
    """An engine with plans that remembers documents of so many bytes."""
    gate = Gate(both.schema, Limits())
    planner = Planner(both.schema, lambda _: None)
    return Engine(both.schema, limits=gate, planner=planner, cache_size=size)


@pytest.fixture
def traced() -> Iterator[None]:
    """With every allocation counted."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def weight() -> int:
    """Bytes that Python objects take now."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def requests(document: str, filling: Filling) -> Iterator[Asked]:
    """The same document under ever new names, with all its conditions."""
    n = 0
    while True:
        n += 1
        for a, b in ((True, True), (True, False), (False, True), (False, False)):
            text = fitted(document.format(n=n), filling)
            yield Asked(text, None, {"a": a, "b": b} if "$a" in document else {})


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("document", [SKIPPED, PAGE, ANYTHING], ids=["skip", "page", "nodes"])
async def test_documents_weigh_no_more_than_they_are_taken_to(
    both: Both, filled: tuple[str, Filling], viewers: list[Viewer], document: str
) -> None:
    engine, asking = engine_of(both, 100 * MEGABYTE), requests(document, filled[1])
    for request in islice(asking, 40):
        assert (await both.answer(engine, request, viewers[0])).data
    before, taken = weight(), engine.kept
    for request in islice(asking, 120):
        await both.answer(engine, request, viewers[0])
    real = weight() - before
    assert real < engine.kept - taken
    assert real > (engine.kept - taken) // 5, "the estimate keeps far fewer than it could"


@pytest.mark.usefixtures("traced")
async def test_new_documents_take_the_room_of_old_ones(
    both: Both, filled: tuple[str, Filling], viewers: list[Viewer]
) -> None:
    engine = engine_of(both, MEGABYTE // 2)
    random = asked(both.schema, 1, 300)
    for request in random[:150]:
        await both.answer(engine, request, viewers[0])
    before, checked = weight(), engine.checked
    for request in random[150:]:
        await both.answer(engine, request, viewers[0])
    assert engine.checked - checked > 40
    assert weight() - before < MEGABYTE // 2

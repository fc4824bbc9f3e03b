"""Documents by name, at the bounds of what is remembered."""

from __future__ import annotations

from typing import Any

import pytest

from graphql_schema.core.document_cache import DocumentCache
from graphql_schema.core.engine import Engine
from graphql_schema.core.errors import Refused
from graphql_schema.core.persisted import Documents, TrustedDocuments, check_trusted, sha256
from tests.app.graphql_server import Limits
from tests.app.small_schema import schema

HELLO = "{ hello }"
BOTH = "query A { hello } query B { viewer }"


def engine(**options: Any) -> Engine:
    checked = schema()
    return Engine(checked, limits=Limits(checked), **options)


def flooded(documents: Documents) -> None:
    for number in range(50):
        documents.prepare(f"{{ n{number}: hello }}", None)


def test_a_trusted_document_is_never_forgotten() -> None:
    small = engine(cache_entries=2)
    trusted = TrustedDocuments({"1": check_trusted(small, BOTH)})
    documents = Documents(small, entries=10, trusted=trusted)
    first = documents.prepare("", "B", "1")
    flooded(documents)
    checked = small.checked
    assert documents.prepare("", "B", "1") is first
    assert small.checked == checked


def test_a_registered_document_that_was_forgotten_is_checked_again() -> None:
    small = engine(cache_entries=2)
    documents = Documents(small, entries=10)
    documents.prepare(HELLO, None, sha256(HELLO))
    flooded(documents)
    checked = small.checked
    assert documents.prepare("", None, sha256(HELLO)).kind == "query"
    assert small.checked == checked + 1


def test_what_is_asked_for_again_outlives_a_flood_in_the_engine() -> None:
    small = engine(cache_entries=8)
    documents = Documents(small, entries=10)
    for _ in range(2):
        kept = documents.prepare(HELLO, None)
    flooded(documents)
    assert documents.prepare(HELLO, None) is kept


def test_every_operation_of_a_trusted_document_is_checked() -> None:
    one, two = (check_trusted(engine(), text) for text in ("query A { hello }", BOTH))
    assert (one.operations.keys(), two.operations.keys()) == ({"A", None}, {"A", "B"})
    assert one.operations[None] is one.operations["A"]
    with pytest.raises(Refused):
        check_trusted(engine(), "query A { hello } query A { viewer }")


@pytest.mark.parametrize("entries", [0, 1, 2, 3, 8, 100])
def test_what_is_used_again_may_fill_three_quarters(entries: int) -> None:
    cache: DocumentCache[int] = DocumentCache(entries=entries, size=8_000)
    for number in range(200):
        cache.put(number, number, 200)
        cache.get(number)
        assert len(cache) <= min(entries, 40)
        assert cache.size == 200 * len(cache)
    cache.put("fresh", -1, 900)
    assert cache.size <= 8_000
    assert ("fresh" in cache) == (entries > 0)
    assert len(cache) <= entries
    assert all(number in cache for number in range(200 - min(entries, 40) * 3 // 4, 200))


def test_the_least_recently_used_of_the_proven_goes_first() -> None:
    cache: DocumentCache[str] = DocumentCache(entries=4, size=8_000)
    for key in "abcd":
        cache.put(key, key, 1)
    for key in "abca":
        cache.get(key)
    cache.get("d")  # a fourth one has no room among the proven: b is fresh again
    for key in "xyz":
        cache.put(key, key, 1)
    assert [key for key in "abcdxyz" if key in cache] == ["a", "c", "d", "z"]

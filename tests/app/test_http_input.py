"""Bodies that no client should send: each a coded error, never a 500."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.app.graphql_server import client
from tests.app.http import JSON, post, query

HELLO = {"query": "{ hello }"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1",
        b"null",
        b"[]",
        b"true",
        b'"{ hello }"',
        b"NaN",
        b"NONSENSE",
        b'{"query":',
        b'[{"query": "{ hello }"}]',
        b'{"query": "{ hello }"} x',
        b'{"query": "\xff"}',
        b'\xef\xbb\xbf{"query": "{ hello }"}',
        b'\xef\xbb\xbf\xef\xbb\xbf{"query": "{ hello }"}',
        '{"query": "{ hello }"}'.encode("utf-16"),
        '{"query": "{ hello }"}'.encode("utf-32"),
        b"{}",
        b'{"qeury": "{ hello }"}',
        b'{"query": 7}',
        b'{"query": null}',
        b'{"query": ["{ hello }"]}',
        b'{"query": "{ hello }", "variables": 5}',
        b'{"query": "{ hello }", "variables": []}',
        b'{"query": "{ hello }", "variables": "{}"}',
        b'{"query": "{ hello }", "operationName": 5}',
        b'{"query": "{ hello }", "extensions": 1}',
        b'{"query": "{ hello }", "variables": {"v": NaN}}',
        b'{"query": "{ hello }", "variables": {"v": -Infinity}}',
        b'{"query": "{ hello }", "variables": {"v": 1e400}}',
        b'{"query": "{ hello }", "variables": {"v": ' + b"9" * 5_000 + b"}}",
        b'{"query": "{ hello }", "variables": {"v": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}",
        b'{"query": "{ hello }", "variables": {"v": ["\\ud800", ' + b"[" * 5_000,
        b'{"query": "{ hello }", "variables": {"v": ["\\ud800", NaN]}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
async def test_what_is_no_request_is_a_400(body: bytes) -> None:
    async with client() as (session, world):
        for accept in (JSON, "application/graphql-response+json", "text/event-stream"):
            answer = await post(session, world, body, {"Accept": accept})
            assert answer.status == 400
            assert answer.codes == ["BAD_REQUEST"]
            assert len(str(answer.body)) < 500
        assert world.opened == 0


ECHO = "query ($v: JSON) { echo(value: $v) }"


def within(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        "\0",
        ["a\0b"],
        {"\0": 1},
        "\ud800",
        {"a": [{"b": "\udfff"}]},
        {"\ud83d": 1},
        2**63,
        2**64,
        -(2**63) - 1,
        10**30,
        1e300,
        within(100),
        within(900),
    ],
)
async def test_values_that_postgresql_cannot_hold_are_invalid(value: Any) -> None:
    async with client() as (session, world):
        answer = await query(session, world, ECHO, variables={"v": value})
        assert (answer.status, answer.codes) == (400, ["INVALID"])
        assert world.opened == 0


@pytest.mark.parametrize(
    "value",
    [
        "😀 \u2028 \x7f \\u0000 \\ud800",
        2**63 - 1,
        -(2**63),
        0.1,
        -0.5e-300,
        True,
        None,
        {"a": [1, {"b": "ü"}]},
        within(98),
    ],
)
async def test_other_values_arrive_as_they_are(value: Any) -> None:
    async with client() as (session, world):
        answer = await query(session, world, ECHO, variables={"v": value})
        assert answer.body == {"data": {"echo": value}}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{ hello(name: "\\u0000") }', "INVALID"),
        ('{ hello(name: "\\u{0}") }', "INVALID"),
        ('{ hello(name: "\0") }', "INVALID"),
        ('{ hello(name: """\0""") }', "INVALID"),
        ("{ hello } # \0", "INVALID"),
        ('{ hello(name: "\\ud800") }', "PARSE_FAILED"),
        ('{ hello(name: "\ud800") }', "INVALID"),
        ("{ echo(value: 9223372036854775808) }", "INVALID"),
        ("{ echo(value: {a: [-9223372036854775809]}) }", "INVALID"),
        ("{ echo(value: 1e400) }", "INVALID"),
        ("{ number(value: " + "9" * 5_000 + ") }", "INVALID"),
        ("query ($v: JSON = 99999999999999999999) { echo(value: $v) }", "INVALID"),
        ('query ($v: String = "\\u0000") { hello(name: $v) }', "INVALID"),
    ],
)
async def test_literals_are_held_to_the_same(text: str, code: str) -> None:
    async with client() as (session, world):
        answer = await query(session, world, text)
        assert (answer.status, answer.codes[0]) == (400, code)
        assert world.opened == 0


async def test_literals_that_only_look_alike_pass() -> None:
    async with client() as (session, world):
        text = '{ hello(name: "\\\\u0000 \\u00e9 12345678901234567890") }'
        answer = await query(session, world, text)
        assert answer.body == {"data": {"hello": "hello \\u0000 é 12345678901234567890"}}
        whole = await query(session, world, "{ echo(value: -9223372036854775808) }")
        assert whole.body["data"] == {"echo": -(2**63)} or whole.status == 200


@pytest.mark.parametrize("name", ["operationName", "query"])
async def test_lone_surrogates_elsewhere_are_invalid(name: str) -> None:
    async with client() as (session, world):
        answer = await post(session, world, {**HELLO, name: "\ud83d"})
        assert (answer.status, answer.codes) == (400, ["INVALID"])


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/jsonp",
        "text/json, application/json",
        "",
    ],
)
async def test_another_content_type_is_a_415(content_type: str) -> None:
    async with client() as (session, world):
        answer = await post(session, world, HELLO, {"Content-Type": content_type})
        assert (answer.status, answer.codes) == (415, ["BAD_REQUEST"])
        assert world.opened == 0


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_in_other_words_is_fine(content_type: str) -> None:
    async with client() as (session, world):
        answer = await post(session, world, HELLO, {"Content-Type": content_type})
        assert answer.status == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
async def test_compressed_bodies_are_a_415(encoding: str) -> None:
    async with client() as (session, world):
        bomb = gzip.compress(b" " * 1_000_000)
        answer = await post(session, world, bomb, {"Content-Encoding": encoding})
        assert answer.status == 415


async def test_a_large_body_is_a_413_with_and_without_its_length() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 1_000

    async with client(max_body=10_000) as (session, world):
        for body in (b" " * 10_001, b"[" * 5_000_000, chunks()):
            answer = await post(session, world, body)
            assert (answer.status, answer.codes) == (413, ["TOO_LARGE"])
        padded = json.dumps(HELLO).encode().ljust(10_000)
        assert (await post(session, world, padded)).status == 200


async def test_a_value_may_be_wide_but_not_endless() -> None:
    async with client(max_body=4 << 20) as (session, world):
        answer = await query(session, world, ECHO, variables={"v": [0] * 19_000})
        assert answer.status == 200
        answer = await query(session, world, ECHO, variables={"v": [0] * 1_000_000})
        assert answer.codes == ["INVALID"]
        assert answer.body["errors"][0]["extensions"]["field"] == "v"

"""Trusted documents, from the files that front ends' tools write; nothing else runs if asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import md5, sha1, sha256
from pathlib import Path
from typing import Any

import pytest

from models.errors import Invalid
from tests.app.graphql_server import client, running
from tests.app.http import GRAPHQL, JSON, post, query, send
from tests.app.socket_client import connected
from tests.app.test_persisted_queries import PREFLIGHT, hash_of, named
from tests.app.test_sse import EVENTS, events_of
from tests.harness.commands import command, punnet

HELLO = "query Hello($n: String) { hello(name: $n) }"
ADD = "mutation Add { add(value: 2) }"
COUNT = "subscription Count { count(to: 1) }"
BOTH = "query A { hello } query B { viewer }"


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def manifest(documents: Mapping[str, str]) -> dict[str, Any]:
    """As `generate-persisted-query-manifest` writes it."""
    operations = [
        {"id": id, "name": "Hello", "type": "query", "body": text} for id, text in documents.items()
    ]
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}


def digest(name: str, text: str) -> str:
    kinds = {"relay": md5, "codegen": sha1, "apollo": sha256}
    return kinds[name](text.encode()).hexdigest()


@pytest.mark.parametrize("tool", ["relay", "codegen", "apollo"])
async def test_a_tools_file_is_read(tool: str, tmp_path: Path) -> None:
    id = digest(tool, HELLO)
    documents = {id: HELLO}
    path = written(tmp_path / "d.json", manifest(documents) if tool == "apollo" else documents)
    async with client(trusted_documents=path) as (session, world):
        checked = world.checked()
        for body in (
            {"documentId": id},
            {"documentId": f"sha256:{id}"},
            {"doc_id": id},
            {"doc_id": id, "query": None},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id}}},
            {"extensions": named(HELLO)},
        ):
            for name in (None, "Hello"):
                given = {**body, "variables": {"n": "Ann"}, "operationName": name}
                answer = await post(session, world, given)
                assert answer.body == {"data": {"hello": "hello Ann"}}
        assert (world.checked(), set(world.named)) == (checked, {"trusted"})


async def test_all_files_of_a_folder_are_read(tmp_path: Path) -> None:
    written(tmp_path / "web.json", {"sha256:1": HELLO, "2": COUNT})
    written(tmp_path / "phone.json", manifest({"1": HELLO, "3": BOTH}))
    written(tmp_path / "notes.txt", "not JSON")
    async with client(trusted_documents=tmp_path) as (session, world):
        for id, name in (("1", "Hello"), ("3", "A")):
            answer = await post(session, world, {"documentId": id, "operationName": name})
            assert answer.body == {"data": {"hello": "hello world"}}


async def test_other_documents_run_beside_them(tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", {"1": HELLO})
    async with client(trusted_documents=path) as (session, world):
        assert (await query(session, world, "{ viewer }")).status == 200
        unknown = await post(session, world, {"documentId": "2"})
        assert unknown.codes == ["PERSISTED_QUERY_NOT_FOUND"]
        await query(session, world, "{ viewer }", extensions=named("{ viewer }"))
        assert world.named == ["miss", "registered"]


async def test_the_operation_of_a_trusted_document_is_chosen_by_name(tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", {"1": BOTH})
    async with client(trusted_documents=path, only_trusted_documents=True) as (session, world):
        checked = world.checked()
        for name, data in (("A", {"hello": "hello world"}), ("B", {"viewer": "nobody"})):
            answer = await post(session, world, {"documentId": "1", "operationName": name})
            assert answer.body == {"data": data}
        assert world.checked() == checked
        for name in (None, "C"):
            unclear = await post(session, world, {"documentId": "1", "operationName": name})
            assert (unclear.status, unclear.codes) == (400, ["BAD_REQUEST"])


UNTRUSTED = [
    {"query": "{ viewer }"},
    {"query": f"{HELLO} "},
    {"query": "{ __schema { queryType { name } } }"},
    {"query": "{ __typename }"},
    {"query": "{"},
    {"documentId": "2"},
    {"extensions": named("{ viewer }")},
    {"query": "{ viewer }", "extensions": named("{ viewer }")},
    {"query": "{ viewer }", "documentId": "2"},
]


@pytest.mark.parametrize("request_", UNTRUSTED)
async def test_nothing_else_runs_when_only_they_may(
    request_: dict[str, Any], tmp_path: Path
) -> None:
    path = written(tmp_path / "d.json", {"1": HELLO})
    settings: Any = {"trusted_documents": path, "only_trusted_documents": True, "dev": True}
    async with client(**settings) as (session, world):
        checked = world.checked()
        for kind, status in ((GRAPHQL, 403), (JSON, 200)):
            refused = await post(session, world, request_, {"Accept": kind})
            assert (refused.status, refused.codes) == (status, ["FORBIDDEN"])
        assert (world.checked(), world.named) == (checked, ["refused"] * 2)
        assert (await post(session, world, {"documentId": "1"})).status == 200


async def test_nothing_else_runs_on_a_socket_or_as_events(tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", {"1": COUNT})
    settings: Any = {"trusted_documents": path, "only_trusted_documents": True}
    async with connected(**settings) as ann:
        await ann.init()
        await ann.subscribe("1", "subscription { count(to: 1) }")
        assert await ann.refusal() == ("1", "FORBIDDEN")
        await ann.send("subscribe", id="2", payload={"documentId": "1"})
        event = {"type": "next", "id": "2", "payload": {"data": {"count": 0}}}
        assert await ann.receive() == event
    async with client(**settings) as (session, world):
        for body, first in (({"query": "{ viewer }"}, "errors"), ({"documentId": "1"}, "data")):
            async with session.post(world.url, json=body, headers=EVENTS) as response:
                [(_, event), _] = events_of(await response.read())
            assert list(event) == [first]


async def test_their_exact_text_is_as_good_as_their_id(tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", {"1": COUNT})
    async with connected(trusted_documents=path, only_trusted_documents=True) as ann:
        await ann.init()
        checked = ann.world.checked()
        for name, more in (("1", {}), ("2", {"extensions": named(COUNT)})):
            await ann.subscribe(name, COUNT, **more)
            event = {"type": "next", "id": name, "payload": {"data": {"count": 0}}}
            assert await ann.receive() == event
            assert await ann.receive() == {"type": "complete", "id": name}
        assert ann.world.checked() == checked


async def test_the_id_decides_when_the_text_is_printed_otherwise(tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", {"1": HELLO})
    async with client(trusted_documents=path, only_trusted_documents=True) as (session, world):
        answer = await query(session, world, "{ viewer }", documentId="1")
        assert answer.body == {"data": {"hello": "hello world"}}


async def test_a_trusted_mutation_needs_post(tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", {"1": ADD})
    async with client(trusted_documents=path) as (session, world):
        given = {"documentId": "1"}
        refused = await send(session, "GET", world.url, params=given, headers=PREFLIGHT)
        assert (refused.status, world.total) == (405, 0)
        assert (await post(session, world, given)).body == {"data": {"add": 2}}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"a1": HELLO, "b2": "{ nothing }"}, "b2: Cannot query field 'nothing'"),
        ({"b2": "{\n  nothing }"}, "(line 2, column 3)"),
        ({"b2": "{ hello"}, "b2: Syntax Error: Expected Name, found <EOF>."),
        ({"b2": ""}, "b2: Syntax Error: Unexpected <EOF>."),
        ({"b2": "fragment F on Query { hello }"}, "b2: The document needs one operation"),
        ({"b2": "{ hello } { viewer }"}, "b2: "),
        ({"b2": "{ expensive }"}, "b2: Too expensive."),
        (manifest({"b2": "{ nothing }"}), "b2: Cannot query field 'nothing'"),
        ({"b2": 7}, "'b2': an id and its document must be texts"),
        ({"": HELLO}, "'': an id and its document must be texts"),
        ([HELLO], "no object of ids and documents"),
        ("{", "no JSON: "),
        ({**manifest({}), "version": 2}, "no manifest of version 1"),
        ({**manifest({}), "operations": {}}, "no manifest of version 1"),
        ({**manifest({}), "operations": [HELLO]}, "an operation must be an object"),
        ({**manifest({}), "operations": [{"id": "b2"}]}, "'b2': an id and its document"),
    ],
)
async def test_what_can_not_run_stops_the_start(content: Any, told: str, tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", content)
    with pytest.raises(Invalid) as refused:
        async with running(trusted_documents=path):
            raise AssertionError("it started")
    assert f"{path}: " in refused.value.message
    assert told in refused.value.message


async def test_a_folder_without_files_stops_the_start(tmp_path: Path) -> None:
    written(tmp_path / "d.txt", {"1": HELLO})
    with pytest.raises(Invalid, match="the folder has no"):
        async with running(trusted_documents=tmp_path):
            raise AssertionError("it started")


async def test_an_id_names_one_document(tmp_path: Path) -> None:
    written(tmp_path / "a.json", {"1": HELLO, "2": ADD})
    written(tmp_path / "b.json", {"1": HELLO, "sha256:2": COUNT})
    with pytest.raises(Invalid) as refused:
        async with running(trusted_documents=tmp_path):
            raise AssertionError("it started")
    told = f"{tmp_path / 'b.json'}: sha256:2: the same id names another document"
    assert refused.value.message == told


async def test_the_faults_of_many_documents_are_cut_short(tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", {f"d{number}": "{ nothing }" for number in range(30)})
    with pytest.raises(Invalid) as refused:
        async with running(trusted_documents=path):
            raise AssertionError("it started")
    lines = refused.value.message.splitlines()
    assert (len(lines), lines[-1]) == (21, "and 10 more")


async def test_only_trusted_documents_needs_some() -> None:
    with pytest.raises(Invalid, match="PUNNET_TRUSTED_DOCUMENTS"):
        async with running(only_trusted_documents=True):
            raise AssertionError("it started")


PROJECTS = "query Projects { projects(first: 5) { nodes { id name } } }"


async def test_serve_ends_with_the_fault(database: str, tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", {"a1": PROJECTS, "b2": "{ nothing }"})
    for settings in ({}, {"only_trusted_documents": "true"}):
        given = {"trusted_documents": str(path), "port": "0", **settings}
        ended = await punnet("serve", url=database, **given)
        assert ended.code == 1
        told = f"{path}: b2: Cannot query field 'nothing' on type 'Query'. (line 1, column 3)"
        assert ended.err.splitlines()[-1] == told
        assert "Traceback" not in ended.err


async def test_serve_starts_with_documents_that_can_run(database: str, tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", {"a1": PROJECTS})
    given = {"trusted_documents": str(path), "port": "0", "log_format": "json"}
    async with command("serve", url=database, **given) as started:
        assert started.process.stderr is not None
        lines = [line async for line in _until(started.process.stderr, b'"serving"')]
        assert lines


async def _until(stream: Any, mark: bytes) -> Any:
    async for line in stream:
        yield line
        if mark in line:
            return


async def test_check_documents_says_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "d.json", {"a1": PROJECTS})
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    ended = await punnet("check-documents", path, url=nowhere)
    assert (ended.code, ended.out) == (0, "Documents that can run: 1.\n")
    written(path, {"a1": PROJECTS, "b2": "{ nothing }"})
    ended = await punnet("check-documents", path, url=nowhere)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"{path}: b2: Cannot query field 'nothing'")
    ended = await punnet("check-documents", tmp_path / "none.json", url=nowhere)
    assert ended.code == 1
    assert "none.json" in ended.err


def test_the_ids_of_the_tools_differ() -> None:
    assert len({digest(tool, HELLO) for tool in ("relay", "codegen", "apollo")}) == 3
    assert digest("apollo", HELLO) == hash_of(HELLO)

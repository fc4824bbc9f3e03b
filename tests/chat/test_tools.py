"""Tools: models call them, their results stream and are kept, whatever becomes of a call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.storable import DEEPEST
from tests.harness.answers import ask, ended, generation
from tests.harness.api import Api, Server, StartServer
from tests.harness.eventually import eventually
from tests.harness.streaming import Text
from tests.harness.tools import TOOLS, lines

CALLS = """query($id: ID!) { message(id: $id) { contentParts { __typename
  ... on TextPart { text } ... on ToolCallPart { callId name arguments }
  ... on ToolResultPart { callId name result } }
  toolCalls { id number step callId name arguments state endedAt decidedById message { id } } } }"""


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """A server whose models have tools."""
    return await start_server(tools=TOOLS)


def calling(name: str, *, rounds: int = 1, **arguments: Any) -> str:
    """What has the mock model call a tool."""
    return f"[[rounds:{rounds}]] [[call:{name} {json.dumps(arguments)}]]"


async def calls_of(user: Api, id: str) -> dict[str, Any]:
    """A message with its parts and its calls."""
    return (await user.run(CALLS, id=id))["message"]


async def test_a_call_and_its_result_stream_and_are_kept(server: Server) -> None:
    ada = server.user()
    id = await ask(ada, calling("add", a=2, b=3), model="mock:tools")
    text = Text(id)
    await text.follow(ada)
    end = await ended(ada, id)
    assert (end["outcome"], end["finishReason"], end["content"]) == (
        "SUCCEEDED", "stop", '{"sum":5}'
    )  # fmt: skip
    assert list(text.kinds.values()) == ["TOOL_CALL", "TOOL_RESULT", "TEXT"]
    assert text.same_as(end)
    found = await calls_of(ada, id)
    call = {"callId": "call_0_0", "name": "add"}
    assert found["contentParts"] == [
        {"__typename": "ToolCallPart", **call, "arguments": {"a": 2, "b": 3}},
        {"__typename": "ToolResultPart", **call, "result": {"sum": 5}},
        {"__typename": "TextPart", "text": '{"sum":5}'},
    ]
    (kept,) = found["toolCalls"]
    assert kept["endedAt"] is not None
    assert (kept["state"], kept["arguments"]) == ("SUCCEEDED", {"a": 2, "b": 3})
    assert kept["message"] == {"id": id}


async def test_several_calls_are_made_at_once_and_told_in_order(server: Server) -> None:
    ada = server.user()
    both = calling("add", a=1, b=1) + calling("misbehave", how="refuse") + calling("nobody")
    id = await ask(ada, both + "[[rounds:2]]", model="mock:tools")
    end = await ended(ada, id)
    found = await calls_of(ada, id)
    told = [(one["number"], one["step"], one["name"], one["state"]) for one in found["toolCalls"]]
    wanted = [("add", "SUCCEEDED"), ("misbehave", "FAILED"), ("nobody", "FAILED")]
    assert told == [(n, n // 3, *wanted[n % 3]) for n in range(6)]
    kinds = [part["kind"] for part in end["parts"]]
    assert kinds == (["tool_call"] * 3 + ["tool_result"] * 3) * 2 + ["text"]
    assert end["usage"]["outputTokens"] > 12, "the tokens of all steps count"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("refuse", "It is closed on Sundays."),
        ("crash", "The tool failed."),
        ("give up", "The tool gave up."),
        ("too much", "The tool gave too much."),
        ("no json", "The tool gave nothing that JSON can hold."),
        ("sleep", "The tool took too long."),
    ],
)
async def test_a_call_that_goes_wrong_is_told(server: Server, how: str, why: str) -> None:
    ada = server.user()
    id = await ask(ada, calling("misbehave", how=how), model="mock:tools")
    end = await ended(ada, id)
    assert (end["outcome"], end["content"]) == ("SUCCEEDED", f'{{"error":"{why}"}}')
    (call,) = (await calls_of(ada, id))["toolCalls"]
    assert call["state"] == "FAILED"
    assert json.loads(end["parts"][1]["text"])["failed"] is True


async def test_stopping_an_answer_stops_its_call(server: Server, tmp_path: Path) -> None:
    ada, notes, hold = server.user(), tmp_path / "notes", tmp_path / "hold"
    hold.touch()
    asked = calling("note", to=str(notes), hold=str(hold))
    id = await ask(ada, asked, model="mock:tools")

    async def noted() -> bool:
        return lines(notes) != []

    await eventually(noted)
    made = await ada.do("stopMessage", "{ message { outcome toolCalls { state } } }", id=id)
    assert made["message"] == {"outcome": "CANCELED", "toolCalls": [{"state": "CANCELED"}]}
    end = await ended(ada, id)
    assert [part["kind"] for part in end["parts"]] == ["tool_call"]


@pytest.mark.parametrize("arguments", ["[1]", "{", '{"a": "\\u0000"}'])
async def test_arguments_that_are_no_object_are_told(server: Server, arguments: str) -> None:
    ada = server.user()
    id = await ask(ada, f"[[call:add {arguments}]]", model="mock:tools")
    end = await ended(ada, id)
    assert end["content"] == '{"error":"The arguments are no JSON object."}'
    (call,) = (await calls_of(ada, id))["toolCalls"]
    assert (call["state"], call["arguments"]) == ("FAILED", None)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "$: 'a' is a required property"),
        ({"a": 1, "b": "2"}, "$.b: '2' is not of type 'integer'"),
        ({"a": 1, "b": 1.5}, "$.b: 1.5 is not of type 'integer'"),
    ],
)
async def test_arguments_that_do_not_fit_are_told(server: Server, arguments: Any, why: str) -> None:
    ada = server.user()
    id = await ask(ada, calling("add", **arguments), model="mock:tools")
    end = await ended(ada, id)
    told = json.loads(end["content"])
    assert (end["outcome"], told) == (
        "SUCCEEDED", {"error": f"The arguments do not fit, at {why}"}
    )  # fmt: skip
    (call,) = (await calls_of(ada, id))["toolCalls"]
    assert (call["state"], call["arguments"]) == ("FAILED", arguments)


async def test_a_function_gets_only_what_fits(server: Server, tmp_path: Path) -> None:
    ada, notes = server.user(), tmp_path / "notes"
    id = await ask(ada, calling("note", to=str(notes), more=1), model="mock:tools")
    assert "'more' was unexpected" in (await ended(ada, id))["content"]
    assert not lines(notes)


async def test_arguments_that_cannot_be_checked_are_told(server: Server) -> None:
    ada = server.user()
    id = await ask(ada, calling("nest", lost=1, levels=1), model="mock:tools")
    end = await ended(ada, id)
    assert end["content"] == '{"error":"The arguments could not be checked."}'


async def test_json_as_deep_as_may_be_is_shown_again(server: Server) -> None:
    ada = server.user()
    for levels, told in (
        (DEEPEST, "[" * DEEPEST + "]" * DEEPEST),
        (DEEPEST + 1, '{"error":"The tool gave nothing that JSON can hold."}'),
    ):
        deep: dict[str, Any] = {"levels": levels}
        for _ in range(DEEPEST - 1):
            deep = {"in": deep}
        id = await ask(ada, calling("nest", levels=levels, **deep), model="mock:tools")
        assert (await ended(ada, id))["content"] == told
        (call,) = (await calls_of(ada, id))["toolCalls"]
        assert call["arguments"] == {"levels": levels, **deep}


async def test_deeper_arguments_are_none(server: Server) -> None:
    ada = server.user()
    deep = '{"in":' * DEEPEST + "{}" + "}" * DEEPEST
    id = await ask(ada, f"[[call:nest {deep}]]", model="mock:tools")
    assert (await ended(ada, id))["content"] == '{"error":"The arguments are no JSON object."}'


async def test_a_model_that_never_stops_calling_is_stopped(server: Server) -> None:
    ada = server.user()
    id = await ask(ada, calling("add", rounds=99, a=1, b=1), model="mock:tools")
    end = await ended(ada, id)
    assert (end["outcome"], end["content"]) == ("SUCCEEDED", '{"sum":2}')
    assert len((await calls_of(ada, id))["toolCalls"]) == 8


async def test_a_failed_step_makes_no_call_again(server: Server, tmp_path: Path) -> None:
    """The answer breaks off after the call; its second try goes on from the call's result."""
    ada, notes = server.user(), tmp_path / "notes"
    id = await ask(ada, calling("note", to=str(notes)) + "[[fail-once]]", model="mock:tools")
    text = Text(id)
    await text.follow(ada)
    end = await ended(ada, id, 20)
    assert (end["outcome"], end["content"]) == ("SUCCEEDED", '"noted"')
    assert [part["kind"] for part in end["parts"]] == ["tool_call", "tool_result", "text"]
    assert (await generation(server, id))["epoch"] == 2
    (call,) = (await calls_of(ada, id))["toolCalls"]
    assert lines(notes) == [call["id"]]
    assert text.same_as(end)

"""What goes wrong while an operation runs, as clients and the log see it."""

import pytest
import structlog
from structlog.testing import capture_logs

from tests.app.graphql_server import client
from tests.app.http import GRAPHQL, JSON, query

structlog.configure(cache_logger_on_first_use=False)


async def test_a_refusal_keeps_its_message_path_and_hints() -> None:
    async with client() as (session, world):
        answer = await query(session, world, "{ hello\n  again: conflict }")
        assert answer.status == 200
        assert answer.body == {
            "data": {"hello": "hello world", "again": None},
            "errors": [
                {
                    "message": "Not now.",
                    "locations": [{"line": 2, "column": 3}],
                    "path": ["again"],
                    "extensions": {"code": "CONFLICT", "field": "input.to", "retryAfter": 2},
                }
            ],
        }
        assert world.observed == [("query", None, ["CONFLICT"])]


@pytest.mark.parametrize("accept", [GRAPHQL, JSON])
async def test_data_null_is_a_200(accept: str) -> None:
    async with client() as (session, world):
        answer = await query(session, world, "{ strictlyBroken }", {"Accept": accept})
        assert answer.status == 200
        assert answer.body["data"] is None
        assert answer.codes == ["INTERNAL"]


async def test_hole_17_a_defect_is_masked_and_logged_without_its_message() -> None:
    async with client() as (session, world):
        with capture_logs() as logs:
            answer = await query(session, world, "{ broken }", {"X-Request-Id": "req-1"})
        assert answer.body["errors"][0]["message"] == "Internal error."
        assert answer.body["errors"][0]["extensions"] == {
            "code": "INTERNAL",
            "requestId": "req-1",
        }
        assert "secret" not in str(answer.body)
        [entry] = logs
        assert entry["request_id"] == "req-1"
        assert entry["log_level"] == "error"
        assert "KeyError" in entry["raised"]
        assert any("small_schema.py" in line or "execute" in line for line in entry["traceback"])
        assert "secret" not in str(entry)


async def test_a_list_of_defects_is_logged_a_few_times() -> None:
    async with client() as (session, world):
        text = "{" + " ".join(f"f{i}: broken" for i in range(30)) + "}"
        with capture_logs() as logs:
            answer = await query(session, world, text)
        assert len(answer.body["errors"]) == 30
        assert len(logs) == 5


async def test_nulls_where_none_may_be_are_our_defect() -> None:
    async with client() as (session, world):
        answer = await query(session, world, "{ items { name broken } }")
        assert answer.body["data"] == {"items": None}
        assert answer.codes == ["INTERNAL"]
        assert "non-nullable" not in str(answer.body)


async def test_a_result_out_of_its_type_is_our_defect() -> None:
    async with client() as (session, world):
        answer = await query(session, world, "{ tooLarge }")
        assert (answer.status, answer.codes) == (200, ["INTERNAL"])


async def test_a_lost_database_says_when_to_come_back() -> None:
    async with client() as (session, world):
        with capture_logs() as logs:
            answer = await query(session, world, "{ lost }")
        assert answer.body["errors"][0]["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 1}
        assert "secret" not in str(answer.body)
        assert logs == []


async def test_an_argument_that_turns_out_wrong_is_invalid() -> None:
    async with client() as (session, world):
        text = "query ($x: Int) { place(at: {x: $x}) }"
        answer = await query(session, world, text)
        assert answer.codes == ["INVALID"]


async def test_a_value_that_json_cannot_hold_is_masked() -> None:
    async with client() as (session, world):
        answer = await query(session, world, "{ depth(levels: 400) }")
        assert answer.codes == ["INTERNAL"]


async def test_errors_are_few_and_short() -> None:
    async with client() as (session, world):
        text = "{" + " ".join(f"nope{i}{'x' * 2_000}" for i in range(100)) + "}"
        answer = await query(session, world, text)
        assert answer.codes == ["VALIDATION_FAILED"] * 21
        assert all(len(error["message"]) <= 500 for error in answer.body["errors"])
        long = await query(
            session,
            world,
            "query ($v: Int) { number(value: $v) }",
            variables={"v": "y" * 100_000},
        )
        assert len(str(long.body)) < 1_000


async def test_a_late_operation_is_stopped_and_says_so() -> None:
    async with client(request_timeout=0.1) as (session, world):
        answer = await query(session, world, "{ slow(seconds: 60) }")
        legacy = await query(session, world, "{ slow(seconds: 60) }", {"Accept": JSON})
        assert (answer.status, answer.codes) == (504, ["TIMEOUT"])
        assert (legacy.status, legacy.codes) == (200, ["TIMEOUT"])
        assert world.cancelled == 2
        assert world.running == 0
        assert world.opened == world.closed == 2


async def test_a_timeout_within_a_resolver_is_its_field_error() -> None:
    async with client() as (session, world):
        answer = await query(session, world, "{ late hello }")
        assert answer.body["data"] == {"late": None, "hello": "hello world"}
        assert answer.codes == ["TIMEOUT"]


async def test_a_slow_authentication_is_stopped() -> None:
    async with client(request_timeout=0.1) as (session, world):
        answer = await query(session, world, "{ hello }", {"Authorization": "Bearer hang"})
        assert (answer.status, answer.codes) == (504, ["TIMEOUT"])

"""The benchmark in its quick form: it runs, both servers agree, and what it tells is whole."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

STATEMENTS = {
    "project": (2, 2, 2),
    "page": (5, 5, 4),
    "projects": (4, 4, 4),
    "thousand": (3, 3, 3),
}
"""By plans, a field at a time, and the floor's: the user's state, then what is read."""
CREATE = 10
"""The user's state, BEGIN, seven of the verb, COMMIT; then a NOTIFY and what else it wakes."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one quick run has measured."""
    folder = tmp_path_factory.mktemp("bench")
    subprocess.run(  # noqa: S603 - our own argument list, no shell
        [sys.executable, "-m", "bench", "--quick", "--output", folder / "results.json"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        check=True,
        timeout=200,
    )
    assert [path.name for path in folder.iterdir()] == ["results.json"]
    return json.loads((folder / "results.json").read_text())


def test_every_operation_is_measured_on_both_servers(results: dict[str, Any]) -> None:
    for operation in results["operations"]:
        for server in (operation["ours"], operation["fields"], operation["floor"]):
            assert server["requests"] > 0
            assert server["cpu_ms"] >= 0
            assert 0 < server["p50_ms"] <= server["p99_ms"]
            assert server["memory"] > 20 << 20
        assert operation["ratio"] > 0
        assert operation["fields_ratio"] > 0
        assert all(p99 > 0 for p99 in operation["crowded"])


def test_an_operation_sends_the_statements_it_needs_and_no_other(results: dict[str, Any]) -> None:
    found = {
        one["name"]: tuple(one[server]["statements"] for server in ("ours", "fields", "floor"))
        for one in results["operations"]
    }
    ours, fields, floor = found.pop("create")
    assert found == STATEMENTS
    assert CREATE <= ours <= CREATE + 5
    assert CREATE <= fields <= CREATE + 5
    assert floor == 7


def test_each_document_is_checked_once(results: dict[str, Any]) -> None:
    assert results["documents_checked"] == len(results["operations"])


def test_what_a_budget_adds_is_told(results: dict[str, Any]) -> None:
    budgeted = results["budgeted"]
    assert 0 < budgeted["with_us"] < 1e6 > budgeted["without_us"] > 0


def test_what_documents_leave_behind_is_told(results: dict[str, Any]) -> None:
    assert [one["documents"] for one in results["kept"]] == [10, 50]
    for one in results["kept"]:
        assert one["process"] > 20 << 20
        assert one["connections"] > 0
        assert 1 << 20 < one["connection"] < 100 << 20


def test_pages_of_few_and_of_many_are_compared(results: dict[str, Any]) -> None:
    grown = results["grown"]
    found = {one["page"]: (one["few_statements"], one["many_statements"]) for one in grown}
    # The user's state; then the list and its latest messages, or a conversation, its page and the
    # siblings of all on it.
    assert found == {"conversations": (3, 3), "first messages": (4, 4), "last messages": (4, 4)}
    for one in grown:
        assert (one["few"], one["many"]) == (100, 300)
        assert 0 < one["few_ms"] < 1_000 > one["many_ms"] > 0
        assert one["ratio"] > 0


def test_every_event_reaches_its_subscriber(results: dict[str, Any]) -> None:
    rows = results["subscribers"]
    assert [(row["server"], row["shared"]) for row in rows] == [
        ("punnet", False), ("bare", False), ("punnet", True), ("bare", True)
    ]  # fmt: skip
    for ours, bare in (rows[:2], rows[2:]):
        assert ours["events"] == 100  # 200 a second, for half a second
        assert bare["events"] > 50
        assert 0 < ours["p50_ms"] <= ours["p99_ms"]
        assert ours["ratio"] > 0
        assert ours["passing_ms"] > 0


def test_a_snapshot_is_imported(results: dict[str, Any]) -> None:
    imported = results["imported"]
    assert imported["documents"] == 3 * (1 + 30 + 15 + 20)
    assert imported["rows_per_second"] > 0

"""Computed fields: made from the columns they name, without a statement of their own."""

from __future__ import annotations

import pytest

from graphql_schema.core.computing import computed
from models.builder.agent_runs import AgentRun
from tests.harness.api import Server, StartServer

RUNS = """query($id: ID!) { project(id: $id) { agentRuns(first: 100) { nodes {
  id phase shown: phase status outcome } } } }"""
RUN = "{ agentRun { id phase } }"
STATES = {
    "QUEUED": ("PENDING", None),
    "RUNNING": ("RUNNING", None),
    "SUCCEEDED": ("COMPLETED", "SUCCEEDED"),
    "FAILED": ("FAILED", "FAILED"),
    "CANCELED": ("FAILED", "CANCELED"),
}


async def test_the_phase_follows_status_and_outcome(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    project, runs = await _runs_in_every_phase(server)
    ada = server.user()
    server.statements.clear()
    found = (await ada.run(RUNS, id=project))["project"]["agentRuns"]["nodes"]
    read = [sql for sql, _ in server.statements if "FROM agent_run" in sql]
    assert len(read) == 1, "five rows, ten phases, one statement"
    assert {node["phase"]: node["id"] for node in found} == runs
    assert {n["phase"]: (n["status"], n["outcome"]) for n in found} == STATES
    assert [node["shown"] for node in found] == [node["phase"] for node in found]


async def _runs_in_every_phase(server: Server) -> tuple[str, dict[str, str]]:
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name="App", framework="VUE")
    project: str = made["project"]["id"]
    ids: list[str] = []
    for _ in STATES:
        run = await ada.do("enqueueAgentRun", RUN, projectId=project, value="Build")
        assert run["agentRun"]["phase"] == "QUEUED"
        ids.append(run["agentRun"]["id"])
    for id in ids[1:4]:
        await ada.do("claimAgentRun", RUN, id=id)
    await ada.do("completeAgentRun", RUN, id=ids[2], summary="Done", files={})
    await ada.do("failAgentRun", RUN, id=ids[3], error="No")
    await ada.do("cancelAgentRun", RUN, id=ids[4])
    return project, dict(zip(STATES, ids, strict=True))


def test_the_columns_it_names_must_exist() -> None:
    field = computed("status", "colour", description="No such thing.")(list)
    with pytest.raises(AssertionError, match="colour"):
        field.bind(AgentRun, None)

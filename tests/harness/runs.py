"""The runs of a project as a list to page through, written straight to their table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.builder.agent_runs import AgentRun
from tests.harness.api import Api, Server, unique
from tests.harness.filling import START, Filling

PAGE = """edges { cursor node { id } } nodes { id }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"""
# Newest first, and oldest first with a condition; both have equal times.
LISTS = ("agentRuns", "pendingAgentRuns")
ARGS = "$first: Int, $after: String, $last: Int, $before: String"
WITH = "first: $first, after: $after, last: $last, before: $before"
RUNS = "SELECT id FROM agent_run WHERE project_id = $1 ORDER BY created_at DESC, id DESC"


def query_of(name: str) -> str:
    """The query of a page of one of LISTS."""
    if name == "agentRuns":
        return (
            f"query($id: ID!, {ARGS}) {{ project(id: $id) {{ it: {name}({WITH}) {{ {PAGE} }} }} }}"
        )
    return f"query($id: ID!, {ARGS}) {{ it: {name}(projectId: $id, {WITH}) {{ {PAGE} }} }}"


@dataclass
class Runs:
    """The runs of one project, written straight to the table with the times a test wants."""

    server: Server
    api: Api
    project: str

    async def add(self, *times: int) -> list[str]:
        """Add runs, each so many seconds after the start."""
        owner = (await self.api.run("{ me { id } }"))["me"]["id"]
        filling = Filling()
        made = [
            filling.add(
                AgentRun,
                owner,
                project_id=self.project,
                value="Build",
                run_source="WEBCONTAINER",
                created_at=at(seconds),
            )
            for seconds in times
        ]
        names = AgentRun.columns()
        places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
        sql = f"INSERT INTO agent_run ({', '.join(names)}) VALUES ({places})"
        for row in filling.rows.get(AgentRun, []):
            await self.server.sql(sql, *row)
        return made

    async def remove(self, id: str) -> None:
        """Delete a run."""
        await self.server.sql("DELETE FROM agent_run WHERE id = $1", id)

    async def there(self, name: str) -> list[str]:
        """The ids of all, in the order of the list."""
        rows = [row["id"] for row in await self.server.sql(RUNS, self.project)]
        return rows if name == "agentRuns" else rows[::-1]

    async def page(self, name: str, **window: Any) -> Any:
        """One page."""
        data = await self.api.run(query_of(name), id=self.project, **window)
        found = data.get("it") or data["project"]["it"]
        assert [edge["node"] for edge in found["edges"]] == found["nodes"]
        cursors = [edge["cursor"] for edge in found["edges"]]
        ends = (cursors[0], cursors[-1]) if cursors else (None, None)
        assert (found["pageInfo"]["startCursor"], found["pageInfo"]["endCursor"]) == ends
        return found


def at(seconds: int) -> datetime:
    """A time of a run."""
    return START + timedelta(seconds=seconds)


def ids_of(page: Any) -> list[str]:
    """The ids on a page."""
    return [node["id"] for node in page["nodes"]]


async def runs_of(server: Server, *times: int) -> Runs:
    """A new project with runs."""
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name=unique("App"), framework="VUE")
    runs = Runs(server, ada, made["project"]["id"])
    await runs.add(*times)
    return runs

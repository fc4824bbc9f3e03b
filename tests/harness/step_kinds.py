"""One query with a step of every kind, and the levels that its plan must have."""

from __future__ import annotations

from typing import Any

from tests.harness.ownership import World

DOCUMENT = """query Kinds($project: ID!, $run: ID!, $after: String) {
  me { id }
  project(id: $project) {
    conversation { title }
    messages(first: 2) {
      edges { node { conversation { id } fragment { id } attachments { id } } }
      pageInfo { hasNextPage }
    }
    latestFiles { id }
    previewAttachment { url }
    agentRuns { nodes { phase message { content } } }
  }
  node(id: $run) { id ... on AgentRun { state: phase project { name } } }
  mine: projects(last: 1, before: $after) { nodes { id imports { nodes { id } } } }
}"""

LEVELS = [
    ("me", "one", "user_account"),
    ("project", "one", "project"),
    ("project.conversation", "one", "conversation"),
    ("project.messages", "page", "message"),
    ("project.messages.edges.node.conversation", "one", "conversation"),
    ("project.messages.edges.node.fragment", "one", "fragment"),
    ("project.messages.edges.node.attachments", "list", "attachment"),
    ("project.latestFiles", "first", "file_snapshot"),
    ("project.previewAttachment", "first", "message"),
    ("project.previewAttachment", "first", "attachment"),
    ("project.previewAttachment.url", "computed", "attachment"),
    ("project.agentRuns", "page", "agent_run"),
    ("project.agentRuns.nodes.phase", "computed", "agent_run"),
    ("project.agentRuns.nodes.message", "one", "message"),
    ("node", "resolver", None),
    ("node", "rows", "agent_run"),
    ("node.state", "computed", "agent_run"),
    ("node.project", "one", "project"),
    ("mine", "page", "project"),
    ("mine.nodes.imports", "page", "project_import"),
]
"""Path, kind and table of each level, in the order in which they are read."""


def variables(world: World) -> dict[str, Any]:
    """What to ask of a world."""
    return {"project": world["project"], "run": world["run"]}

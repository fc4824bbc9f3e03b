"""The five operations, each as GraphQL and as a path of the floor with the same variables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from app.auth import Authenticator
from bench.generate import SEED, Data, subject
from bench.load import prepared
from bench.texts import prose

VARIETY = 300
"""Different requests of an operation, by as many users as there are."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that a client asks for.

    `variables` picks what to ask of the projects of one user. `users` is how many of them ask,
    None for all.
    """

    name: str
    title: str
    query: str
    variables: Callable[[Random, list[str]], dict[str, Any]]
    users: int | None = None
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Requests:
    """The same requests to both servers."""

    ours: list[bytes]
    floor: list[bytes]


def requests_of(operation: Operation, data: Data, tokens: Authenticator) -> Requests:
    """The requests of an operation, picked by the seed."""
    random, found = Random(SEED), Requests([], [])
    for _ in range(VARIETY):
        user = random.randrange(operation.users or len(data.projects))
        token = tokens.local.issue_dev_token(subject(user))
        variables = operation.variables(random, data.projects[user])
        payload = {"query": operation.query, "variables": variables}
        found.ours.append(prepared("/graphql", token, payload))
        found.floor.append(prepared(f"/{operation.name}", token, variables))
    return found


def _one_of(random: Random, projects: list[str]) -> dict[str, Any]:
    return {"id": random.choice(projects[:20])}


def _nothing(_random: Random, _projects: list[str]) -> dict[str, Any]:
    return {}


def _message(random: Random, projects: list[str]) -> dict[str, Any]:
    return {"to": {"projectId": random.choice(projects)}, "content": prose(random, 2)}


OPERATIONS = (
    Operation(
        "project",
        "a project",
        """query Project($id: ID!) { project(id: $id) {
          id name framework description showcased createdAt updatedAt } }""",
        _one_of,
    ),
    Operation(
        "page",
        "a page of 30 messages",
        """query Page($id: ID!) { project(id: $id) { id name messages(first: 30) {
          nodes { id role type status content orderId createdAt
            fragment { id title sandboxUrl framework files }
            attachments { id type url fileName size } }
          pageInfo { hasNextPage } } } }""",
        _one_of,
    ),
    Operation(
        "projects",
        "20 projects, 5 newest",
        """query Projects { projects(first: 20) {
          nodes { id name framework updatedAt messages(last: 5) {
            nodes { id role content createdAt attachments { id type url } } } }
          pageInfo { hasNextPage } } }""",
        _nothing,
    ),
    Operation(
        "thousand",
        "1,000 messages",
        """query Thousand { projects(first: 10) { nodes { messages(first: 100) {
          nodes { id role type status content orderId createdAt updatedAt } } } } }""",
        _nothing,
        users=1,
    ),
    Operation(
        "create",
        "create a message",
        """mutation Create($to: MessageTarget!, $content: String!) {
          createMessage(input: {to: $to, content: $content}) {
            message { id role status content orderId createdAt } } }""",
        _message,
        writes=True,
    ),
)

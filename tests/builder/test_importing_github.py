"""Repositories of GitHub: taken over whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.builder.importing import FRAGMENT, Place, importing, new_project
from tests.harness.api import Api, StartServer
from tests.harness.importable import COMMIT, FILES, TOKEN
from tests.harness.refusals import refusal

METADATA: dict[str, Any] = {
    "repository": "octocat/hello",
    "repositoryId": "1296269",
    "private": True,
    "defaultBranch": "main",
    "ref": "main",
    "commit": COMMIT,
    "files": 4,
    "bytes": sum(map(len, FILES.values())),
    "skipped": {},
}


@pytest.fixture
async def place(start_server: StartServer) -> AsyncIterator[Place]:
    async with importing(start_server) as made:
        yield made


@pytest.fixture
async def forms(start_server: StartServer) -> AsyncIterator[Place]:
    """A place where nothing is carried out."""
    async with importing(start_server, worker=False) as made:
        yield made


async def test_a_repository_becomes_a_fragment_of_the_project(place: Place) -> None:
    begun = await place.github_import()
    assert (begun["status"], begun["phase"], begun["outcome"]) == ("PENDING", "QUEUED", None)
    found = await place.ended(begun["id"])
    assert found == begun | {
        "sourceId": "1296269",
        "status": "COMPLETE",
        "outcome": "SUCCEEDED",
        "phase": "SUCCEEDED",
        "metadata": METADATA,
        "fragmentId": found["fragmentId"],
        "bytesDone": len(place.github.archive),
        "bytesTotal": len(place.github.archive),
        "filesDone": 4,
        "updatedAt": found["completedAt"],
        "completedAt": found["completedAt"],
    }
    fragment = (await place.ada.run(FRAGMENT, id=begun["id"]))["import"]["fragment"]
    message = fragment.pop("message")
    assert fragment == {
        "title": "octocat/hello",
        "files": {path: data.decode() for path, data in FILES.items()},
        "framework": "VUE",
        "sandboxUrl": "about:blank",
        "metadata": METADATA,
    }
    assert message == message | {
        "role": "ASSISTANT",
        "type": "RESULT",
        "status": "COMPLETE",
        "outcome": "SUCCEEDED",
        "content": "Imported octocat/hello at main (7fd1a60): 4 files.",
        "projectId": place.project,
    }
    (attachment,) = message["attachments"]
    assert attachment == {
        "type": "GITHUB_REPO",
        "url": "https://github.com/octocat/hello",
        "size": METADATA["bytes"],
        "importId": begun["id"],
        "sourceMetadata": METADATA,
    }
    assert [one["id"] for one in await place.messages()] == [message["id"]]


async def test_the_token_goes_to_github_and_to_nobody_else(place: Place) -> None:
    assert (await place.ended((await place.github_import())["id"]))["status"] == "COMPLETE"
    assert {authorization for _, authorization in place.github.seen} == {f"Bearer {TOKEN}"}
    assert place.github.fetched == [None]


async def test_a_tag_or_a_branch_can_be_named(place: Place) -> None:
    found = await place.ended((await place.github_import(ref="v1"))["id"])
    assert (found["ref"], found["metadata"]["ref"]) == ("v1", "v1")
    asked = [path for path, _ in place.github.seen]
    assert "/repos/octocat/hello/commits/v1" in asked
    assert await place.ended((await place.github_import(ref="feature/a#b"))["id"])
    assert "/repos/octocat/hello/commits/feature/a%23b" in [p for p, _ in place.github.seen]


NO_REPOSITORY = "There is no such repository, or the connection may not read it."
ANOTHER = "GitHub has another repository by this name."


async def test_it_must_be_the_very_repository(place: Place) -> None:
    assert (await place.ended((await place.github_import(repositoryId="1296269"))["id"]))[
        "status"
    ] == "COMPLETE"
    other = await place.ended((await place.github_import(repositoryId="5"))["id"])
    assert (other["status"], other["error"], other["sourceId"]) == ("FAILED", ANOTHER, "5")
    place.github.repository["full_name"] = "octocat/renamed"
    renamed = await place.ended((await place.github_import())["id"])
    assert (renamed["status"], renamed["error"]) == ("FAILED", ANOTHER)


@pytest.mark.parametrize(
    ("word", "status", "why"),
    [
        ("hello", 404, NO_REPOSITORY),
        ("hello", 403, NO_REPOSITORY),
        ("hello", 451, NO_REPOSITORY),
        ("main", 404, "There is no such branch, tag or commit."),
        ("main", 422, "There is no such branch, tag or commit."),
        ("main", 409, "The repository is empty."),
        (COMMIT, 404, "There is no such branch, tag or commit."),
    ],
)
async def test_what_github_refuses_fails_at_once(
    place: Place, word: str, status: int, why: str
) -> None:
    place.github.odd[word] = web.json_response({"message": "secret detail"}, status=status)
    assert await place.failed() == why


async def test_it_needs_a_connection_that_github_takes(place: Place) -> None:
    place.github.end()
    error = "The service does not take this connection any more; connect it anew."
    assert await place.failed() == error
    given = {"projectId": place.project, "repository": "octocat/hello"}
    assert (await refusal(place.ada, "importGithubRepository", **given))[0] == "NOT_CONNECTED"
    eve = place.server.user("eve")
    given["projectId"] = await new_project(eve)
    assert (await refusal(eve, "importGithubRepository", **given))[0] == "NOT_CONNECTED"


async def test_a_script_has_no_use_of_what_its_user_connected(place: Place) -> None:
    writing = await place.ada.do("createApiToken", "{ token }", name="CI", scopes=["WRITE"])
    script = Api(place.ada.session, place.server.url, writing["token"])
    given = {"projectId": place.project, "repository": "octocat/hello"}
    assert (await refusal(script, "importGithubRepository", **given))[0] == "FORBIDDEN"


@pytest.mark.parametrize(
    "repository",
    [
        "hello", "octocat/", "/hello", "octocat/hello/x", "octocat/..", "octocat/.", "../hello",
        "octocat/hel lo", "octocat/hello?x", "octocat/hello#x", "octocat/hello%2f", "-o/hello",
        "o-/hello", "o--o/hello", "octocat/hello.git", "octocat/" + "x" * 101, "x" * 40 + "/hello",
        "octocat/héllo", "octocat/hello\n", "https://github.com/octocat/hello", "octocat\\hello",
    ],
)  # fmt: skip
async def test_a_name_has_githubs_form(forms: Place, repository: str) -> None:
    given = {"projectId": forms.project, "repository": repository}
    found = await refusal(forms.ada, "importGithubRepository", **given)
    assert found == ("INVALID", "repository")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("ref", ["", " ", "a b", "a..b", "/a", "a/", "a//b", "a.lock", ".a", "a/.b", "-a", "a~1"]),
        ("ref", ["a^", "a:b", "a?", "a*", "a[b", "a\\b", "a@{0}", "a.", "x" * 256, "a\x7f", "a\n"]),
        ("repositoryId", ["", "x", "-1", "1.5", "1" * 20, "\uff11"]),
    ],
)
async def test_what_git_would_not_take_is_refused(
    forms: Place, field: str, values: list[str]
) -> None:
    given = {"projectId": forms.project, "repository": "octocat/hello"}
    for value in values:
        found = await refusal(forms.ada, "importGithubRepository", **given, **{field: value})
        assert found == ("INVALID", field), value

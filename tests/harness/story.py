"""A user who does all that an app builder's user can do, and checks each field on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.harness.api import Api, Server
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.planting import plant_file
from tests.harness.verbs import id_of

NAMED = {"Subscription": "BillingSubscription", "OAuthConnection": "OAuthGrant"}
"""The types whose entity's own name means something else in GraphQL."""


class Book:
    """What was given, compared with what is read back."""

    def __init__(self, caller: Api) -> None:
        self.caller = caller
        self.seen: dict[str, dict[str, set[str]]] = {}

    async def check(self, entity: str, id: str, /, **given: Any) -> None:
        """Read fields of a row; they are what was given."""
        fields, kind = " ".join(given), NAMED.get(entity, entity)
        query = f"query($id: ID!) {{ node(id: $id) {{ ... on {kind} {{ {fields} }} }} }}"
        found = (await self.caller.run(query, id=id))["node"]
        assert found == given
        values = [repr(v) for k, v in given.items() if v is not None and not k.endswith("At")]
        assert len(set(values)) == len(values), "each field has a value of its own"
        for name, value in given.items():
            text = json.dumps(value, sort_keys=True)
            self.seen.setdefault(entity, {}).setdefault(name, set()).add(text)


def told(moment: datetime) -> str:
    """A time as the API writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Story:
    """One user, one clock that goes on by a minute for each thing done, one book."""

    def __init__(self, server: Server, clock: FakeClock) -> None:
        self.server = server
        self.clock = clock
        self.caller = server.user()
        self.book = Book(self.caller)

    async def do(self, mutation: str, selection: str, **given: Any) -> tuple[Any, str]:
        """The payload of a mutation and the time it was done at."""
        moment = self.clock.advance(minutes=1)
        return await self.caller.do(mutation, selection, **given), told(moment)

    async def tell_project(self) -> str:
        user = (await self.caller.run("{ me { id } }"))["me"]["id"]
        made, created = await self.do(
            "createProject", "{ project { id } }", name="Early name", framework="NEXTJS"
        )
        project = made["project"]["id"]
        changed = {"name": "Tree house", "framework": "ANGULAR", "modelPreference": "mock:slow"}
        _, updated = await self.do("updateProject", "{ project { id } }", id=project, **changed)
        await self.book.check(
            "Project", project, userId=user, createdAt=created, updatedAt=updated, **changed
        )
        return project

    async def tell_draft(self, project: str) -> None:
        files = {"draft.ts": "first"}
        made, created = await self.do(
            "saveFragmentDraft", "{ draft { id } }", projectId=project, files=files
        )
        given = {"files": {"draft.ts": "second", "b/c.css": ""}, "framework": "REACT"}
        _, updated = await self.do(
            "saveFragmentDraft", "{ draft { id } }", projectId=project, **given
        )
        times = {"createdAt": created, "updatedAt": updated}
        await self.book.check(
            "FragmentDraft", made["draft"]["id"], projectId=project, **given, **times
        )

    async def tell_message(self, project: str) -> str:
        made, created = await self.do(
            "createMessage", "{ message { id } }", to={"projectId": project}, content="Before"
        )
        message = made["message"]["id"]
        _, updated = await self.do(
            "updateMessage", "{ message { id } }", id=message, content="Paint it green 🌿"
        )
        await self.book.check(
            "Message",
            message,
            projectId=project,
            content="Paint it green 🌿",
            role="USER",
            type="RESULT",
            status="COMPLETE",
            createdAt=created,
            updatedAt=updated,
        )
        return message

    async def tell_attachment(self, message: str) -> None:
        given = {
            "type": "FIGMA_FILE",
            "url": "https://files.example/tree.fig",
            "width": 640,
            "height": 480,
            "size": 12_345,
            "sourceMetadata": {"figma": {"page": 7, "layers": ["a", None]}},
        }
        made, moment = await self.do(
            "addAttachment", "{ attachment { id } }", messageId=message, **given
        )
        await self.book.check(
            "Attachment",
            made["attachment"]["id"],
            messageId=message,
            createdAt=moment,
            updatedAt=moment,
            **given,
        )

    async def tell_uploaded(self, message: str) -> None:
        """An image that was uploaded."""
        user = await id_of(self.caller)
        file = await plant_file(self.server, user)
        more = {"messageId": message, "fileId": file}
        made, _ = await self.do("addAttachment", "{ attachment { conversationId } }", **more)
        (row,) = await self.server.sql("SELECT id FROM attachment WHERE stored_file_id = $1", file)
        await self.book.check(
            "Attachment",
            row["id"],
            conversationId=made["attachment"]["conversationId"],
            userId=user,
            storedFileId=file,
            fileName="a.png",
            fileType="image/png",
            type="IMAGE",
        )

    async def tell_fragment(self, message: str) -> None:
        given = {
            "sandboxUrl": "https://box.example/1",
            "title": "Green tree house",
            "files": {"src/tree.ts": "export const green = true"},
            "metadata": {"source": "hand", "steps": [1, 2.5, False]},
            "framework": "SVELTE",
        }
        made, created = await self.do(
            "upsertFragment", "{ fragment { id } }", messageId=message, **given | {"title": "Old"}
        )
        _, updated = await self.do(
            "upsertFragment", "{ fragment { id } }", messageId=message, **given
        )
        times = {"createdAt": created, "updatedAt": updated}
        await self.book.check(
            "Fragment", made["fragment"]["id"], messageId=message, **given, **times
        )

    async def tell_claimed_run(self, project: str) -> None:
        """A run that a browser claims and completes, and the message it writes."""
        made, created = await self.do(
            "sendMessage",
            "{ message { id } reply { id } agentRun { id } }",
            to={"projectId": project},
            content="Add a swing",
            model="mock:endless",
            runSource="WEBCONTAINER",
        )
        run, reply = made["agentRun"]["id"], made["reply"]["id"]
        fixed = {
            "projectId": project,
            "value": "Add a swing",
            "model": "mock:endless",
            "framework": "ANGULAR",
            "runSource": "WEBCONTAINER",
            "createdAt": created,
        }
        open_run = {"error": None, "fragmentId": None, "completedAt": None, "messageId": reply}
        await self.book.check(
            "AgentRun", run, **fixed, **open_run, status="PENDING", claimedBy=None
        )
        await self.book.check(
            "Message", reply, role="ASSISTANT", status="PENDING", content="", createdAt=created
        )
        user = (await self.caller.run("{ me { id } }"))["me"]["id"]
        _, claimed = await self.do("claimAgentRun", "{ baseFiles }", id=run, worker="tab-7")
        by = {"claimedBy": f"{user}/tab-7"}
        await self.book.check(
            "AgentRun", run, **fixed, **open_run, **by, status="RUNNING", updatedAt=claimed
        )
        await self.book.check("Message", reply, status="STREAMING", updatedAt=claimed)
        done, ended = await self.do(
            "completeAgentRun",
            "{ fragment { id } }",
            id=run,
            worker="tab-7",
            summary="A swing hangs there.",
            files={"swing.ts": "1"},
            messageType="STREAMING",
        )
        end = {"fragmentId": done["fragment"]["id"], "messageId": reply, "error": None}
        times = {"updatedAt": ended, "completedAt": ended}
        await self.book.check("AgentRun", run, **fixed, **by, **end, **times, status="COMPLETED")
        await self.book.check(
            "Message", reply, type="STREAMING", status="COMPLETE", content="A swing hangs there."
        )

    async def tell_failed_run(self, project: str) -> None:
        """A run of the server's worker, whose provider refuses."""
        made, created = await self.do(
            "sendMessage",
            "{ reply { id } agentRun { id } }",
            to={"projectId": project},
            content="Break it [[refuse]]",
            model="mock:raypx-1",
        )
        run, reply = made["agentRun"]["id"], made["reply"]["id"]
        await eventually(lambda: self._ended(reply))
        error = "The provider refused the request."
        await self.book.check(
            "AgentRun",
            run,
            projectId=project,
            value="Break it [[refuse]]",
            model="mock:raypx-1",
            status="FAILED",
            runSource="INNGEST",
            claimedBy=self.server.services.worker.name,
            messageId=reply,
            error=error,
            createdAt=created,
            completedAt=created,
        )
        await self.book.check(
            "Message", reply, role="ASSISTANT", type="ERROR", status="COMPLETE", content=error
        )

    async def _ended(self, message: str) -> Any:
        return await self.server.sql(
            "SELECT id FROM message WHERE id = $1 AND status = 'COMPLETE'", message
        )

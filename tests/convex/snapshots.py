"""Snapshot exports for tests: one of our own words with all that real ones contain."""

from __future__ import annotations

import base64
import json
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START = 1_750_000_000_000  # ms
MINUTE = 60_000
FIRST, SECOND = "user_ruth", "user_omar"
_UNUSED = {"_id": "kg2", "_creationTime": START, "size": 3}


@dataclass
class SnapshotFile:
    """The tables of a snapshot, to fill and write."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Entry of the ZIP below `_storage/` → its bytes."""
    made: int = 0

    def add(self, table: str, at: float, **fields: Any) -> str:
        """Add a document made at a time in ms; returns its id."""
        self.made += 1
        id = f"{table.lower()[:20]:0<20}{self.made:012d}"
        document = {"_id": id, "_creationTime": at, **fields}
        self.tables.setdefault(table, []).append(document)
        return id

    def store(self, at: float, data: bytes, kind: str, end: str = "") -> str:
        """Add a stored file of a media type; returns its id."""
        id = self.add("_storage", at, contentType=kind, size=len(data), internalId=f"{at}")
        self.files[id + end] = data
        return id

    def find(self, table: str, **fields: Any) -> dict[str, Any]:
        """The one document with these values."""
        (found,) = [d for d in self.tables[table] if d.items() >= fields.items()]
        return found

    def write(self, path: Path) -> Path:
        """Write the ZIP, and return where it is."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.md", "# A snapshot of our own\n")
            listed = [{"name": name, "id": n} for n, name in enumerate(sorted(self.tables), 10_001)]
            archive.writestr("_tables/documents.jsonl", _lines(listed))
            if not self.files:
                archive.writestr("_storage/documents.jsonl", _lines([_UNUSED]))
                archive.writestr("_storage/kg2.png", b"png")
            for name, data in self.files.items():
                archive.writestr(f"_storage/{name}", data)
            for name, documents in sorted(self.tables.items()):
                archive.writestr(f"{name}/documents.jsonl", _lines(documents))
                archive.writestr(f"{name}/generated_schema.jsonl", '"uniform"\n')
        return path


def _lines(documents: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)


def integer(number: int) -> dict[str, str]:
    """A 64-bit integer as a snapshot writes it."""
    return {"$integer": base64.b64encode(struct.pack("<q", number)).decode()}


def special(number: float) -> dict[str, str]:
    """A number that JSON has not, as a snapshot writes it."""
    return {"$float": base64.b64encode(struct.pack("<d", number)).decode()}


def both(at: int) -> dict[str, int]:
    """createdAt and, a second later, updatedAt."""
    return {"createdAt": at, "updatedAt": at + 1_000}


def story() -> SnapshotFile:
    """Two owners with rows of every table, each field filled somewhere; nothing amiss."""
    made = SnapshotFile()
    for number, user in enumerate((FIRST, SECOND)):
        _account(made, user, START + number * MINUTE)
        for turn in range(3):
            _app(made, user, f"{user[5:]}'s app {turn}", START + (10 * number + turn + 5) * MINUTE)
    made.add(
        "pendingSubscriptions", START + 0.5, polarSubscriptionId="sub_lost", customerId="cus_lost",
        eventData={"id": "sub_lost"}, status="resolved", resolvedUserId=FIRST,
        error="came before its user", createdAt=START, resolvedAt=START + 5,
    )  # fmt: skip
    made.add(
        "rateLimits", START + 0.25, key=f"user_{FIRST}_generate", count=3, windowStart=START,
        limit=10, windowMs=MINUTE,
    )  # fmt: skip
    return made


def _account(made: SnapshotFile, user: str, at: int) -> None:
    made.add("usage", at + 0.125, userId=user, points=2.5, expire=at + 99, planType="pro")
    made.add("polarCustomers", at + 0.125, userId=user, polarCustomerId=f"cus_{user}", **both(at))
    made.add(
        "subscriptions", at + 0.125, userId=user, polarSubscriptionId=f"sub_{user}",
        customerId=f"cus_{user}", productId="prod_pro", priceId="price_pro", status="past_due",
        interval="yearly", currentPeriodStart=at, currentPeriodEnd=at + 7, cancelAtPeriodEnd=True,
        canceledAt=at + 3, trialStart=at + 1, trialEnd=at + 2, metadata={"features": ["early"]},
        **both(at),
    )  # fmt: skip
    made.add(
        "oauthConnections", at + 0.125, userId=user, provider="github",
        accessToken=f"gho_{user}_in_clear", refreshToken=f"ghr_{user}_in_clear",
        expiresAt=at + 4, scope="repo", metadata={"login": user}, **both(at),
    )  # fmt: skip
    made.add(
        "oauthConnections", at + 0.25, userId=user, provider="figma",
        accessToken=f"figd_{user}_in_clear", scope="", **both(at),
    )  # fmt: skip
    made.add(
        "webhookEvents", at + 0.125, eventId=f"evt_{user}", eventType="subscription.updated",
        status="failed", payload={"nested": [integer(2**40), {"deep": None}]}, error="no answer",
        processedAt=at + 6, retryCount=2, createdAt=at,
    )  # fmt: skip


def _app(made: SnapshotFile, user: str, name: str, at: int) -> None:
    project = made.add(
        "projects", at + 0.5, name=name, userId=user, framework="SVELTE", modelPreference="best",
        **both(at),
    )  # fmt: skip
    asked = _message(made, project, at + 10, "USER", f"Please build {name}.")
    answer = _message(made, project, at + 20, "ASSISTANT", f"Here is {name}.\n\nEnjoy \U0001f353")
    _message(made, project, at + 30, "USER", "Make it blue.")
    _message(made, project, at + 40, "ASSISTANT", "Something went wrong.", type="ERROR")
    taken = made.add(
        "imports", at + 0.5, userId=user, projectId=project, messageId=asked, source="GITHUB",
        sourceId="77", sourceName="acme/berries", sourceUrl="https://example.com/acme/berries",
        status="FAILED", metadata={"stars": 3}, error="too large", **both(at),
    )  # fmt: skip
    made.add(
        "attachments", at + 11.5, type="GITHUB_REPO", url=f"https://example.com/{project}.png",
        width=640, height=480, size=integer(4_096), messageId=asked, importId=taken,
        sourceMetadata={"branch": "main"}, **both(at + 11),
    )  # fmt: skip
    fragment = made.add(
        "fragments", at + 20.5, messageId=answer, sandboxUrl="https://box.example.com/1",
        title=name, files={"src/app.ts": "export {}", "README.md": name},
        metadata={"tokens": 12}, framework="SVELTE", **both(at + 20),
    )  # fmt: skip
    made.add(
        "fragmentDrafts", at + 50.5, projectId=project, files={"a.txt": "draft"},
        framework="VUE", **both(at + 50),
    )  # fmt: skip
    made.add(
        "agentRuns", at + 9.5, projectId=project, value=f"Please build {name}.", model="gpt-4",
        framework="SVELTE", status="COMPLETED", runSource="INNGEST", claimedBy="inngest-3",
        messageId=answer, fragmentId=fragment, completedAt=at + 20, **both(at + 9),
    )  # fmt: skip
    made.add(
        "agentRuns", at + 29.5, projectId=project, value="Make it blue.", status="FAILED",
        runSource="WEBCONTAINER", error="tab closed", **both(at + 29),
    )  # fmt: skip


def _message(made: SnapshotFile, project: str, at: int, role: str, text: str, **more: Any) -> str:
    fields = {"type": "RESULT", "status": "COMPLETE", **more}
    return made.add(
        "messages", at + 0.75, content=text, role=role, projectId=project, **fields, **both(at)
    )


def spoil(made: SnapshotFile) -> None:
    """What real deployments contain: rows of deleted projects, two rows where one is meant, rows
    from before times were kept, and work that was not finished."""
    tables = made.tables
    gone = tables["projects"].pop(1)
    for fragment in list(tables["fragments"])[::2]:
        fields = {k: v for k, v in fragment.items() if not k.startswith("_")}
        at = fragment["_creationTime"] + 5_000
        made.add("fragments", at, **fields | {"title": "newer", "files": {"b.txt": "newer"}})
    usage = tables["usage"][0]
    made.add("usage", usage["_creationTime"] + 9, userId=usage["userId"], points=integer(1))
    for message in _of(tables["messages"], gone["_id"])[1::3]:
        del message["createdAt"], message["updatedAt"]
    project = tables["projects"][0]["_id"]
    for number, (status, source) in enumerate(
        (("PENDING", "INNGEST"), ("RUNNING", "INNGEST"), ("PENDING", "WEBCONTAINER"))
    ):
        made.add(
            "agentRuns", START + MINUTE * 60 + number, projectId=project, status=status,
            value=f"Unfinished {number}", runSource=source, **both(START + MINUTE * 60),
        )  # fmt: skip
    at = START + MINUTE * 61
    _message(made, project, at, "ASSISTANT", "Half an ans", type="STREAMING", status="STREAMING")
    for documents in tables.values():
        documents.reverse()


def _of(documents: list[dict[str, Any]], other: str) -> list[dict[str, Any]]:
    return [document for document in documents if document.get("projectId") != other]


def documents(path: Path, table: str) -> Iterator[dict[str, Any]]:
    """The documents of a written table, numbers decoded."""
    with zipfile.ZipFile(path) as archive:
        if f"{table}/documents.jsonl" in archive.namelist():
            for line in archive.read(f"{table}/documents.jsonl").decode().splitlines():
                yield json.loads(line, object_hook=_decoded)


def _decoded(value: dict[str, Any]) -> Any:
    if value.keys() == {"$integer"}:
        return struct.unpack("<q", base64.b64decode(value["$integer"]))[0]
    return value

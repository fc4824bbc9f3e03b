"""What an import must leave behind, told from the snapshot alone, in the shape `reading` reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.convex.reading import ordered
from tests.convex.snapshots import documents

TABLES = [
    "projects",
    "messages",
    "imports",
    "attachments",
    "fragments",
    "fragmentDrafts",
    "agentRuns",
    "usage",
    "subscriptions",
    "polarCustomers",
    "oauthConnections",
    "rateLimits",
    "webhookEvents",
    "pendingSubscriptions",
]
Document = dict[str, Any]


class Source:
    """The documents of a snapshot that have what they refer to, the newest where one is meant."""

    def __init__(self, path: Path) -> None:
        self.tables = {name: list(documents(path, name)) for name in TABLES}
        self._keep("messages", "projectId", "projects")
        for name in ("imports", "fragmentDrafts", "agentRuns"):
            self._keep(name, "projectId", "projects")
        for name in ("attachments", "fragments"):
            self._keep(name, "messageId", "messages")

    def _keep(self, table: str, field: str, parents: str) -> None:
        known = {document["_id"] for document in self.tables[parents]}
        self.tables[table] = [d for d in self.tables[table] if d[field] in known]

    def of(self, table: str, **fields: Any) -> list[Document]:
        """The documents with these values, in the order of their times."""
        found = [d for d in self.tables[table] if d.items() >= fields.items()]
        return sorted(found, key=lambda d: (created(d), d["_creationTime"], d["_id"]))

    def newest(self, table: str, **fields: Any) -> list[Document]:
        """The same, the newest first."""
        found = [d for d in self.tables[table] if d.items() >= fields.items()]
        return sorted(found, key=_age, reverse=True)

    def text(self, table: str, id: str | None, field: str) -> str | None:
        """One field of a document, None where there is no such document."""
        return next((d[field] for d in self.tables[table] if d["_id"] == id), None)

    @property
    def subjects(self) -> set[str]:
        """Everybody it names."""
        return {d["userId"] for name in TABLES for d in self.tables[name] if "userId" in d}


def _age(document: Document) -> tuple[float, float, str]:
    return document.get("updatedAt", 0), document["_creationTime"], document["_id"]


def created(document: Document) -> int:
    """When a document was made, in ms."""
    return int(document.get("createdAt", document["_creationTime"]))


def shown(milliseconds: float | None) -> str | None:
    """A time as the API shows it."""
    if milliseconds is None:
        return None
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(milliseconds))
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def times(document: Document) -> Document:
    """createdAt and updatedAt of the row."""
    at = created(document)
    return {"createdAt": shown(at), "updatedAt": shown(document.get("updatedAt", at))}


def copied(document: Document, fields: str) -> Document:
    """Fields that are taken as they are; null where there is none."""
    return {name: document.get(name) for name in fields.split()} | times(document)


def moments(document: Document, fields: str) -> Document:
    """Fields that are times."""
    return {name: shown(document.get(name)) for name in fields.split()}


def owned(source: Source, subject: str) -> Document:
    """All that one user has."""
    return {
        "projects": ordered(_project(source, d) for d in source.of("projects", userId=subject)),
        "usage": next(map(_usage, source.newest("usage", userId=subject)), None),
        "subscriptions": ordered(_paid(d) for d in source.of("subscriptions", userId=subject)),
        "polarCustomer": next(
            (copied(d, "polarCustomerId") for d in source.of("polarCustomers", userId=subject)),
            None,
        ),
        "oauthConnections": ordered(
            copied(d, "provider scope metadata") | moments(d, "expiresAt")
            | {"hasAccessToken": True, "hasRefreshToken": "refreshToken" in d}
            | {"provider": d["provider"].upper()}
            for d in source.of("oauthConnections", userId=subject)
        ),
    }  # fmt: skip


def _project(source: Source, document: Document) -> Document:
    inside = {"projectId": document["_id"]}
    messages = source.of("messages", **inside)
    drafts = source.newest("fragmentDrafts", **inside)
    return copied(document, "name framework modelPreference") | {
        "messages": [_message(source, d, n) for n, d in enumerate(messages, 1)],
        "agentRuns": ordered(_run(source, d) for d in source.of("agentRuns", **inside)),
        "imports": ordered(
            copied(d, "source sourceId sourceName sourceUrl status metadata error")
            | {"message": source.text("messages", d.get("messageId"), "content")}
            for d in source.of("imports", **inside)
        ),
        "draft": copied(drafts[0], "files framework") if drafts else None,
        "older": ordered(
            copied(d, "files framework") for m in messages
            for d in source.newest("fragments", messageId=m["_id"])[1:]
        ),
    }  # fmt: skip


def _message(source: Source, document: Document, order: int) -> Document:
    failed = document["status"] != "COMPLETE" or document["type"] == "ERROR"
    answered = document["role"] == "ASSISTANT"
    fragments = source.newest("fragments", messageId=document["_id"])
    return copied(document, "content role type") | {
        "orderId": order,
        "status": "COMPLETE",
        "outcome": "FAILED" if failed else "SUCCEEDED" if answered else None,
        "fragment": copied(fragments[0], "sandboxUrl title files metadata framework")
        if fragments
        else None,
        "attachments": [
            copied(d, "type url size width height sourceMetadata")
            | {"import": source.text("imports", d.get("importId"), "sourceId")}
            for d in source.of("attachments", messageId=document["_id"])
        ],
    }


def _run(source: Source, document: Document) -> Document:
    linked = source.text("fragments", document.get("fragmentId"), "messageId")
    newest = source.newest("fragments", messageId=linked)
    return copied(document, "value model framework status runSource claimedBy error") | {
        "completedAt": shown(document.get("completedAt")),
        "message": source.text("messages", document.get("messageId"), "content"),
        "fragment": newest[0]["title"] if newest else None,
        "held": document["status"] in {"PENDING", "RUNNING"},
    }


def _usage(document: Document) -> Document:
    plan = document.get("planType")
    return {"points": float(document["points"]), "planType": plan and plan.upper()} | (
        moments(document, "expire") | times(document)
    )


def _paid(document: Document) -> Document:
    fields = "polarSubscriptionId customerId productId priceId cancelAtPeriodEnd metadata"
    ends = "currentPeriodStart currentPeriodEnd canceledAt trialStart trialEnd"
    upper = {name: document[name].upper() for name in ("status", "interval")}
    return copied(document, fields) | moments(document, ends) | upper | {"provider": "POLAR"}


def operated(source: Source) -> Document:
    """What only operators see."""
    return {
        "rateLimits": ordered(
            copied(d, "key count limit windowMs") | moments(d, "windowStart")
            for d in source.of("rateLimits")
        ),
        "webhookEvents": ordered(
            copied(d, "eventId eventType payload error retryCount") | moments(d, "processedAt")
            | {"status": d["status"].upper()}
            for d in source.of("webhookEvents")
        ),
        "pendingSubscriptions": ordered(
            copied(d, "polarSubscriptionId customerId eventData error") | moments(d, "resolvedAt")
            | {"status": d["status"].upper(), "resolved": "resolvedUserId" in d}
            for d in source.of("pendingSubscriptions")
        ),
    }  # fmt: skip

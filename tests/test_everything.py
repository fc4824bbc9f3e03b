"""Every field of the sources gets a value through the verb that owns it, and is read back equal.

`field_map.json` is a copy of the rows of the sources' map that concern the entities built so far.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from graphql import get_named_type, is_leaf_type

from graphql_schema.schema import graphql_core_schema
from models.base import Record
from models.chat.share_links import ShareLink
from models.chat.tool_calls import ToolCall
from models.fields import camel
from models.files.stored_files import StoredFile
from tests.harness.api import StartServer
from tests.harness.clock import FakeClock
from tests.harness.importable import ImportableFigma, importable
from tests.harness.planting import CIPHER
from tests.harness.services import LOOPBACK
from tests.harness.story import NAMED, Book, Story
from tests.harness.story_billing import tell_bill
from tests.harness.story_chat import (
    tell_answers,
    tell_file,
    tell_opinions,
    tell_talk,
    tell_tool_call,
)
from tests.harness.story_imports import tell_imports
from tests.harness.story_orgs import tell_org
from tests.harness.story_own import tell_preferences, tell_profile
from tests.harness.story_planted import (
    KEY,
    SECRETS,
    tell_account,
    tell_operators,
    tell_user,
    tell_user_key,
    tell_ways_in,
)

ROOT = Path(__file__).parents[1]
COPY = ROOT / "tests" / "field_map.json"
ORIGINAL = ROOT.parent / "shared" / "data" / "field_map.json"

ENTIRE = {
    *("User", "UserPreferences", "Session", "Account", "Verification", "AnonymousUsage"),
    *("Conversation", "Message", "Attachment", "Feedback", "MessageFeedback"),
    *("UsageEvent", "Invoice", "Usage", "RateLimit", "Subscription", "PolarCustomer"),
    *("WebhookEvent", "PendingSubscription", "OAuthConnection", "Import"),
}
"""Entities of which the copy has every field, whichever source it is of."""
LATER = {
    ("Conversation", "agentId"),
    ("MessageFeedback", "agentId"),
    ("MessageFeedback", "conversationId"),
}
"""But for what comes with agents."""
OURS: dict[str, type[Record]] = {
    "ShareLink": ShareLink, "StoredFile": StoredFile, "ToolCall": ToolCall,
}  # fmt: skip
"""Entities that no source has: each of their columns that the API shows."""
HASHED = {
    ("Session", "tokenHash"),
    ("Account", "passwordHash"),
    ("Verification", "valueHash"),
}
"""What only a digest is stored of; tests/accounts/test_secrets.py looks for it in the tables."""
ENCRYPTED = {
    ("OAuthConnection", "accessToken"),
    ("OAuthConnection", "refreshToken"),
    ("Account", "accessToken"),
    ("Account", "refreshToken"),
    ("Account", "idToken"),
    ("UserKey", "encryptedKey"),
}
SHOWN = {("UserKey", "encryptedKey"): "maskedKey"}
"""How the API tells of what is encrypted, where it is not `has…`."""
IN_FRONT = {("UserKey", "iv")}
"""What is stored in front of an encrypted text, as a part of it."""

MAP: list[dict[str, str]] = json.loads(COPY.read_text())


def wanted() -> dict[str, set[str]]:
    """Entity → the names of its fields in the API."""
    found: dict[str, set[str]] = {}
    for row in MAP:
        if row["exposure"] == "api":
            found.setdefault(row["entity"], set()).add(row["name"])
    for name, model in OURS.items():
        kind: Any = graphql_core_schema().type_map[name]
        found[name] = {camel(column) for column in model.columns()}.intersection(kind.fields)
    return found


@pytest.fixture
async def book(start_server: StartServer) -> Book:
    """What the whole story left in the book."""
    async with importable() as (_, figma):
        clock, given = FakeClock(), {"connections": [figma.entry()], "outgoing_allow": LOOPBACK}
        story = Story(await start_server(clock=clock, **given), clock)
        await tell_story(story, figma)
    return story.book


async def tell_story(story: Story, figma: ImportableFigma) -> None:
    """All of it."""
    project = await story.tell_project()
    await story.tell_draft(project)
    message = await story.tell_message(project)
    await story.tell_attachment(message)
    await story.tell_uploaded(message)
    await story.tell_fragment(message)
    await story.tell_claimed_run(project)
    await story.tell_failed_run(project)
    await tell_user(story)
    await tell_profile(story)
    await tell_preferences(story)
    await tell_account(story)
    await tell_ways_in(story)
    await tell_user_key(story)
    await tell_operators(story)
    await tell_imports(story, project, message, figma)
    await tell_org(story)
    talked = await tell_talk(story)
    await tell_answers(story)
    await tell_opinions(story, talked)
    await tell_tool_call(story, talked)
    await tell_file(story)
    await tell_bill(story)


async def test_no_field_of_the_sources_is_lost(book: Book) -> None:
    lost = {entity: fields - set(book.seen.get(entity, ())) for entity, fields in wanted().items()}
    assert not any(lost.values()), lost
    assert set(book.seen) == set(wanted())
    for entity, fields in book.seen.items():
        for name, values in fields.items():
            assert values - {"null"}, f"{entity}.{name} was never more than null"


def test_each_relation_of_the_sources_is_one() -> None:
    for row in MAP:
        if row["exposure"] == "relation":
            kind = graphql_core_schema().type_map[row["entity"]]
            assert not is_leaf_type(get_named_type(kind.fields[row["name"]].type))  # type: ignore[attr-defined]


async def test_every_value_of_the_sources_enums_was_seen(book: Book) -> None:
    enums = {
        ("Message", "role"): "USER ASSISTANT",  # the others are not written by this product
        ("Message", "type"): "RESULT ERROR STREAMING",
        ("Message", "status"): "PENDING STREAMING COMPLETE",
        ("AgentRun", "status"): "PENDING RUNNING COMPLETED FAILED",
        ("AgentRun", "runSource"): "WEBCONTAINER INNGEST",
    }
    for (entity, name), values in enums.items():
        assert book.seen[entity][name] == {json.dumps(value) for value in values.split()}
    frameworks = [book.seen[entity]["framework"] for entity in book.seen if
                  "framework" in book.seen[entity]]  # fmt: skip
    assert set.union(*frameworks) == {'"ANGULAR"', '"SVELTE"', '"REACT"'}


async def test_what_is_only_stored_is_stored_encrypted(start_server: StartServer) -> None:
    stored = {(row["entity"], row["name"]) for row in MAP if row["exposure"] == "stored"}
    assert stored == ENCRYPTED | HASHED | IN_FRONT
    clock = FakeClock()
    story = Story(await start_server(clock=clock), clock)
    await tell_account(story)
    await tell_user_key(story)
    for entity, name in stored:
        fields = graphql_core_schema().type_map[NAMED.get(entity, entity)].fields  # type: ignore[attr-defined]
        assert name not in fields
        if (entity, name) in ENCRYPTED:
            assert SHOWN.get((entity, name), f"has{name[0].upper()}{name[1:]}") in fields
    (row,) = await story.server.sql("SELECT * FROM oauth_connection")
    for column, (text, purpose) in SECRETS.items():
        assert text not in str(row)
        assert CIPHER.open(row[column], owner=row["owner_id"], purpose=purpose) == text
    (row,) = await story.server.sql("SELECT * FROM user_key")
    assert KEY not in str(row)
    bound = {"owner": row["owner_id"], "purpose": "user_key.encrypted_key:openai"}
    assert CIPHER.open(row["encrypted_key"], **bound) == KEY
    _, _, sealed = row["encrypted_key"].partition(".")
    iv_text_and_tag = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    assert len(iv_text_and_tag) == 12 + len(KEY) + 16
    (kept,) = await story.server.sql("SELECT string_agg(changes::text, '') AS text FROM event_log")
    assert "gho" not in kept["text"]
    assert KEY not in kept["text"]


def test_the_copy_of_the_map_still_agrees() -> None:
    assert len(MAP) == 270
    if not ORIGINAL.exists():
        return
    entities = {row["entity"] for row in MAP}
    original = [
        {key: row[key] for key in ("entity", "field", "name", "exposure")}
        for row in json.loads(ORIGINAL.read_text())
        if row["entity"] in entities
    ]
    assert all(row in original for row in MAP)
    named = {(row["entity"], row["name"]) for row in MAP}
    wanted = {(row["entity"], row["name"]) for row in original if row["entity"] in ENTIRE}
    assert named >= wanted - LATER
    assert not named & LATER

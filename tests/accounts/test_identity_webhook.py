"""The identity provider's webhook: changes and deletions of users, signed over the raw body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from tests.harness.api import Api, Server, StartServer
from tests.harness.verbs import id_of

KEY = b"the key of the webhook of the tests"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
ME = "{ me { email emailVerified name avatarUrl } }"


def signed(event: str, body: bytes, *, at: float | None = None, kind: str = "webhook") -> Any:
    """The headers of a delivery."""
    stamp = str(int(time.time() if at is None else at))
    mark = hmac.digest(KEY, f"{event}.{stamp}.".encode() + body, hashlib.sha256)
    text = f"v1,{base64.b64encode(mark).decode()}"
    return {f"{kind}-id": event, f"{kind}-timestamp": stamp, f"{kind}-signature": text}


async def post(server: Server, body: bytes, headers: dict[str, str]) -> int:
    url = f"{server.url}/webhooks/identity"
    async with server.session.post(url, data=body, headers=headers) as response:
        return response.status


async def tell(server: Server, event: str, kind: str = "webhook", **payload: Any) -> int:
    body = json.dumps(payload).encode()
    return await post(server, body, signed(event, body, kind=kind))


def changed(subject: str, at: int, email: str, *, verified: bool = True, **more: Any) -> Any:
    """What Clerk posts when a user has changed."""
    status = "verified" if verified else "unverified"
    address = {"id": "e1", "email_address": email, "verification": {"status": status}}
    data = {"id": subject, "updated_at": at, "primary_email_address_id": "e1", **more}
    return {"type": "user.updated", "data": data | {"email_addresses": [address]}}


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server(worker=False, identity_webhook_secret=SECRET)


async def test_a_change_is_taken_over_and_an_older_one_that_comes_late_is_not(
    server: Server,
) -> None:
    ada = server.user("ada")
    await id_of(ada)
    names = {"first_name": "Ada", "last_name": "L", "image_url": "https://x.example/a.png"}
    assert await tell(server, "m1", **changed("ada", 2_000, "Ada@New.example", **names)) == 204
    assert (await ada.run(ME))["me"] == {
        "email": "ada@new.example", "emailVerified": True, "name": "Ada L",
        "avatarUrl": "https://x.example/a.png",
    }  # fmt: skip
    assert await tell(server, "m2", "svix", **changed("ada", 1_000, "ada@old.example")) == 204
    assert (await ada.run(ME))["me"]["email"] == "ada@new.example"
    assert await tell(server, "m3", "svix", **changed("ada", 3_000, "ada@last.example")) == 204
    assert (await ada.run(ME))["me"]["email"] == "ada@last.example"


async def test_an_address_that_another_has_proven_stays_theirs(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    await id_of(ada), await id_of(eve)
    await tell(server, "m1", **changed("ada", 1, "one@x.example", verified=False))
    await tell(server, "m2", **changed("eve", 1, "one@x.example", verified=False))
    assert (await eve.run(ME))["me"]["email"] is None, "only claimed, and claimed already"
    await tell(server, "m3", **changed("eve", 2, "one@x.example"))
    assert (await eve.run(ME))["me"]["email"] == "one@x.example", "proof wins over a claim"
    assert (await ada.run(ME))["me"]["email"] is None
    await tell(server, "m4", **changed("ada", 2, "one@x.example"))
    assert (await ada.run(ME))["me"]["email"] is None


async def test_a_deleted_user_is_refused_at_once_and_for_good(server: Server) -> None:
    ada = server.user("ada")
    await id_of(ada)
    gone = {"type": "user.deleted", "data": {"id": "ada", "deleted": True}}
    assert await tell(server, "m1", **gone) == 204
    assert await ada.code(ME) == "UNAUTHENTICATED"
    assert await tell(server, "m2", **changed("ada", 9, "a@x.example")) == 204
    (row,) = await server.sql("SELECT email, name FROM user_account")
    assert row == {"email": None, "name": "Deleted"}


async def test_a_repeated_event_does_nothing(server: Server) -> None:
    ada = server.user("ada")
    await id_of(ada)
    assert await tell(server, "m1", **changed("ada", 1, "one@x.example")) == 204
    assert await tell(server, "m1", **changed("ada", 2, "two@x.example")) == 204
    assert (await ada.run(ME))["me"]["email"] == "one@x.example"
    rows = await server.sql("SELECT event_id, status, payload FROM webhook_event")
    assert rows == [{"event_id": "m1", "status": "processed", "payload": {"subject": "ada"}}]


async def test_what_is_not_signed_for_now_is_refused(server: Server) -> None:
    ada = server.user("ada")
    await id_of(ada)
    body = json.dumps(changed("ada", 1, "one@x.example")).encode()
    good = signed("m1", body)
    late = signed("m1", body, at=time.time() - 600)
    early = signed("m1", body, at=time.time() + 600)
    for headers, text in (
        ({}, body),
        (late, body),
        (early, body),
        (good, body + b" "),
        (good | {"webhook-id": "m2"}, body),
        (good | {"webhook-signature": "v1,AAAA"}, body),
        (good | {"webhook-timestamp": "soon"}, body),
    ):
        assert await post(server, text, headers) == 401, headers
    assert await post(server, b"x" * 300_000, good) == 413
    assert (await ada.run(ME))["me"]["email"] is None
    assert await server.sql("SELECT id FROM webhook_event") == []


async def test_without_a_secret_there_is_no_webhook(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    assert await tell(server, "m1", **changed("ada", 1, "one@x.example")) == 404


async def test_other_events_and_odd_ones_are_taken_and_change_nothing(server: Server) -> None:
    ada: Api = server.user("ada")
    await id_of(ada)
    for number, odd in enumerate(
        (
            {"type": "session.created", "data": {"id": "ada"}},
            {"type": "user.updated"},
            {"type": "user.updated", "data": {"id": 7}},
            {"type": "user.updated", "data": {"id": "nobody"}},
            changed("ada", 1, "no address"),
            {"type": "user.updated", "data": {"id": "ada", "email_addresses": [7]}},
        )
    ):
        assert await tell(server, f"m{number}", **odd) == 204, odd
    assert (await ada.run(ME))["me"]["name"] == "Ada"

"""Admission: a message is sent when every policy lets it, and leaves nothing when one does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.chat.projects import Framework
from models.chat.sending import Draft, Target, create_project_with_message, send_message
from models.errors import DomainError, RateLimited
from models.ports import AdmissionRequest
from models.transaction import Transaction
from tests.harness.api import StartServer
from tests.harness.verbs import actor_of, all_rows, id_of


async def test_policies_are_asked_in_order_in_the_transaction(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    user = await id_of(server.user())
    asked: list[Any] = []

    async def first(tx: Transaction, request: AdmissionRequest) -> None:
        asked.append(("first", request.owner_id, [model.id for model in request.models]))
        await tx.connection.execute("UPDATE user_account SET name = 'charged'")

    async def refusing(tx: Transaction, request: AdmissionRequest) -> None:
        name = await tx.connection.fetchval("SELECT name FROM user_account")
        asked.append(("refusing", name))
        raise RateLimited("That is enough for today.", retry_after=60)

    async def never(tx: Transaction, request: AdmissionRequest) -> None:
        asked.append("never")

    actor = replace(actor_of(server, user), policies=(first, refusing, never))
    before = await all_rows(server)
    with pytest.raises(DomainError, match="enough"):
        await create_project_with_message(actor, Framework.NEXTJS, Draft("x"))
    assert asked == [("first", user, ["mock:raypx-1"]), ("refusing", "charged")]
    assert await all_rows(server) == before, "what a policy wrote goes with the refused message"

    sent: Any = await create_project_with_message(
        replace(actor, policies=(first,)), Framework.NEXTJS, Draft("x")
    )
    to = Target(project_id=sent.project.id)
    before = await all_rows(server)
    with pytest.raises(DomainError, match="enough"):
        await send_message(actor, to, Draft("again"), supersede=True)
    assert await all_rows(server) == before, "the answer before it goes on"

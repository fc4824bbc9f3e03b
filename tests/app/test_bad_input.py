"""Every value that does not fit, for every input field: refused, with the field named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.api import Api, Server, StartServer
from tests.harness.bad_values import Bad, bad_values
from tests.harness.documents import asked, object_type
from tests.harness.ownership import PROBES, Dump, Variables, World, dump, make_world
from tests.harness.planting import make_operator

MUTATIONS = sorted(object_type("Mutation").fields)

EMPTY_IS_FINE = {"description"}
CODES = {"INVALID", "NOT_FOUND", "TOO_COSTLY", "CONFLICT"}
COUNTING = {"changeEmail", "changePassword", "deleteMe", "resetPassword", "signIn", "signUp"}
COUNTING |= {"createGuest", "requestPasswordReset", "verifyEmail"}
COUNTING |= {"createCheckout", "createCustomerPortal"}
"""Mutations that count a try before they look at what is given."""


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_every_bad_value_is_refused_by_name(still: Server, mutation: str) -> None:
    ada = still.user()
    world = await make_world(still, ada)
    await make_operator(still, ada)  # else some mutations look at nothing
    base = _base(mutation, world)
    found = list(bad_values(mutation, base))
    before = await dump(still)
    for bad in found:
        if bad.sure or _is_empty(bad):
            error = await _refused(ada, mutation, base, bad)
            assert error is not None, (bad, "was taken")
    assert _but_tries(before, mutation) == _but_tries(await dump(still), mutation)
    for bad in found:
        if not bad.sure and not _is_empty(bad):
            refused = await _refused(ada, mutation, base, bad)
            if refused is None and mutation in {"deleteMe", "changePassword"}:
                return  # nobody is left to ask, or who asks must prove the new password
            if refused is None:
                base = _base(mutation, await _renewed(world, mutation))


def _but_tries(dumped: Dump, mutation: str) -> Dump:
    """What is stored, but for the tries that some mutations count and note."""
    left_out = {"rate_limit", "event_log"} if mutation in COUNTING else set[str]()
    return {table: what for table, what in dumped.items() if table not in left_out}


async def _renewed(world: World, mutation: str) -> World:
    """The world with another row for a mutation that succeeds once on one."""
    ada, name = world.owner, "claimed" if mutation in CLAIMERS else "run"
    if mutation == "addAttachment":
        to = {"projectId": world["quiet"]}
        made = await ada.do("createMessage", "{ message { id } }", to=to, content="x")
        return world.but(message=made["message"]["id"])
    if mutation not in CLAIMERS | {"claimAgentRun"}:
        return world
    of = world["project"]
    made = await ada.do("enqueueAgentRun", "{ agentRun { id } }", projectId=of, value="x")
    if name == "claimed":
        await ada.do("claimAgentRun", "{ agentRun { id } }", id=made["agentRun"]["id"])
    return world.but(**{name: made["agentRun"]["id"]})


CLAIMERS = {"completeAgentRun", "failAgentRun", "heartbeatAgentRun"}


def _base(mutation: str, world: World) -> Variables:
    return PROBES[f"Mutation.{mutation}"].ways(world)[0]


def _is_empty(bad: Bad) -> bool:
    text = isinstance(bad.value, str) and not bad.value.strip()
    return text and bad.path[-1] not in EMPTY_IS_FINE


async def _refused(api: Api, mutation: str, base: Variables, bad: Bad) -> dict[str, Any] | None:
    """The error, checked, or None for a success."""
    response = await api.ask(asked(f"Mutation.{mutation}", base, 0), **bad.put(base))
    if not response.get("errors"):
        return None
    error = response["errors"][0]
    code, field = error["extensions"]["code"], error["extensions"].get("field")
    if (mutation, code) == ("signIn", "UNAUTHENTICATED"):
        return error  # it never tells which of the two was wrong
    assert code in CODES, (bad, error)
    assert len(error["message"]) <= 500
    if code != "CONFLICT":
        assert field is not None, (bad, error)
        named = field == bad.field or field.startswith(f"{bad.field}.")
        named |= field == "token" and base["input"]["token"] == "forged"
        assert named or len(bad.path) == 1, (bad, error)
    return error

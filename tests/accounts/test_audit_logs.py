"""The audit log: every act that concerns rights, in the verb's own transaction, and no secret."""

from __future__ import annotations

from typing import Any

import pytest

from models.accounts.audit_logs import AuditAction
from tests.harness.api import Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.mutations import EVERY, Scene
from tests.harness.orgs import found, invite, join, token_of
from tests.harness.planting import make_operator
from tests.harness.verbs import actor_of, id_of, log_end

from models.accounts.operators import revoke_operator  # isort: skip

LOG = """query($org: ID, $after: String) { auditLogs(org: $org, first: 3, after: $after) {
  nodes { id orgId userId action resource metadata requestId at }
  pageInfo { endCursor hasNextPage } } }"""

AUDITED = {
    "createOrg": ["org.created"],
    "updateOrg": ["org.changed"],
    "deleteOrg": ["org.deleted"],
    "transferOrg": ["org.transferred"],
    "setOrgPlan": ["org.plan_set"],
    "closePeriod": ["period.closed"],
    "settleInvoice": ["invoice.settled"],
    "inviteOrgMember": ["member.invited"],
    "resendInvitation": ["invitation.resent"],
    "revokeInvitation": ["invitation.revoked"],
    "acceptInvitation": ["member.joined"],
    "declineInvitation": ["invitation.declined"],
    "updateOrgMember": ["member.changed"],
    "removeOrgMember": ["member.removed"],
    "leaveOrg": ["member.left"],
    "createApiToken": ["token.created"],
    "revokeApiToken": ["token.revoked"],
    "setUserKey": ["key.set"],
    "grantSubscription": ["subscription.granted"],
    "endSubscription": ["subscription.ended"],
    "reconcileSubscription": ["subscription.reconciled"],
    "resolvePendingSubscription": ["subscription.resolved"],
    "replayWebhookEvent": ["webhook.replayed"],
    "updateUserKey": ["key.changed"],
    "deleteUserKey": ["key.deleted"],
    "testUserKey": ["key.tested"],
    "revokeOauthConnection": ["service.disconnected"],
    "verifyEmail": ["email.changed"],
    "signIn": ["session.opened"],
    "signOut": ["session.ended"],
    "revokeSession": ["session.ended"],
    "revokeOtherSessions": ["session.ended"],
    "resetPassword": ["password.changed"],
    "changePassword": ["password.changed", "session.opened"],
    "unlinkAccount": ["account.unlinked"],
    "claimGuest": ["guest.claimed"],
    "deleteMe": ["user.erased"],
    "createShareLink": ["link.created"],
    "revokeShareLink": ["link.revoked"],
    "setBudget": ["budget.set"],
    "resetCredits": ["credits.reset"],
    "exportMyData": ["data.exported"],
    "moveProject": ["moved.in", "moved.out"],
    "moveConversation": ["moved.in", "moved.out"],
}


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def test_each_mutation_writes_what_it_should_and_no_other_any(still: Server) -> None:
    seen: set[str] = set()
    for name, prepare in EVERY.items():
        scene = Scene(still, still.user(name))  # some sign out or erase who asks
        user = await id_of(scene.caller)
        given = await prepare(scene)
        before = {row["id"] for row in await still.sql("SELECT id FROM audit_log")}
        end = await log_end(still)
        await scene.caller.do(name, "{ __typename }", **given)
        rows = await still.sql("SELECT a.*, a.xmin::text AS x FROM audit_log a")
        new = [row for row in rows if row["id"] not in before]
        assert sorted(row["action"] for row in new) == AUDITED.get(name, []), name
        log = await still.sql(
            "SELECT request_id, xmin::text AS x FROM event_log WHERE position > $1", end
        )
        for row in new:
            assert row["user_id"] == user
            assert (row["request_id"], row["x"]) in {(one["request_id"], one["x"]) for one in log}
            seen.add(row["action"])
    elsewhere = {"operator.granted", "operator.revoked"}
    elsewhere |= {"user.signed_up", "account.linked"}  # see test_oauth.py
    elsewhere |= {"service.connected"}  # see test_oauth_connections.py
    assert seen | elsewhere == {action.value for action in AuditAction}


async def test_operators_are_audited(still: Server) -> None:
    olga = still.user("olga")
    await make_operator(still, olga)
    await revoke_operator(actor_of(still, None), "olga")
    found_ = (await olga.run(LOG))["auditLogs"]["nodes"]
    assert [row["action"] for row in found_] == ["OPERATOR_REVOKED", "OPERATOR_GRANTED"]
    assert {row["userId"] for row in found_} == {None}


async def test_admins_read_it_in_pages(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    ada, eve, bob = server.user("ada"), server.user("eve"), server.user("bob")
    org = await found(ada)
    await join(server, ada, org, eve, "ADMIN")
    await join(server, ada, org, bob, "EDITOR")
    for number in range(4):
        clock.advance(seconds=1)
        await ada.do("updateOrg", "{ org { id } }", id=org, name=f"Name {number}")
    pages: list[Any] = []
    after = None
    while True:
        page = (await eve.run(LOG, org=org, after=after))["auditLogs"]
        pages += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [row["at"] for row in pages] == sorted((row["at"] for row in pages), reverse=True)
    assert [row["metadata"].get("name") for row in pages[:4]] == [
        f"Name {number}" for number in (3, 2, 1, 0)
    ]
    assert len(pages) == 4 + 2 * 2 + 1
    assert {row["orgId"] for row in pages} == {org}
    assert (await bob.run(LOG, org=org))["auditLogs"]["nodes"] == []
    shown = "query($o: ID!) { org(id: $o) { auditLogs { nodes { id } } } }"
    assert len((await eve.run(shown, o=org))["org"]["auditLogs"]["nodes"]) == len(pages)
    assert (await bob.run(shown, o=org))["org"]["auditLogs"]["nodes"] == []


async def test_a_refused_act_is_not_in_it(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    org = await found(ada)
    await join(still, ada, org, eve, "EDITOR")
    before = await still.sql("SELECT count(*) FROM audit_log")
    for mutation, given in (
        ("updateOrg", {"id": org, "name": "Mine"}),
        ("inviteOrgMember", {"orgId": org, "email": "a@b.de", "role": "ADMIN"}),
    ):
        with pytest.raises(Refused):
            await eve.do(mutation, "{ __typename }", **given)
    assert before == await still.sql("SELECT count(*) FROM audit_log")


async def test_no_secret_and_no_prompt_gets_in(still: Server) -> None:
    ada = still.user("ada")
    org = await found(ada)
    prompt, title = "the planted prompt", "The planted title"
    made = await ada.do("createProjectWithMessage", "{ project { id } }", content=prompt, orgId=org)
    await ada.do("updateProject", "{ project { id } }", id=made["project"]["id"], name=title)
    await ada.do("moveProject", "{ project { id } }", id=made["project"]["id"])
    invited = await invite(ada, org, "eve@example.org", "VIEWER")
    token = await token_of(still, invited["id"])
    script = await ada.do("createApiToken", "{ token apiToken { id } }", name="x", scopes=["READ"])
    await ada.do("revokeApiToken", "{ revokedTokenId }", id=script["apiToken"]["id"])
    hashes = await still.sql("SELECT token_hash, ticket FROM org_member WHERE ticket IS NOT NULL")
    secrets = [prompt, title, token, script["token"], *hashes[0].values()]
    (rows,) = await still.sql("SELECT string_agg(t::text, '') AS text FROM audit_log t")
    assert len(rows["text"]) > 500
    for secret in secrets:
        assert secret not in rows["text"]

"""Invitations: mailed, sent again, taken back, turned down and over."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.orgs import MEMBER, found, invite, join, token_of
from tests.harness.planting import make_operator
from tests.harness.post_office import PostOffice
from tests.harness.verbs import id_of


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def test_the_mail_holds_what_lets_one_in(
    start_server: StartServer, office: PostOffice
) -> None:
    given = {"smtp_url": office.url, "app_url": "https://app.example/"}
    server, other = await start_server(**given), await start_server(**given)
    ada, eve = server.user("ada"), other.user("eve")
    org = await found(ada, "Ada's\nOrchard")
    await invite(ada, org, "eve@example.org", "EDITOR")
    letter = await office.letter("eve@example.org")
    assert letter["Subject"] == "Join Ada's Orchard"
    token = re.search(r"https://app\.example/invitation#token=(\S+)", letter.get_content())
    assert token
    made = (await eve.do("acceptInvitation", MEMBER, token=token[1]))["orgMember"]
    assert made["orgId"] == org
    for table in ("org_member", "event_log", "audit_log"):
        rows = await server.sql(f"SELECT t::text AS text FROM {table} t")
        assert token[1] not in str(rows)
    assert len(office.letters) == 1, "whichever process sent it, it was sent once"


async def test_a_mail_that_was_not_sent_is_tried_again(
    start_server: StartServer, office: PostOffice
) -> None:
    office.refusing, clock = True, FakeClock()
    server = await start_server(smtp_url=office.url, clock=clock)
    ada = server.user("ada")
    await invite(ada, await found(ada), "eve@example.org", "EDITOR")

    async def tried() -> bool:
        return office.refused > 0

    await eventually(tried)
    office.refusing = False
    clock.advance(minutes=2)
    await office.letter("eve@example.org")

    async def sent() -> Any:
        return not await server.sql("SELECT id FROM mail")

    await eventually(sent)


async def test_sending_again_ends_the_old_token(
    start_server: StartServer, office: PostOffice
) -> None:
    clock = FakeClock()
    server = await start_server(smtp_url=office.url, clock=clock)
    ada, eve = server.user("ada"), server.user("eve")
    invited = await invite(ada, await found(ada), "eve@example.org", "EDITOR")
    old = await token_of(server, invited["id"])
    await office.letter("eve@example.org")
    with pytest.raises(Refused) as refused:
        await ada.do("resendInvitation", MEMBER, id=invited["id"])
    assert refused.value.code == "CONFLICT", "not twice in a minute"
    clock.advance(days=6)
    ada, eve = server.user("ada"), server.user("eve")
    again = (await ada.do("resendInvitation", MEMBER, id=invited["id"]))["orgMember"]
    assert again["expiresAt"] > invited["expiresAt"]
    await office.letter("eve@example.org", 2)
    clock.advance(hours=23)
    with pytest.raises(Refused) as refused:
        await eve.do("acceptInvitation", MEMBER, token=old)
    assert refused.value.code == "NOT_FOUND"
    new = await token_of(server, invited["id"])
    assert (await eve.do("acceptInvitation", MEMBER, token=new))["orgMember"]["role"] == "EDITOR"


async def test_an_invitation_ends_by_itself(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    ada, eve = server.user("ada"), server.user("eve")
    invited = await invite(ada, await found(ada), "eve@example.org", "VIEWER")
    token = await token_of(server, invited["id"])
    clock.advance(days=7)
    eve = server.user("eve")
    for mutation in ("acceptInvitation", "declineInvitation"):
        with pytest.raises(Refused) as refused:
            await eve.do(mutation, "{ __typename }", token=token)
        assert refused.value.code == "NOT_FOUND"


async def test_what_was_turned_down_or_taken_back_is_gone(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    org = await found(ada)
    for end in ("decline", "revoke"):
        invited = await invite(ada, org, "eve@example.org", "VIEWER")
        token = await token_of(still, invited["id"])
        if end == "decline":
            await eve.do("declineInvitation", "{ declinedInvitationId }", token=token)
        else:
            await ada.do("revokeInvitation", "{ revokedInvitationId }", id=invited["id"])
        with pytest.raises(Refused) as refused:
            await eve.do("acceptInvitation", MEMBER, token=token)
        assert refused.value.code == "NOT_FOUND"


async def test_nobody_gives_more_than_they_hold(still: Server) -> None:
    ada, bob = still.user("ada"), still.user("bob")
    org = await found(ada)
    await join(still, ada, org, bob, "ADMIN")
    with pytest.raises(Refused) as refused:
        await invite(bob, org, "eve@example.org", "OWNER")
    assert refused.value.errors[0]["extensions"] == {"code": "FORBIDDEN", "field": "role"}
    for role in ("ADMIN", "EDITOR", "VIEWER", "BILLING"):
        assert (await invite(bob, org, f"{role}@example.org", role))["role"] == role


@pytest.mark.parametrize(
    "email",
    [
        "", "a", "a b@c.de", "<a@b.de>", "a@b.de, c@d.de", "@b.de", "a@b..de", "a@.de",
        "=?utf-8?q?ada=40example.com=2C?=@evil.example", "a@b.de\nBcc: c@d.de",
    ],
)  # fmt: skip
async def test_what_is_no_address(still: Server, email: str) -> None:
    ada = still.user("ada")
    with pytest.raises(Refused) as refused:
        await invite(ada, await found(ada), email, "VIEWER")
    assert refused.value.errors[0]["extensions"] == {"code": "INVALID", "field": "email"}


async def test_one_address_is_invited_once_and_no_member_at_all(still: Server) -> None:
    ada = still.user("ada")
    local = still.services.authenticator.local
    token = local.issue_dev_token("eve", email="Eve@example.org")
    eve = type(ada)(still.session, still.url, token)
    org = await found(ada)
    await join(still, ada, org, eve, "VIEWER")
    await invite(ada, org, "bob@example.org", "VIEWER")
    for email in ("BOB@example.org", "eve@EXAMPLE.org"):
        with pytest.raises(Refused) as refused:
            await invite(ada, org, email, "VIEWER")
        assert refused.value.errors[0]["extensions"] == {"code": "CONFLICT", "field": "email"}


async def test_nobody_is_buried_in_mails(start_server: StartServer) -> None:
    """Inviting and taking back over and over, from whichever organisation."""
    server = await start_server(worker=False, sign_in_tries=3, address_tries=5)
    codes: list[str] = []
    for number in range(5):
        user = server.user(f"user-{number}")
        codes.append(await _invited(server, user, await found(user), "Eve@example.org"))
    assert codes == ["in"] * 3 + ["RATE_LIMITED"] * 2
    ada = server.user("ada")
    org = await found(ada)
    codes = [await _invited(server, ada, org, f"{number}@example.org") for number in range(3)]
    assert codes == ["in"] * 2 + ["RATE_LIMITED"], "five from one address"
    assert len(await server.sql("SELECT id FROM org_member WHERE status = 'invited'")) == 0
    assert await server.sql("SELECT id FROM mail") == [], "what was taken back is not sent"


async def _invited(server: Server, user: Api, org: str, email: str) -> str:
    """`in` or the code of a refusal; what was sent is taken back."""
    try:
        invited = await invite(user, org, email, "VIEWER")
    except Refused as refused:
        return refused.code
    assert len(await server.sql("SELECT id FROM mail")) == 1
    await user.do("revokeInvitation", "{ revokedInvitationId }", id=invited["id"])
    return "in"


async def test_whoever_raised_an_invitation_answers_for_it(still: Server) -> None:
    """Ada invites a viewer, Bob makes it an admin's; when Bob is demoted it is taken back."""
    ada, bob = still.user("ada"), still.user("bob")
    org = await found(ada)
    member = await join(still, ada, org, bob, "ADMIN")
    kept = await invite(bob, org, "cat@example.org", "VIEWER")
    raised = await invite(ada, org, "eve@example.org", "VIEWER")
    await bob.do("updateOrgMember", MEMBER, id=raised["id"], role="ADMIN")
    own = await invite(ada, org, "dan@example.org", "ADMIN")
    await ada.do("updateOrgMember", MEMBER, id=member, role="EDITOR")
    left = await still.sql("SELECT id FROM org_member WHERE status = 'invited'")
    assert [row["id"] for row in left] == [own["id"]]
    mails = await still.sql("SELECT recipient FROM mail WHERE recipient NOT LIKE 'usr%'")
    assert [row["recipient"] for row in mails] == ["dan@example.org"]
    taken = "SELECT resource FROM audit_log WHERE action = 'invitation.revoked'"
    assert {row["resource"] for row in await still.sql(taken)} == {kept["id"], raised["id"]}


async def test_a_plan_limits_the_members(still: Server) -> None:
    ada, olga = still.user("ada"), still.user("olga")
    await make_operator(still, olga)
    org = await found(ada)
    await olga.do("setOrgPlan", "{ org { plan } }", id=org, plan="team", limits={"members": 2})
    await invite(ada, org, "a@example.org", "VIEWER")
    with pytest.raises(Refused) as refused:
        await invite(ada, org, "b@example.org", "VIEWER")
    assert refused.value.code == "CONFLICT"


async def test_a_guest_joins_nothing(still: Server) -> None:
    ada = still.user("ada")
    made = await still.nobody().do("createGuest", "{ token }")
    guest = type(ada)(still.session, still.url, made["token"])
    invited = await invite(ada, await found(ada), "guest@example.org", "VIEWER")
    token = await token_of(still, invited["id"])
    with pytest.raises(Refused) as refused:
        await guest.do("acceptInvitation", MEMBER, token=token)
    assert refused.value.code == "FORBIDDEN"
    assert (await still.sql("SELECT status FROM org_member WHERE id = $1", invited["id"])) == [
        {"status": "invited"}
    ]
    assert await id_of(guest)

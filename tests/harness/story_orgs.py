"""What the story's user does with an organisation, each field checked on the way."""

from __future__ import annotations

from tests.harness.orgs import invite, token_of
from tests.harness.planting import make_operator
from tests.harness.story import Story, told
from tests.harness.verbs import id_of


async def tell_org(story: Story) -> None:
    """Found it, have it put on a plan, and let somebody in who gets another role."""
    server, ada = story.server, story.caller
    eve, olga = server.user("eve"), server.user("olga")
    await make_operator(server, olga)
    made, created = await story.do("createOrg", "{ org { id } }", name="Early name")
    org = made["org"]["id"]
    changed = {"name": "Tree people", "slug": "tree-people"}
    await story.do("updateOrg", "{ org { id } }", id=org, **changed)
    story.clock.advance(minutes=1)
    plan = {"plan": "team", "limits": {"members": 12}}
    await olga.do("setOrgPlan", "{ org { id } }", id=org, **plan)
    user = await id_of(ada)
    await story.book.check("Org", org, ownerUserId=user, createdAt=created, **changed, **plan)
    await _tell_member(story, org, user, await id_of(eve))


async def _tell_member(story: Story, org: str, user: str, other: str) -> None:
    server, ada = story.server, story.caller
    invited_at = told(story.clock.advance(minutes=1))
    member = (await invite(ada, org, "eve@example.org", "VIEWER"))["id"]
    story.clock.advance(minutes=1)
    token = await token_of(server, member)
    await server.user("eve").do("acceptInvitation", "{ orgMember { id } }", token=token)
    _, at = await story.do("updateOrgMember", "{ orgMember { id } }", id=member, role="EDITOR")
    invited = {"invitedBy": user, "invitedAt": invited_at}
    about = {"orgId": org, "userId": other, "role": "EDITOR", "status": "ACTIVE"}
    await story.book.check("OrgMember", member, **about, **invited)
    query = "query($o: ID) { auditLogs(org: $o, first: 1) { nodes { id } } }"
    (log,) = (await ada.run(query, o=org))["auditLogs"]["nodes"]
    what = {"action": "MEMBER_CHANGED", "resource": member, "at": at}
    more = {"metadata": {"former": "viewer", "role": "editor"}}
    await story.book.check("AuditLog", log["id"], orgId=org, userId=user, **what, **more)

"""Reads back through GraphQL what an import left, in the shape that `expected` tells."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.harness.api import Api, Server

TIMES = "createdAt updatedAt"
PROJECTS = f"""query ($after: String) {{ projects(first: 5, after: $after) {{
  pageInfo {{ hasNextPage endCursor }}
  nodes {{ name framework modelPreference {TIMES}
    messages(first: 100) {{ nodes {{ content role type status outcome orderId {TIMES}
      fragment {{ sandboxUrl title files metadata framework {TIMES} }}
      attachments {{ type url size width height sourceMetadata {TIMES}
        import {{ sourceId }} }} }} }}
    agentRuns(first: 100) {{ nodes {{ value model framework status runSource claimedBy error
      completedAt heldAt {TIMES} message {{ content }} fragment {{ title }} }} }}
    imports(first: 100) {{ nodes {{ source sourceId sourceName sourceUrl status metadata error
      {TIMES} message {{ content }} }} }}
    draft {{ files framework {TIMES} }}
    fileHistory(first: 100) {{ nodes {{ files framework {TIMES} }} }} }} }} }}"""
ACCOUNT = f"""{{ usage {{ points expire planType {TIMES} }}
  polarCustomer {{ polarCustomerId {TIMES} }}
  oauthConnections {{ provider scope metadata expiresAt hasAccessToken hasRefreshToken {TIMES} }}
  subscriptions(first: 100) {{ nodes {{ provider polarSubscriptionId customerId productId priceId
    status interval currentPeriodStart currentPeriodEnd cancelAtPeriodEnd canceledAt trialStart
    trialEnd metadata {TIMES} }} }} }}"""
OPERATED = f"""{{
  rateLimits(first: 100) {{ nodes {{ key count limit windowMs windowStart {TIMES} }} }}
  webhookEvents(first: 100) {{ nodes {{ eventId eventType status payload error processedAt
    retryCount {TIMES} }} }}
  pendingSubscriptions(first: 100) {{ nodes {{ polarSubscriptionId customerId eventData status
    error resolvedAt resolvedUserId {TIMES} }} }} }}"""


def ordered(documents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same in an order that depends on nothing but them."""
    return sorted(documents, key=lambda one: json.dumps(one, sort_keys=True))


async def owned(api: Api) -> dict[str, Any]:
    """All that one user has."""
    account = await api.run(ACCOUNT)
    account["subscriptions"] = ordered(account["subscriptions"]["nodes"])
    account["oauthConnections"] = ordered(account["oauthConnections"])
    projects: list[Any] = []
    after = None
    while True:
        page = (await api.run(PROJECTS, after=after))["projects"]
        projects += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    account["projects"] = ordered(map(_project, projects))
    return account


def _project(node: dict[str, Any]) -> dict[str, Any]:
    for name in ("messages", "agentRuns", "imports", "fileHistory"):
        node[name] = node[name]["nodes"]
    for message in node["messages"]:
        for attachment in message["attachments"]:
            attachment["import"] = _part(attachment["import"], "sourceId")
    for run in node["agentRuns"]:
        run["message"] = _part(run["message"], "content")
        run["fragment"] = _part(run["fragment"], "title")
        run["held"] = run.pop("heldAt") is not None
    for one in node["imports"]:
        one["message"] = _part(one["message"], "content")
    node["older"] = node.pop("fileHistory")
    return node | {name: ordered(node[name]) for name in ("agentRuns", "imports", "older")}


def _part(node: dict[str, Any] | None, field: str) -> Any:
    return node and node[field]


async def operated(api: Api) -> dict[str, Any]:
    """What only operators see."""
    found = {name: page["nodes"] for name, page in (await api.run(OPERATED)).items()}
    for one in found["pendingSubscriptions"]:
        one["resolved"] = one.pop("resolvedUserId") is not None
    return {name: ordered(nodes) for name, nodes in found.items()}


async def everything(server: Server) -> dict[str, Any]:
    """Every row of every table, and how many changes were noted; for comparisons."""
    tables = await server.sql(
        "SELECT relname AS name FROM pg_class WHERE relkind = 'r' "
        "AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'tortoise%'"
    )
    return {
        table["name"]: await server.sql(f"SELECT * FROM {table['name']} ORDER BY 1")
        for table in tables
    }

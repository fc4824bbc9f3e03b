"""The fourteen tables of the app builder, in an order in which each finds what it refers to.

Field by field as in the builder's own schema. A row of which there is one for each parent takes
its id from the parent's; the two connections of a user differ in the last letter.
"""

from __future__ import annotations

from app.convex.owners import OWN, PREFERENCES, ROOT, USER
from app.convex.placing import told
from app.convex.readers import files, loosely, web_address
from app.convex.source import NOW, Link, Source
from models.accounts.oauth_connections import OAuthConnection
from models.accounts.rate_limits import RateLimit
from models.accounts.users import User
from models.accounts.webhook_events import WebhookEvent
from models.billing.customers import PolarCustomer
from models.billing.pending_subscriptions import PendingSubscription
from models.billing.subscriptions import Subscription
from models.billing.usage import Usage
from models.builder.agent_runs import AgentRun
from models.builder.drafts import FragmentDraft
from models.builder.fragments import Fragment
from models.builder.imports import Import
from models.builder.snapshots import FileSnapshot
from models.chat.attachments import Attachment
from models.chat.conversations import Conversation
from models.chat.messages import Message
from models.chat.projects import Framework, Project

PROJECT = {"project": Link("projectId", "projects")}
MESSAGE = {"message": Link("messageId", "messages")}

USERS = Source(
    "users",
    User,
    values={"clerk_id": "s.doc_id", "name": "s.doc_id"},
    match="e.clerk_id = s.doc_id OR e.id IN (s.doc_id, s.id)",
    follows=False,
)
PROJECTS = Source(
    "projects",
    Project,
    required="name framework",
    optional="modelPreference",
    subject="userId",
    links=USER,
    values=ROOT | {"kind": "'APP'"},
)
CONVERSATIONS = Source(
    "conversations",
    Conversation,
    links=PROJECT,
    values={
        "owner_id": "project_.owner_id",
        "user_id": "project_.user_id",
        "title": "s.name",
        "main": "true",
    },
    match="e.project_id = project_.id AND e.main",
    follows=False,
)
MESSAGES = Source(
    "messages",
    Message,
    required="content role type status",
    links=PROJECT | {"conversation": Link("projectId", "conversations")},
    values={
        "owner_id": "project_.owner_id",
        "user_id": "CASE s.role WHEN 'USER' THEN project_.user_id END",
        "status": "'COMPLETE'",
        "outcome": "CASE WHEN s.status <> 'COMPLETE' OR s.type = 'ERROR' THEN 'FAILED' "
        "WHEN s.role = 'ASSISTANT' THEN 'SUCCEEDED' END",
    },
    tells=told("extract(epoch FROM coalesce(s.created_at, s.doc_made)) * 1000"),
    changes={"content_epoch": "t.content_epoch + 1"},
    counted={"unfinished: ended as FAILED": "s.status <> 'COMPLETE'"},
)
IMPORTS = Source(
    "imports",
    Import,
    required="source sourceId sourceName sourceUrl status",
    optional="metadata error",
    subject="userId",
    links=USER | PROJECT | {"message": Link("messageId", "messages", required=False)},
    values={"owner_id": "project_.owner_id"},
)
ATTACHMENTS = Source(
    "attachments",
    Attachment,
    required="type url size",
    optional="width height sourceMetadata",
    links=MESSAGE | {"import": Link("importId", "imports", required=False)},
    readers={"url": web_address},
    values={
        "owner_id": "message_.owner_id",
        "user_id": "message_.owner_id",
        "conversation_id": "message_.conversation_id",
    },
)
FRAGMENTS = Source(
    "fragments",
    Fragment,
    required="sandboxUrl title files framework",
    optional="metadata",
    links=MESSAGE,
    readers={"files": files},
    values={"owner_id": "message_.owner_id"},
    id="'frg' || substr(message_.id, 4)",
    match="e.message_id = message_.id",
    one_per="message_.id",
)
OLDER_FRAGMENTS = Source(
    "olderFragments",
    FileSnapshot,
    required="files framework",
    links=MESSAGE,
    values={
        "owner_id": "message_.owner_id",
        "project_id": "message_.project_id",
        "fragment_id": "s.fragment_id",
    },
    follows=False,
)
FRAGMENT_DRAFTS = Source(
    "fragmentDrafts",
    FragmentDraft,
    required="files framework",
    links=PROJECT,
    readers={"files": files},
    values={"owner_id": "project_.owner_id"},
    id="'drf' || substr(project_.id, 4)",
    match="e.project_id = project_.id",
    one_per="project_.id",
)
AGENT_RUNS = Source(
    "agentRuns",
    AgentRun,
    required="value status runSource",
    optional="model framework claimedBy error completedAt",
    links=PROJECT
    | {
        "message": Link("messageId", "messages", required=False),
        "fragment": Link("fragmentId", "fragments", required=False),
    },
    readers={"framework": loosely(Framework)},
    values={
        "owner_id": "project_.owner_id",
        "held_at": f"CASE WHEN s.status IN ('PENDING', 'RUNNING') THEN {NOW} END",
        "outcome": "CASE s.status WHEN 'COMPLETED' THEN 'SUCCEEDED' "
        "WHEN 'FAILED' THEN 'FAILED' END",
    },
    counted={"held until `punnet runs release`": "s.status IN ('PENDING', 'RUNNING')"},
)
USAGE = Source(
    "usage",
    Usage,
    required="points",
    optional="expire planType",
    subject="userId",
    links=USER,
    # What is left; of what was used before nothing is known.
    values=OWN | {"granted": "s.points + coalesce(e.reserved + e.spent, 0)"},
    id="'usg' || substr(user_.id, 4)",
    match="e.user_id = user_.id",
    one_per="user_.id",
)
SUBSCRIPTIONS = Source(
    "subscriptions",
    Subscription,
    required="polarSubscriptionId customerId productId priceId status interval "
    "currentPeriodStart currentPeriodEnd cancelAtPeriodEnd",
    optional="canceledAt trialStart trialEnd metadata",
    subject="userId",
    links=USER,
    # Which product is which plan is configured with billing; until then none of them is paid for.
    values=OWN | {"provider": "'polar'", "plan_tier": "'free'"},
    match="e.polar_subscription_id = s.polar_subscription_id",
    one_per="s.polar_subscription_id",
)
POLAR_CUSTOMERS = Source(
    "polarCustomers",
    PolarCustomer,
    required="polarCustomerId",
    subject="userId",
    links=USER,
    values=OWN,
    match="e.polar_customer_id = s.polar_customer_id",
    one_per="s.polar_customer_id",
)
OAUTH_CONNECTIONS = Source(
    "oauthConnections",
    OAuthConnection,
    required="provider accessToken scope",
    optional="refreshToken expiresAt metadata",
    subject="userId",
    links=USER,
    values=OWN,
    id="'oac' || substr(user_.id, 4, 26) || left(s.provider, 1)",
    match="e.user_id = user_.id AND e.provider = s.provider",
    one_per="user_.id, s.provider",
)
RATE_LIMITS = Source(
    "rateLimits",
    RateLimit,
    required="key count windowStart limit windowMs",
    renamed={"limit": "limit_count"},
    match="e.key = s.key",
    one_per="s.key",
)
WEBHOOK_EVENTS = Source(
    "webhookEvents",
    WebhookEvent,
    required="eventId eventType status payload retryCount",
    optional="error processedAt",
    match="e.event_id = s.event_id",
    one_per="s.event_id",
)
PENDING_SUBSCRIPTIONS = Source(
    "pendingSubscriptions",
    PendingSubscription,
    required="polarSubscriptionId customerId eventData status",
    optional="error resolvedAt resolvedUserId",
    values={
        "resolved_user_id": "coalesce((SELECT u.id FROM resolved_users u "
        "WHERE u.doc_id = s.resolved_user_id), s.resolved_user_id)"
    },
)

TABLES = (
    *(PROJECTS, MESSAGES, IMPORTS, ATTACHMENTS, FRAGMENTS, FRAGMENT_DRAFTS, AGENT_RUNS),
    *(USAGE, SUBSCRIPTIONS, POLAR_CUSTOMERS, OAUTH_CONNECTIONS),
    *(RATE_LIMITS, WEBHOOK_EVENTS, PENDING_SUBSCRIPTIONS),
)
"""What is read from the snapshot."""

ORDER = (
    USERS,
    PREFERENCES,
    PROJECTS,
    CONVERSATIONS,
    *(MESSAGES, IMPORTS, ATTACHMENTS, FRAGMENTS),
    OLDER_FRAGMENTS,
    *TABLES[5:],
)
"""What is merged, and in what order."""

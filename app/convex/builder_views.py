"""Sources that no table of the builder's is: users and their preferences, main conversations and
older fragments."""

from __future__ import annotations

from app.convex.builder import TABLES

_PREFERENCES = """\
SELECT doc_line, doc_id, doc_at, doc_made, 'prf' || substr(id, 4) AS id, doc_digest,
    created_at, updated_at, doc_id AS user_id
FROM staged_users"""

_CONVERSATIONS = """\
SELECT doc_line, doc_id, doc_at, doc_made, 'cnv' || substr(id, 4) AS id, doc_digest,
    created_at, updated_at, doc_id AS project_id, name
FROM staged_projects"""

_OLDER_FRAGMENTS = """\
SELECT s.doc_line, s.doc_id, s.doc_at, s.doc_made, 'fsn' || substr(s.id, 4) AS id, s.doc_digest,
    s.created_at, s.updated_at, s.message_id, s.files, s.framework, r.id AS fragment_id
FROM staged_fragments s JOIN resolved_fragments r USING (doc_line) WHERE NOT r.kept"""


def _users() -> str:
    """Everybody whom a document names, first seen when the earliest of these was made."""
    named = [table for table in TABLES if table.subject]
    found = " UNION ALL ".join(
        f"SELECT user_id, user_key, doc_at, doc_made FROM {table.staged}" for table in named
    )
    return (
        "SELECT row_number() OVER ()::integer AS doc_line, user_id AS doc_id, "
        "min(doc_at) AS doc_at, min(doc_made) AS doc_made, min(user_key) AS id, '' AS doc_digest, "
        "NULL::timestamptz(3) AS created_at, NULL::timestamptz(3) AS updated_at "
        f"FROM ({found}) named GROUP BY user_id"
    )


VIEWS = {
    "users": _users,
    "preferences": lambda: _PREFERENCES,
    "conversations": lambda: _CONVERSATIONS,
    "olderFragments": lambda: _OLDER_FRAGMENTS,
}

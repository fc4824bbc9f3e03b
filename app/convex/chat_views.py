"""Sources that no table of the chat app's is: preferences of who has chosen none, public links,
files, and the attachments of both lists."""

from __future__ import annotations

from models.ids import ALPHABET

_PREFERENCES = """\
SELECT s.doc_line, s.doc_id, s.doc_at, s.doc_made, 'prf' || substr(r.id, 4) AS id,
    '' AS doc_digest, s.created_at, s.updated_at, s.doc_id AS user_id
FROM staged_users s JOIN resolved_users r USING (doc_line) WHERE r.kept"""

# What is public no more is read as well, so that its link ends.
_SHARE_LINKS = """\
SELECT doc_line, doc_id, doc_at, doc_made, link_id AS id, public::text AS doc_digest,
    NULL::timestamptz(3) AS created_at, NULL::timestamptz(3) AS updated_at, chat_id, public
FROM (SELECT *, doc_id AS chat_id, 'shr' || substr(id, 4) AS link_id FROM staged_chats) s
WHERE public OR EXISTS (SELECT FROM import_mark m WHERE m.row_id = link_id)"""

_FILES = """\
SELECT f.doc_line, f.doc_id, f.doc_at, f.doc_made, f.id, '' AS doc_digest,
    f.created_at, f.updated_at, w.chat_id, k.storage_key,
    coalesce(w.file_name, f.doc_id) AS file_name, k.content_type, k.size, k.sha256, k.width,
    k.height, k.has_thumbnail
FROM staged__storage f JOIN wanted_file w ON w.storage_id = f.doc_id
LEFT JOIN kept_file k ON k.doc_id = f.doc_id
WHERE k.doc_id IS NOT NULL OR EXISTS (SELECT FROM stored_file e WHERE e.id = f.id)"""

# The list of a message names the URL of a row of the chat's list. That row is the attachment of the
# first message that does; every other one has an attachment of its own, with the same file.
_ATTACHMENTS = f"""\
WITH named AS (
    SELECT m.doc_id AS message_id, m.id AS message_key, m.chat_id, m.user_id, m.doc_at, m.doc_made,
        e.number::integer AS number, e.it ->> 'url' AS url, e.it ->> 'name' AS file_name,
        e.it ->> 'type' AS file_type, (e.it ->> 'size')::bigint AS size,
        e.it ->> 'storageId' AS storage_id
    FROM staged_messages m,
        jsonb_array_elements(m.attachments::jsonb) WITH ORDINALITY e (it, number)
    WHERE m.attachments IS NOT NULL
), listed AS (
    SELECT DISTINCT ON (chat_id, url) * FROM staged_chat_attachments
    ORDER BY chat_id, url, doc_at, doc_id
), paired AS (
    SELECT n.*, l.doc_id AS listed_id, l.doc_id IS NOT NULL AND row_number() OVER (
        PARTITION BY l.doc_id ORDER BY n.doc_at, n.message_id, n.number) = 1 AS first
    FROM named n LEFT JOIN listed l USING (chat_id, url)
), found AS (
    SELECT CASE WHEN p.first THEN l.doc_id ELSE p.message_id || ':' || p.number END AS doc_id,
        CASE WHEN p.first THEN l.id ELSE 'att' || substr(p.message_key, 4, 26)
            || substr('{ALPHABET}', p.number, 1) END AS id,
        CASE WHEN p.first THEN l.doc_at ELSE p.doc_at END AS doc_at,
        CASE WHEN p.first THEN l.doc_made ELSE p.doc_made END AS doc_made,
        p.chat_id, p.message_id, coalesce(l.user_id, p.user_id) AS user_id, p.url,
        coalesce(p.storage_id, l.storage_id) AS storage_id,
        coalesce(l.file_name, p.file_name) AS file_name,
        coalesce(l.file_type, p.file_type) AS file_type,
        coalesce(l.size, p.size) AS size
    FROM paired p LEFT JOIN staged_chat_attachments l ON l.doc_id = p.listed_id
    UNION ALL
    SELECT l.doc_id, l.id, l.doc_at, l.doc_made, l.chat_id, NULL, l.user_id, l.url, l.storage_id,
        l.file_name, l.file_type, l.size
    FROM staged_chat_attachments l
    WHERE NOT EXISTS (SELECT FROM paired p WHERE p.listed_id = l.doc_id)
)
SELECT row_number() OVER (ORDER BY doc_id)::integer AS doc_line, *,
    md5(row(message_id, url, storage_id, file_name, file_type, size)::text) AS doc_digest,
    NULL::timestamptz(3) AS created_at, NULL::timestamptz(3) AS updated_at
FROM found"""


VIEWS = {
    "preferences": lambda: _PREFERENCES,
    "shareLinks": lambda: _SHARE_LINKS,
    "files": lambda: _FILES,
    "attachments": lambda: _ATTACHMENTS,
}

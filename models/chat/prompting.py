"""What a model is given for an answer: the system prompt and the branch before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from models.chat.leases import Lease
from models.chat.prompts import estimate_tokens, fit
from models.chat.telling import Attached, Telling
from models.chat.transcripts import turns
from models.providing import ContentPart, Prompt, PromptMessage

if TYPE_CHECKING:
    from models.ports import Database
    from models.storing import Files

ANSWER_SHARE = 0.25  # of the model's context is left for the answer
MOST_MESSAGES = 400

_BRANCH = f"""\
SELECT m.role, m.content, coalesce(c.system_prompt, u.system_prompt) AS system_prompt, a.attached
FROM message reply
JOIN conversation c ON c.id = reply.conversation_id
LEFT JOIN user_account u ON u.id = c.user_id
JOIN LATERAL (
    SELECT id, role, content, order_id FROM message
    WHERE conversation_id = reply.conversation_id AND on_branch AND order_id < reply.order_id
    AND type <> 'ERROR' ORDER BY order_id DESC LIMIT {MOST_MESSAGES}
) m ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(
        a.type, a.url, a.file_name, f.id, f.storage_key, f.sha256, f.content_type, f.size
    ) ORDER BY a.created_at, a.id) AS attached
    FROM attachment a LEFT JOIN LATERAL (
        SELECT * FROM stored_file WHERE id = a.stored_file_id OFFSET 0) f ON true
    WHERE a.message_id = m.id
) a ON true
WHERE reply.id = $1 ORDER BY m.order_id DESC"""


async def read_prompt(
    database: Database, lease: Lease, name: str, context: int, files: Files
) -> Prompt:
    """The prompt of a generation, fitted into `context` tokens less the answer's share.

    Uploads are told by addresses that hold for an hour or more, or by what is in them.
    """
    rows = await database.fetch(_BRANCH, lease.message_id)
    telling = Telling(files)
    messages = [await _message(row, telling) for row in rows]  # the newest file first
    messages.reverse()
    system = rows[0]["system_prompt"] if rows else None
    if system:
        messages.insert(0, PromptMessage("system", [ContentPart("text", system)]))
    fitting = fit(messages, int(context * (1 - ANSWER_SHARE)))
    return Prompt(name, fitting, key=lease.generation_id, attempt=lease.tries - 1)


def continued(prompt: Prompt, parts: Sequence[Mapping[str, str]], context: int) -> Prompt:
    """A prompt that goes on with what the model said and was told so far."""
    if not parts:
        return prompt
    said = turns(parts)
    room = int(context * (1 - ANSWER_SHARE)) - estimate_tokens(said)
    fitting = fit(prompt.messages, max(room, context // 8))
    return replace(prompt, messages=[*fitting, *said])


async def _message(row: Mapping[str, Any], telling: Telling) -> PromptMessage:
    parts = [await telling.part(Attached(*attached)) for attached in row["attached"] or ()]
    if row["content"]:
        parts.insert(0, ContentPart("text", row["content"]))
    return PromptMessage(_role(row["role"]), parts)


def _role(role: str) -> Literal["system", "user", "assistant", "tool"]:
    match role:
        case "ASSISTANT":
            return "assistant"
        case "SYSTEM":
            return "system"
        case "TOOL":
            return "tool"
        case _:
            return "user"

"""What every row of an export of ours is like, beside what its columns say: else it is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from models.accounts.preferences import MODEL_LIMIT, MOST_MODELS
from models.builder.files import check_files
from models.chat.attachments import PER_MESSAGE, refuse_unsafe
from models.chat.branches import SIBLINGS
from models.errors import Invalid
from models.files.media_types import ALLOWED

Row = Mapping[str, Any]


def models_in(row: Row, name: str) -> None:
    """A column is a list of so many models' ids as a user may choose."""
    ids = row[name]
    if not isinstance(ids, list) or not _are_models(cast("list[Any]", ids)):
        raise Invalid(f"{name}: Must be at most {MOST_MODELS} ids of models.")


def _are_models(ids: Sequence[Any]) -> bool:
    fine = (isinstance(id, str) and len(id) <= MODEL_LIMIT for id in ids)
    return len(ids) <= MOST_MODELS and all(fine)


def address(name: str) -> Callable[[Row], None]:
    """A column is an address that a browser may be sent to."""

    def check(row: Row) -> None:
        if row[name] is not None:
            refuse_unsafe(row[name])

    return check


def allowed_type(row: Row) -> None:
    """A file is of a type that may be uploaded."""
    if row["content_type"] not in ALLOWED:
        raise Invalid("content_type: No such files are taken.")


def safe_paths(row: Row) -> None:
    """The paths of files stay inside their project."""
    check_files(row["files"])


BROKEN = {
    "a message does not follow one of its own conversation": """\
SELECT s.id FROM own_message s WHERE s.taken AND s.parent_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM own_message p WHERE p.id = s.parent_id AND p.taken
    AND p.conversation_id = s.conversation_id AND p.order_id < s.order_id)""",
    f"a message has more than {SIBLINGS} versions": f"""\
SELECT min(s.id) AS id FROM own_message s WHERE s.taken
GROUP BY coalesce(s.parent_id, s.conversation_id) HAVING count(*) > {SIBLINGS}""",
    f"a message has more than {PER_MESSAGE} attachments": f"""\
SELECT s.message_id AS id FROM own_attachment s WHERE s.message_id IS NOT NULL
GROUP BY s.message_id HAVING count(*) > {PER_MESSAGE}""",
}
"""What no export of ours has: the reason, and the query that finds an id."""

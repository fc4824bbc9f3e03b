"""Ratings of messages: one of each user who reads a message, with a comment or without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.base import Record
from models.chat.deletion import Phase, empties
from models.chat.emptying import NEXT_MESSAGES as IN_PROJECT
from models.chat.emptying_orgs import NEXT_MESSAGES as IN_CONVERSATION
from models.chat.messages import reach_in_tree
from models.errors import Invalid
from models.indexes import Check, index, unique
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

RATINGS = (-1, 0, 1)


class MessageFeedback(Record):
    """What a user thinks of a message."""

    prefix = "mfb"
    access = PartOf("message")
    indexes = (
        unique("user_id", "message_id"),
        index("message_id", "created_at", "id"),
        index("owner_id"),
    )
    checks = (
        Check("message_feedback_rating_check", "((rating >= '-1'::integer) AND (rating <= 1))"),
    )

    owner_id: str = fields.key("Whose message it is.")
    message: Any = fields.reference("Message", "Id of the message.")
    message_id: str
    user_id: str = fields.key("Id of the user who rates it.")
    rating: int = fields.integer("-1 for bad, 1 for good, 0 for neither.", least=-1, most=1)
    comment: str | None = fields.text("What they say to it.", limit=2_000, null=True)

    class Meta:
        table = "message_feedback"


@verb.needing(Permission.READ)
async def rate_message(
    tx: Transaction, message_id: str, rating: int, comment: str | None
) -> MessageFeedback:
    """Rate a message that the viewer may read, or rate it anew. Raises NotFound and Invalid."""
    if rating not in RATINGS:
        raise Invalid("Must be -1, 0 or 1.", field="rating")
    _, message = await reach_in_tree(tx, message_id, "messageId")
    user = tx.actor.viewer.id
    mine = "message_id = $1 AND user_id = $2"
    known = await tx.first(MessageFeedback, mine, message.id, user, lock=True)
    if known is not None:
        return await known.change(rating=rating, comment=comment)
    said = MessageFeedback(user_id=user, rating=rating, comment=comment)
    said.owner_id, said.message_id = message.owner_id, message.id
    return await tx.add(said)


empties(
    Phase("prj", 45, MessageFeedback, IN_PROJECT),
    Phase("cnv", 45, MessageFeedback, IN_CONVERSATION),
)

"""The one client for addresses that users name, or that other servers answer with.

It connects to public addresses only, follows redirects itself, and bounds size and time. What the
operator configures alone (models, mail, storage, who signs users in) does not go through it.
"""

from app.outgoing.addresses import Gate
from app.outgoing.client import Answer, Limits, Outgoing
from app.outgoing.failures import Failure, OutgoingFailed

__all__ = ["Answer", "Failure", "Gate", "Limits", "Outgoing", "OutgoingFailed"]

"""The one client for addresses that users name, or that other servers answer with.

It connects to public addresses only, follows redirects itself, and bounds size and time. What the
operator configures alone (models, mail, storage) does not go through it; who signs users in is
asked through one that connects everywhere.
"""

from app.outgoing.addresses import EVERYWHERE, Gate
from app.outgoing.client import Fetched, Limits, Outgoing
from app.outgoing.failures import Failure, OutgoingFailed

__all__ = ["EVERYWHERE", "Failure", "Fetched", "Gate", "Limits", "Outgoing", "OutgoingFailed"]

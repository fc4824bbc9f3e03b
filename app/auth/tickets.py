"""The values that links in mails carry: made from an id, so that no table needs to hold them."""

import hmac
from base64 import urlsafe_b64encode


class HmacTickets:
    """Makes the values of verifications; see models.ports.Tickets."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token_of(self, purpose: str, id: str) -> str:
        """HMAC-SHA256 over purpose and id, in 43 URL-safe characters."""
        mark = hmac.digest(self._key, f"{purpose}:{id}".encode(), "sha256")
        return urlsafe_b64encode(mark).rstrip(b"=").decode()

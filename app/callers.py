"""Who sends a request: its headers, its address, and what the answer does to the cookie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import ip_address, ip_network

from aiohttp import web

from models.ports import NOWHERE, Client


@dataclass(slots=True)
class AnswerCookie:
    """What the answer does to the session's cookie: nothing, unless it is told to."""

    name: str
    secure: bool
    _kept: tuple[str, timedelta] | None = field(default=None, init=False)

    def keep(self, token: str, lifetime: timedelta) -> None:
        """Have the browser keep a session's token."""
        self._kept = (token, lifetime)

    def drop(self) -> None:
        """Have the browser forget it."""
        self._kept = ("", timedelta())

    def put_on(self, response: web.StreamResponse) -> None:
        """Set the cookie on an answer, if it was told to."""
        if self._kept is None:
            return
        token, lifetime = self._kept
        response.set_cookie(
            self.name,
            token,
            max_age=int(lifetime.total_seconds()),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="Lax",
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """One request, as far as signing in needs it.

    `session` is the token that a cookie brought; `cookie` is None where none can be set. `let_in`
    is the session that let a socket in: its token may be another since.
    """

    headers: Mapping[str, str]
    client: Client = NOWHERE
    session: str | None = None
    cookie: AnswerCookie | None = None
    let_in: str | None = None

    @property
    def by_cookie(self) -> bool:
        """Whether a cookie says who it is; a header goes before it."""
        return self.session is not None and "Authorization" not in self.headers

    def with_headers(self, headers: Mapping[str, str]) -> Caller:
        """The same caller with other headers."""
        return replace(self, headers=headers)


class Callers:
    """Makes callers of requests."""

    def __init__(self, *, proxies: Sequence[str] = (), secure: bool = True) -> None:
        """`proxies` are networks whose `X-Forwarded-For` is believed; `secure` cookies need HTTPS.

        Raises ValueError for what is no network.
        """
        self._proxies = [ip_network(one) for one in proxies]
        self.secure = secure
        self._name = "__Host-punnet_session" if secure else "punnet_session"

    def of(self, request: web.Request, *, cookies: bool = False) -> Caller:
        """The caller of a request; `cookies` where the answer can still set some."""
        client = Client(self._address(request), request.headers.get("User-Agent"))
        session = request.cookies.get(self._name) or None
        return Caller(request.headers, client, session, self.cookie() if cookies else None)

    def cookie(self) -> AnswerCookie:
        """The session's cookie for one answer."""
        return AnswerCookie(self._name, self.secure)

    def _address(self, request: web.Request) -> str:
        """Where a request comes from: the nearest address that is no proxy of ours."""
        found = request.remote or "unknown"
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        for hop in reversed([one.strip() for one in forwarded]):
            if not self._is_proxy(found) or not _is_address(hop):
                break
            found = hop
        return found

    def _is_proxy(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in one for one in self._proxies)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

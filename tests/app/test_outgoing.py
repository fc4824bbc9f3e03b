"""The outgoing client against servers on loopback: what it refuses, follows and bounds."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from yarl import URL

from app.outgoing import Failure, Gate, Limits, Outgoing, OutgoingFailed
from app.outgoing.redirects import next_url

LOOPBACK = Gate((IPv4Network("127.0.0.0/8"),))
QUICK = Limits(size=10_000, total=5.0, silence=2.0)

Handler = Callable[[web.Request], Any]


class Names(AbstractResolver):
    """Answers as told, in turn; the last answer stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Nothing to let go of."""


@asynccontextmanager
async def client(
    gate: Gate = LOOPBACK, resolver: AbstractResolver | None = None
) -> AsyncGenerator[Outgoing]:
    outgoing = Outgoing(gate, resolver)
    try:
        yield outgoing
    finally:
        await outgoing.close()


@asynccontextmanager
async def served(handler: Handler, host: str = "127.0.0.1") -> AsyncGenerator[TestServer]:
    """A server that answers every request by `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(app, host=host)
    await server.start_server()
    try:
        yield server
    finally:
        await server.close()


def port_of(server: TestServer) -> int:
    port = server.make_url("/").port
    assert port is not None
    return port


async def failure(outgoing: Outgoing, url: str, method: str = "GET", **request: Any) -> Failure:
    """Why a request fails; the message is the same whatever happened."""
    with pytest.raises(OutgoingFailed) as raised:
        await outgoing.fetch(method, url, **({"limits": QUICK} | request))
    assert raised.value.message == "The other side does not answer as it should."
    return raised.value.failure


async def greet(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


def leading_to(location: str, status: int = 302) -> Handler:
    async def lead(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": location})

    return lead


PRIVATE = [
    "0.0.0.0",  # noqa: S104 - refused, not bound
    "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::7f00:1", "2001:2::1", "2001:db8::1",
    "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1",
    "ff02::1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1", "223.255.255.255",
    "2606:4700::1111", "2a00:1450::1", "2001:200::1", "2003::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
async def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    async with client(Gate()) as outgoing:
        assert await failure(outgoing, f"http://{literal}/") is Failure.ADDRESS
    names = Names([address])
    async with client(Gate(), names) as outgoing:
        assert await failure(outgoing, "http://example.com/") is Failure.ADDRESS
    assert names.asked == ["example.com"]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_admitted_on_ports_of_the_web_alone(address: str) -> None:
    assert Gate().admits(address, 443)
    assert Gate().admits(address, 80)
    assert not Gate().admits(address, 22)
    assert not Gate().admits(address, 8080)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.1", "127.0.0.1.",
        "localhost", "localhost.", "LOCALHOST",
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "\u2460\u2461\u2466.0.0.1",
        "127\u30020\u30020\u30021",
        "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[fe80::1%25lo]", "[fe80::1%lo]", "[::1%25lo]",
        "%31%32%37.0.0.1", "0", "017700000001", "0x7f.0.0.0x1", "127.0.0.1%00.example.com",
    ],
)  # fmt: skip
async def test_an_odd_spelling_reaches_no_server(host: str) -> None:
    reached: list[str] = []

    async def note(request: web.Request) -> web.Response:
        reached.append(request.host)
        return web.Response()

    async with served(note) as server:
        port = port_of(server)
        outgoing = Outgoing(Gate(ports=frozenset({port})))
        # Where the system's resolver does not know the spelling, that is as good a reason.
        why = await failure(outgoing, f"http://{host}:{port}/")
        await outgoing.close()
        assert why in (Failure.ADDRESS, Failure.UNREACHABLE)
    assert reached == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "//example.com/",
        "data:text/plain,hello", "javascript:1", "", "http://", "http:///x", "example.com",
        "http://user@example.com/", "http://user:secret@example.com/", "http://example.com:x/",
        "http://[::1/", "http://" + "a" * 9_000, "unix:///run/docker.sock", "http://exa mple.com/",
        "http://example.com:99999/", "http://example.com:0/", "ws://example.com/",
    ],
)  # fmt: skip
async def test_what_is_no_plain_address_of_the_web_is_refused(url: str) -> None:
    names = Names(["10.0.0.1"])
    async with client(Gate(), names) as outgoing:
        assert await failure(outgoing, url) is Failure.ADDRESS
    assert names.asked == []


async def test_an_allowed_network_is_asked_on_any_port() -> None:
    async with served(greet) as server, client() as outgoing:
        answer = await outgoing.fetch("GET", str(server.make_url("/")))
        assert (answer.status, answer.body) == (200, b"hello")
        # Allowed is that network, and no other spelling of it.
        mapped = f"http://[::ffff:127.0.0.1]:{port_of(server)}/"
        assert await failure(outgoing, mapped) is Failure.ADDRESS
    outside = Gate((IPv6Network("::1/128"),))
    async with served(greet) as server, client(outside) as outgoing:
        assert await failure(outgoing, str(server.make_url("/"))) is Failure.ADDRESS


async def test_a_name_is_asked_at_its_allowed_addresses_only() -> None:
    async with (
        served(greet, "127.0.0.2") as inside,
        client(Gate((IPv4Network("127.0.0.2/32"),)), Names(["127.0.0.1", "127.0.0.2"])) as outgoing,
    ):
        async with served(greet, "127.0.0.1"):
            answer = await outgoing.fetch("GET", f"http://example.com:{port_of(inside)}/")
        assert answer.body == b"hello"


async def test_rebinding_leads_nowhere() -> None:
    """The second look-up of a name tells another address: each connection is judged anew."""
    only_two = Gate((IPv4Network("127.0.0.2/32"),))
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    reached: list[str] = []

    async def note(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response(headers={"Connection": "close"})

    async with served(note, "127.0.0.2") as server, client(only_two, names) as outgoing:
        url = f"http://example.com:{port_of(server)}"
        assert (await outgoing.fetch("GET", f"{url}/first")).status == 200
        assert await failure(outgoing, f"{url}/second") is Failure.ADDRESS
    assert (reached, len(names.asked)) == (["/first"], 2)


async def test_a_redirect_is_judged_like_the_first_address() -> None:
    async with served(greet, "127.0.0.1") as inside:
        target = str(inside.make_url("/secret"))
        only_two = Gate((IPv4Network("127.0.0.2/32"),))
        async with served(leading_to(target), "127.0.0.2") as server, client(only_two) as outgoing:
            assert await failure(outgoing, str(server.make_url("/"))) is Failure.ADDRESS


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "http://user:secret@127.0.0.1/", "http://[::1", "gopher://127.0.0.1/"],
)
async def test_a_redirect_to_what_is_no_address_is_refused(location: str) -> None:
    async with served(leading_to(location)) as server, client() as outgoing:
        why = await failure(outgoing, str(server.make_url("/")))
        assert why in (Failure.ADDRESS, Failure.REDIRECTED)


async def test_redirects_end() -> None:
    async with served(leading_to("/again")) as server, client() as outgoing:
        assert await failure(outgoing, str(server.make_url("/"))) is Failure.REDIRECTED


async def test_what_was_posted_goes_nowhere_else() -> None:
    async with served(greet) as other:
        lead = leading_to(str(other.make_url("/")), 307)
        async with served(lead) as server, client() as outgoing:
            why = await failure(outgoing, str(server.make_url("/")), "POST", data={"secret": "1"})
            assert why is Failure.REDIRECTED


def test_nobody_is_led_from_https_to_http() -> None:
    secure = URL("https://example.com/a")
    assert next_url("GET", secure, "/b") == URL("https://example.com/b")
    with pytest.raises(OutgoingFailed) as raised:
        next_url("GET", secure, "http://example.com/b")
    assert raised.value.failure is Failure.REDIRECTED


async def test_a_token_stays_with_the_server_it_was_meant_for() -> None:
    seen: list[str | None] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response()

    async with served(note) as other:

        async def lead(request: web.Request) -> web.Response:
            seen.append(request.headers.get("Authorization"))
            there = {"/here": "/there", "/there": str(other.make_url("/"))}
            return web.Response(status=302, headers={"Location": there[request.path]})

        async with served(lead) as server, client() as outgoing:
            url = str(server.make_url("/here"))
            await outgoing.fetch("GET", url, headers={"Authorization": "Bearer secret"})
    assert seen == ["Bearer secret", "Bearer secret", None]


async def test_cookies_are_not_kept() -> None:
    seen: list[str | None] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "a=b"})

    names = Names(["127.0.0.1"])
    async with served(note) as server, client(resolver=names) as outgoing:
        for _ in range(2):
            await outgoing.fetch("GET", f"http://example.com:{port_of(server)}/")
    assert seen == [None, None]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
async def test_a_proxy_of_the_environment_is_not_used(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def proxy(_request: web.Request) -> web.Response:
        return web.Response(text="through the proxy")

    async with served(proxy) as through, served(greet) as server, client() as outgoing:
        monkeypatch.setenv(name, str(through.make_url("/")))
        assert (await outgoing.fetch("GET", str(server.make_url("/")))).body == b"hello"


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 1_000)


async def announced(_request: web.Request) -> web.Response:
    return web.Response(body=b"x" * 20_000)


async def packed(_request: web.Request) -> web.Response:
    return web.Response(body=gzip.compress(bytes(2_000_000)), headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize("handler", [endless, announced, packed])
async def test_more_than_asked_for_is_not_read(handler: Handler) -> None:
    async with served(handler) as server, client() as outgoing:
        assert await failure(outgoing, str(server.make_url("/"))) is Failure.TOO_LARGE


async def test_headers_are_bounded() -> None:
    async def long(_request: web.Request) -> web.Response:
        return web.Response(headers={"X-Long": "x" * 9_000})

    async with served(long) as server, client() as outgoing:
        assert await failure(outgoing, str(server.make_url("/"))) is Failure.GARBLED


@asynccontextmanager
async def saying(*said: bytes, pause: float = 0.0) -> AsyncGenerator[str]:
    """A server that says this to everybody, with pauses, and then nothing; yields its address."""

    async def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for part in said:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
            await asyncio.sleep(60)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}/"


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "said", [(), (OK,), (OK + b"Content-Length: 9\r\n\r\n",), (OK + b"Content-Length: 9\r\n\r\nx",)]
)
async def test_silence_is_not_waited_for(said: tuple[bytes, ...]) -> None:
    limits = Limits(total=30.0, silence=0.2)
    async with saying(*said) as url, client() as outgoing:
        assert await failure(outgoing, url, limits=limits) is Failure.SLOW


async def test_a_trickle_ends_with_the_time_for_all_of_it() -> None:
    trickle = [OK + b"Content-Length: 900\r\n\r\n", *[b"x"] * 900]
    limits = Limits(total=0.5, silence=10.0)
    async with saying(*trickle, pause=0.05) as url, client() as outgoing:
        assert await failure(outgoing, url, limits=limits) is Failure.SLOW


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
async def test_what_is_no_http_is_refused(said: bytes) -> None:
    async with saying(said) as url, client() as outgoing:
        assert await failure(outgoing, url) is Failure.GARBLED


async def test_an_answer_that_is_cut_off_is_none() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "900"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with served(cut) as server, client() as outgoing:
        why = await failure(outgoing, str(server.make_url("/")))
        assert why in (Failure.UNREACHABLE, Failure.GARBLED)


async def test_nobody_there() -> None:
    async with served(greet) as server:
        url = str(server.make_url("/"))
    async with client() as outgoing:
        assert await failure(outgoing, url) is Failure.UNREACHABLE


async def test_json_is_read_and_what_is_none_is_refused() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async with served(echo) as server, client() as outgoing:
        url = str(server.make_url("/"))
        assert (await outgoing.fetch("POST", url, json={"a": 1})).json() == {"a": 1}
        garbled = await outgoing.fetch("POST", url, data=b"{")
        with pytest.raises(OutgoingFailed):
            garbled.json()


async def test_a_large_answer_comes_in_pieces() -> None:
    body = bytes(range(256)) * 10_000

    async def large(_request: web.Request) -> web.Response:
        return web.Response(body=body)

    async with served(large) as server, client() as outgoing:
        url = str(server.make_url("/"))
        async with outgoing.opened("GET", url, limits=Limits(size=len(body))) as arriving:
            pieces = [piece async for piece in arriving.chunks()]
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) < len(body)

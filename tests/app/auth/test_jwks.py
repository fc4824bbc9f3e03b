"""Keys over HTTP: rotation, outages, crowds and unfriendly answers. Time is the clock's."""

import asyncio
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from app.auth.jwks import Jwks
from models.errors import Unavailable
from tests.app.auth.conftest import Bench
from tests.app.auth.identity_provider import IdentityProvider, b64, public_jwk
from tests.app.auth.refusals import EXPIRED, SIGNATURE, UNFIT, UNKNOWN_KEY, UNNAMED, refusal

HOUR = 3600


async def test_a_crowd_fetches_once(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    bench.provider.gate.clear()
    tokens = [bench.token(jti=str(n)) for n in range(100)]
    crowd = [asyncio.create_task(authenticator.verify(token)) for token in tokens]
    await bench.provider.asked.wait()
    bench.provider.gate.set()
    assert [claims.token_id for claims in await asyncio.gather(*crowd)] == [
        str(n) for n in range(100)
    ]
    assert bench.provider.fetches == 1
    assert len(bench.sessions) == 1


async def test_a_waiter_that_leaves_does_not_stop_the_others(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    bench.provider.gate.clear()
    first = asyncio.create_task(authenticator.verify(bench.token()))
    await bench.provider.asked.wait()
    second = asyncio.create_task(authenticator.verify(bench.token()))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    bench.provider.gate.set()
    assert (await second).subject == "user_1"
    assert bench.provider.fetches == 1


async def test_a_new_key_is_found_at_most_once_in_ten_seconds(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    await authenticator.verify(bench.token())
    new = bench.token(bench.keys.other_rsa, {"kid": "new"})
    bench.provider.publish(public_jwk(bench.keys.other_rsa, kid="new"))
    bench.clock.advance(9)
    for _ in range(50):
        assert await refusal(authenticator, new) == UNKNOWN_KEY
    assert bench.provider.fetches == 1
    bench.clock.advance(1)
    crowd = await asyncio.gather(*(authenticator.verify(new) for _ in range(50)))
    assert {claims.subject for claims in crowd} == {"user_1"}
    assert bench.provider.fetches == 2


async def test_a_removed_key_is_refused_within_the_refresh_time(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    token = bench.token(exp=int(bench.clock.now().timestamp()) + HOUR)
    await authenticator.verify(token)
    bench.provider.publish(public_jwk(bench.keys.ec, kid="ec"))
    bench.clock.advance(300)
    await authenticator.verify(token)
    assert bench.provider.fetches == 1
    bench.clock.advance(300)
    assert await refusal(authenticator, token) == UNKNOWN_KEY
    # Under its old name with other content it does not come back either.
    bench.provider.publish(public_jwk(bench.keys.other_rsa, kid="rsa"))
    bench.clock.advance(10)
    assert await refusal(authenticator, token) == SIGNATURE


async def test_keys_are_renewed_before_anyone_waits(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    token = bench.token(exp=int(bench.clock.now().timestamp()) + HOUR)
    await authenticator.verify(token)
    bench.clock.advance(500)
    bench.provider.gate.clear()
    bench.provider.asked.clear()
    await asyncio.wait_for(authenticator.verify(token), 1)
    await asyncio.wait_for(bench.provider.asked.wait(), 1)
    assert bench.provider.fetches == 2


async def test_a_remembered_signature_still_expires(bench: Bench) -> None:
    authenticator = await bench.authenticator(jwt_leeway=0)
    token = bench.token()
    bench.clock.advance(59.999)
    await authenticator.verify(token)
    await authenticator.verify(token)
    bench.clock.advance(0.001)
    assert await refusal(authenticator, token) == EXPIRED
    assert bench.provider.fetches == 1


async def test_nothing_fetched_yet_is_unavailable(bench: Bench) -> None:
    bench.provider.status = 500
    authenticator = await bench.authenticator()
    for _ in range(20):
        with pytest.raises(Unavailable):
            await authenticator.verify(bench.token())
    assert bench.provider.fetches == 1
    bench.provider.status = 200
    bench.clock.advance(1)
    assert (await authenticator.verify(bench.token())).subject == "user_1"


async def test_an_outage_is_bridged_for_a_day_but_brings_no_new_key(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    start = int(bench.clock.now().timestamp())
    token = bench.token(exp=start + 48 * HOUR)
    await authenticator.verify(token)
    bench.provider.status = 503
    for hour in range(1, 24):
        bench.clock.advance(HOUR)
        await authenticator.verify(token)
        await authenticator.verify(bench.token(jti=str(hour), exp=start + 48 * HOUR))
    with pytest.raises(Unavailable):
        await authenticator.verify(bench.token(bench.keys.other_rsa, {"kid": "new"}))
    bench.clock.advance(HOUR)
    with pytest.raises(Unavailable):
        await authenticator.verify(token)
    bench.provider.status = 200
    bench.clock.advance(10)
    assert (await authenticator.verify(token)).subject == "user_1"


async def test_during_an_outage_nobody_waits_and_tries_are_spaced(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    token = bench.token(exp=int(bench.clock.now().timestamp()) + HOUR)
    await authenticator.verify(token)
    bench.provider.status = 503
    bench.clock.advance(600)
    await authenticator.verify(token)
    assert bench.provider.fetches == 2
    for _ in range(30):
        bench.clock.advance(1)
        await authenticator.verify(token)
        await asyncio.sleep(0.01)
    assert 2 < bench.provider.fetches <= 5


async def test_a_clock_set_back_asks_again(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    await authenticator.verify(bench.token())
    bench.clock.advance(-HOUR)
    token = bench.token(iat=None)
    assert (await authenticator.verify(token)).subject == "user_1"
    assert bench.provider.fetches == 2


async def test_the_only_key_needs_no_name(bench: Bench) -> None:
    bench.provider.publish(public_jwk(bench.keys.rsa))
    authenticator = await bench.authenticator()
    token = bench.token(header={"kid": None})
    assert (await authenticator.verify(token)).subject == "user_1"
    bench.provider.publish(public_jwk(bench.keys.rsa), public_jwk(bench.keys.ec))
    bench.clock.advance(600)
    assert await refusal(authenticator, bench.token(header={"kid": None}, exp=2**33)) == UNNAMED


UNFIT_KEYS: dict[str, tuple[dict[str, Any], str]] = {
    "for encryption": ({"use": "enc"}, UNKNOWN_KEY),
    "for other operations": ({"key_ops": ["encrypt"]}, UNKNOWN_KEY),
    "for another algorithm": ({"alg": "RS512"}, UNFIT),
    "of 1024 bits": ({"n": b64(b"\xff" * 128)}, UNKNOWN_KEY),
    "with an empty exponent": ({"e": ""}, UNKNOWN_KEY),
    "of an unknown type": ({"kty": "AKP"}, UNKNOWN_KEY),
    "of another type": ({"kty": "EC", "crv": "Ed25519", "x": "AA", "y": "AA"}, UNKNOWN_KEY),
    "with a numeric name": ({"kid": 7}, UNKNOWN_KEY),
}


@pytest.mark.parametrize(("members", "message"), UNFIT_KEYS.values(), ids=UNFIT_KEYS)
async def test_unfit_keys_are_left_out(bench: Bench, members: dict[str, Any], message: str) -> None:
    unfit = public_jwk(bench.keys.rsa, kid="rsa") | members
    bench.provider.document = {"keys": [7, {}, unfit, public_jwk(bench.keys.ec, kid="ec")]}
    authenticator = await bench.authenticator()
    assert await refusal(authenticator, bench.token()) == message
    good = bench.token(bench.keys.ec, {"alg": "ES256", "kid": "ec"})
    assert (await authenticator.verify(good)).subject == "user_1"


BAD_ANSWERS: dict[str, tuple[int, dict[str, str], bytes | None]] = {
    # name: status, headers, body (None: the good one)
    "not found": (404, {}, None),
    "not JSON": (200, {}, b"<html>"),
    "a list": (200, {}, b"[]"),
    "no keys": (200, {}, b"{}"),
    "nested deeply": (200, {}, b"[" * 100_000),
    "too many keys": (200, {}, b'{"keys":[' + b"1," * 100 + b"1]}"),
    "elsewhere": (302, {"Location": "http://localhost:1/.well-known/jwks.json"}, None),
    "nowhere": (302, {}, None),
    "round and round": (302, {"Location": "/.well-known/jwks.json"}, None),
}


@pytest.mark.parametrize(("status", "headers", "body"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
async def test_bad_answers_are_no_keys(
    bench: Bench, status: int, headers: dict[str, str], body: bytes | None
) -> None:
    bench.provider.status, bench.provider.headers = status, headers
    bench.provider.document = body or bench.provider.document
    authenticator = await bench.authenticator()
    with pytest.raises(Unavailable):
        await authenticator.verify(bench.token())
    assert bench.provider.fetches <= 4


async def test_large_answers_are_not_read_to_the_end(bench: Bench) -> None:
    document = orjson.dumps(bench.provider.document)
    bench.provider.document = document.ljust(256 << 10)
    authenticator = await bench.authenticator()
    await authenticator.verify(bench.token())
    bench.provider.document = document.ljust((256 << 10) + 1)
    authenticator = await bench.authenticator()
    with pytest.raises(Unavailable):
        await authenticator.verify(bench.token())


async def test_another_host_is_not_asked(bench: Bench) -> None:
    async with IdentityProvider() as evil:
        evil.publish(public_jwk(bench.keys.other_rsa, kid="rsa"))
        bench.provider.status = 302
        bench.provider.headers = {"Location": f"{evil.issuer}.well-known/jwks.json"}
        authenticator = await bench.authenticator()
        with pytest.raises(Unavailable):
            await authenticator.verify(bench.token(bench.keys.other_rsa))
        assert evil.fetches == 0


async def test_a_move_on_the_same_host_is_followed(bench: Bench) -> None:
    bench.provider.status, bench.provider.headers = 302, {"Location": "/moved"}
    authenticator = await bench.authenticator()
    assert (await authenticator.verify(bench.token())).subject == "user_1"


async def test_a_silent_endpoint_is_given_up(bench: Bench) -> None:
    bench.provider.gate.clear()
    url = f"{bench.provider.issuer}.well-known/jwks.json"
    jwks = Jwks(url, ClientSession, bench.clock, timeout=0.05)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(jwks.current(), 2)
    await jwks.close()


async def test_closing_frees_the_waiters(bench: Bench) -> None:
    bench.provider.gate.clear()
    authenticator = await bench.authenticator()
    waiting = asyncio.create_task(authenticator.verify(bench.token()))
    await bench.provider.asked.wait()
    await authenticator.close()
    with pytest.raises(Unavailable):
        await waiting
    assert bench.sessions[0].closed

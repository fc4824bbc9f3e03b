"""Tokens made by somebody who would like to be believed."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import Unauthenticated
from tests.app.auth.conftest import Bench
from tests.app.auth.identity_provider import (
    SECRET,
    IdentityProvider,
    b64,
    claims,
    public_jwk,
    signed,
)
from tests.app.auth.refusals import (
    ALGORITHM,
    LARGE,
    MALFORMED,
    MESSAGES,
    SIGNATURE,
    UNKNOWN_KEY,
    refusal,
)


async def test_refuses_unsigned_tokens(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    head, body, _ = bench.token(header={"alg": "none"}).split(".")
    assert await refusal(authenticator, f"{head}.{body}.") == ALGORITHM
    head, body, _ = bench.token().split(".")
    assert await refusal(authenticator, f"{head}.{body}.") == SIGNATURE


@pytest.mark.parametrize("kid", ["rsa", "guest", "dev", None])
async def test_a_public_key_is_no_secret(bench: Bench, kid: str | None) -> None:
    public = bench.keys.rsa.public_key()
    authenticator = await bench.authenticator(dev=True)
    for encoding, kind in [
        (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.PEM, PublicFormat.PKCS1),
    ]:
        secret = public.public_bytes(encoding, kind)
        token = bench.token(secret, {"alg": "HS256", "kid": kid})
        expected = SIGNATURE if kid in ("guest", "dev") else UNKNOWN_KEY
        assert await refusal(authenticator, token) == expected


async def test_a_published_secret_signs_nothing(bench: Bench) -> None:
    bench.provider.publish({"kty": "oct", "k": b64(SECRET), "kid": "oct"})
    authenticator = await bench.authenticator(dev=True)
    token = bench.token(SECRET, {"alg": "HS256", "kid": "oct"})
    assert await refusal(authenticator, token) == UNKNOWN_KEY


async def test_a_key_brought_along_is_never_used(bench: Bench) -> None:
    mallory = bench.keys.other_rsa
    async with IdentityProvider() as evil:
        evil.publish(public_jwk(mallory, kid="rsa"), public_jwk(mallory, kid="evil"))
        place = f"{evil.issuer}.well-known/jwks.json"
        authenticator = await bench.authenticator()
        for header in (
            {"jku": place},
            {"x5u": place},
            {"jwk": public_jwk(mallory, kid="rsa")},
            {"x5c": ["AA=="]},
        ):
            assert await refusal(authenticator, bench.token(mallory, header)) == SIGNATURE
            unknown = bench.token(mallory, {"kid": "evil", **header})
            assert await refusal(authenticator, unknown) == UNKNOWN_KEY
        assert evil.fetches == 0


async def test_large_tokens_are_refused_before_they_are_read(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    token = bench.token(extra="x" * 5_000)
    assert len(token) <= 8 << 10
    assert (await authenticator.verify(token)).subject == "user_1"
    large = bench.token(extra="x" * 6_200)
    assert await refusal(authenticator, large) == LARGE
    assert await refusal(authenticator, "." * 100_000_000) == LARGE


def shapes(bench: Bench) -> dict[str, str]:
    key = bench.keys.rsa
    head, body, signature = bench.token().split(".")
    good = claims(bench.provider.issuer)
    header = {"alg": "RS256", "kid": "rsa"}
    return {
        "empty": "",
        "dots": "..",
        "two parts": f"{head}.{body}",
        "five parts": f"{head}.{body}.{signature}.a.b",
        "padding": f"{head}=.{body}.{signature}",
        "line end": f"{head}.{body}.{signature}\n",
        "with its scheme": f"Bearer {head}.{body}.{signature}",
        "lone surrogate": f"{head}.{body}.\ud800",
        "not ascii": f"{head}.{body}.é",
        "other alphabet": f"{head}.{body}.+/",
        "header not JSON": signed(b"{", good, key),
        "header a list": signed(b'["alg"]', good, key),
        "header a number": signed(b"1", good, key),
        "header nested deeply": signed(b'{"a":' * 800 + b"1" + b"}" * 799, good, key),
        "header of an impossible length": f"a.{body}.{signature}",
        "payload of an impossible length": f"{head}.a.{signature}",
        "payload not JSON": signed(header, b"{", key),
        "payload a list": signed(header, b"[]", key),
        "payload with NaN": signed(header, b'{"exp":NaN}', key),
        "payload not UTF-8": signed(header, b'{"sub":"\xff"}', key),
        "payload with a lone surrogate": signed(header, b'{"sub":"\\ud800"}', key),
        "payload nested deeply": signed(header, b"[" * 5_000, key),
    }


async def test_refuses_other_shapes(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    for name, token in shapes(bench).items():
        assert await refusal(authenticator, token) == MALFORMED, name


generated = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
EDITS: list[Callable[[str, int, str], str]] = [
    lambda token, at, text: token[:at] + text + token[at:],
    lambda token, at, text: token[:at] + text + token[at + 1 :],
    lambda token, at, text: token[:at] + token[at + 1 + len(text) :],
    lambda token, at, text: token[:at] + text,
]


@generated
@given(
    edit=st.sampled_from(EDITS),
    at=st.integers(0, 2_000),
    text=st.text(max_size=9) | st.text("AQgw-_.", max_size=2),
)
async def test_an_edited_token_is_refused(
    bench: Bench, edit: Callable[[str, int, str], str], at: int, text: str
) -> None:
    authenticator = await bench.authenticator()
    token = bench.token()
    edited = edit(token, at % len(token), text)
    if edited == token:
        assert (await authenticator.verify(edited)).subject == "user_1"
    else:
        await refusal(authenticator, edited)


leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text()
json = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
heads = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku", "jwk", "x5u", "x5c", "cty"])
names = st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "email", "azp", "name"])


@generated
@given(
    header=st.dictionaries(heads, json, max_size=2), body=st.dictionaries(names, json, max_size=2)
)
async def test_nothing_well_signed_breaks_the_reader(
    bench: Bench, header: dict[str, Any], body: dict[str, Any]
) -> None:
    authenticator = await bench.authenticator(jwt_audience="web")
    token = bench.token(header=header, **({"aud": "web"} | body))
    outcome = "believed"
    try:
        await authenticator.verify(token)
    except Unauthenticated as refused:
        outcome = refused.message
    assert outcome in MESSAGES | {"believed"}


@generated
@given(parts=st.lists(st.binary(max_size=40), max_size=5), text=st.text(max_size=40))
async def test_noise_is_refused(bench: Bench, parts: list[bytes], text: str) -> None:
    authenticator = await bench.authenticator(dev=True)
    await refusal(authenticator, text)
    await refusal(authenticator, ".".join(b64(part) for part in parts))

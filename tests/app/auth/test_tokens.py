"""What a token must say to be believed: one row per refusal, and what is accepted beside it."""

from datetime import timedelta
from typing import Any

import pytest

from app.auth import Authenticator, BadConfiguration, Claims
from app.config import Settings
from tests.app.auth.conftest import Bench
from tests.app.auth.identity_provider import NOW, SECRET, ManualClock, b64
from tests.app.auth.refusals import (
    ALGORITHM,
    AUDIENCE,
    EARLY,
    EXPIRED,
    EXTENSION,
    FUTURE,
    ISSUER,
    KIND,
    MALFORMED,
    NO_EXPIRY,
    NO_PROVIDER,
    SIGNATURE,
    SUBJECT,
    TIMES,
    UNFIT,
    UNKNOWN_KEY,
    UNNAMED,
    refusal,
)

SECONDS = int(NOW.timestamp())


async def test_says_who_the_token_speaks_for(bench: Bench) -> None:
    token = bench.token(
        email="ada@example.com",
        email_verified=True,
        name="Ada 👩‍💻",
        picture="https://example.com/ada.png",
        jti="t1",
    )
    authenticator = await bench.authenticator()
    expected = Claims(
        subject="user_1",
        issuer="external",
        kind="user",
        email="ada@example.com",
        email_verified=True,
        name="Ada 👩‍💻",
        picture="https://example.com/ada.png",
        expires_at=NOW + timedelta(seconds=60),
        token_id="t1",
    )
    assert await authenticator.verify(token) == expected
    assert await authenticator.verify(token) == expected


@pytest.mark.parametrize("name", ["rsa", "ec", "ed"])
async def test_accepts_each_kind_of_key_and_checks_its_signature(bench: Bench, name: str) -> None:
    algorithm = {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}[name]
    token = bench.token(getattr(bench.keys, name), {"alg": algorithm, "kid": name})
    authenticator = await bench.authenticator()
    assert (await authenticator.verify(token)).subject == "user_1"
    head, _, signature = token.split(".")
    forged = b64(b'{"iss":"%b","sub":"root","exp":9999999999}' % bench.provider.issuer.encode())
    assert await refusal(authenticator, f"{head}.{forged}.{signature}") == SIGNATURE


ACCEPTED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    # name: header, claims, settings
    "clerk: cat header, azp, no aud": ({"cat": "cl_B7d4PD111AAA"}, {"azp": "https://x.dev"}, {}),
    "azp where there is no aud": ({}, {"azp": "web"}, {"jwt_audience": "web"}),
    "aud as text": ({}, {"aud": "web"}, {"jwt_audience": "web"}),
    "aud in a list": ({}, {"aud": ["api", "web"]}, {"jwt_audience": "web"}),
    "any aud when none is required": ({}, {"aud": "other"}, {}),
    "access token type": ({"typ": "at+JWT"}, {}, {}),
    "no type": ({"typ": None}, {}, {}),
    "within the leeway after exp": ({}, {"exp": SECONDS - 29}, {}),
    "within the leeway before nbf": ({}, {"nbf": SECONDS + 30, "iat": SECONDS + 30}, {}),
    "no iat, fractional exp": ({}, {"iat": None, "exp": SECONDS + 0.5}, {}),
    "subject of 255 characters": ({}, {"sub": "s" * 255}, {}),
}


@pytest.mark.parametrize(("header", "changes", "config"), ACCEPTED.values(), ids=ACCEPTED)
async def test_accepts(
    bench: Bench, header: dict[str, Any], changes: dict[str, Any], config: dict[str, Any]
) -> None:
    authenticator = await bench.authenticator(**config)
    found = await authenticator.verify(bench.token(header=header, **changes))
    assert found.subject == changes.get("sub", "user_1")


REFUSED_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://evil.example/"}, ISSUER),
    "no issuer": ({"iss": None}, ISSUER),
    "issuer in a list": ({"iss": ["https://evil.example/"]}, ISSUER),
    "another audience": ({"aud": "other"}, AUDIENCE),
    "another list of audiences": ({"aud": ["other", 7]}, AUDIENCE),
    "audience as part of a text": ({"aud": "our web app"}, AUDIENCE),
    "no audience": ({"aud": None}, AUDIENCE),
    "another aud beside our azp": ({"aud": "other", "azp": "web"}, AUDIENCE),
    "another azp": ({"aud": None, "azp": "other"}, AUDIENCE),
    "expired": ({"exp": SECONDS - 30}, EXPIRED),
    "no expiry": ({"exp": None}, NO_EXPIRY),
    "expiry as text": ({"exp": "9999999999"}, TIMES),
    "expiry as true": ({"exp": True}, TIMES),
    "expiry past every calendar": ({"exp": 1e300}, TIMES),
    "negative expiry": ({"exp": -1}, TIMES),
    "not before a later time": ({"nbf": SECONDS + 31}, EARLY),
    "not before nonsense": ({"nbf": []}, TIMES),
    "issued in the future": ({"iat": SECONDS + 31}, FUTURE),
    "issued at nonsense": ({"iat": "now"}, TIMES),
    "no subject": ({"sub": None}, SUBJECT),
    "empty subject": ({"sub": ""}, SUBJECT),
    "blank subject": ({"sub": "  "}, SUBJECT),
    "numeric subject": ({"sub": 7}, SUBJECT),
    "subject of 256 characters": ({"sub": "s" * 256}, SUBJECT),
    "NUL in the subject": ({"sub": "user\x00"}, SUBJECT),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED_CLAIMS.values(), ids=REFUSED_CLAIMS)
async def test_refuses_claims(bench: Bench, changes: dict[str, Any], message: str) -> None:
    authenticator = await bench.authenticator(jwt_audience="web")
    token = bench.token(**({"aud": "web"} | changes))
    assert await refusal(authenticator, token) == message


async def test_the_issuer_is_compared_with_its_slash(bench: Bench) -> None:
    issuer = bench.provider.issuer
    authenticator = await bench.authenticator(jwt_issuer=issuer.rstrip("/"))
    assert await refusal(authenticator, bench.token(iss=issuer)) == ISSUER
    assert (await authenticator.verify(bench.token(iss=issuer.rstrip("/")))).subject == "user_1"


REFUSED_HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "alg none": ({"alg": "none"}, ALGORITHM),
    "alg nOnE": ({"alg": "nOnE"}, ALGORITHM),
    "algorithm not pinned": ({"alg": "RS512"}, ALGORITHM),
    "algorithm unknown": ({"alg": "XX1"}, ALGORITHM),
    "no algorithm": ({"alg": None}, MALFORMED),
    "algorithm in a list": ({"alg": ["RS256"]}, MALFORMED),
    "algorithm of another key": ({"alg": "ES256"}, UNFIT),
    "crit": ({"crit": ["exp"], "exp": 1}, EXTENSION),
    "crit b64": ({"crit": ["b64"], "b64": False}, EXTENSION),
    "empty crit": ({"crit": []}, EXTENSION),
    "unencoded payload": ({"b64": False}, EXTENSION),
    "logout token": ({"typ": "logout+jwt"}, KIND),
    "numeric type": ({"typ": 1}, MALFORMED),
    "no key named among several": ({"kid": None}, UNNAMED),
    "unknown key": ({"kid": "nobody"}, UNKNOWN_KEY),
    "numeric key": ({"kid": 1}, MALFORMED),
    "empty key": ({"kid": ""}, MALFORMED),
    "key of 256 characters": ({"kid": "k" * 256}, MALFORMED),
}


@pytest.mark.parametrize(("header", "message"), REFUSED_HEADERS.values(), ids=REFUSED_HEADERS)
async def test_refuses_headers(bench: Bench, header: dict[str, Any], message: str) -> None:
    authenticator = await bench.authenticator()
    assert await refusal(authenticator, bench.token(header=header)) == message


async def test_details_are_read_gently(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    odd = {"email": 7, "email_verified": True, "name": "x\x00", "picture": "javascript:x"}
    found = await authenticator.verify(bench.token(jti=[], **odd))
    assert not found.email_verified
    assert {found.email, found.name, found.picture, found.token_id} == {None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), (True, True), (False, False), ("yes", False), ([], False), (None, False)],
)
async def test_an_email_is_verified_only_when_said_so(
    bench: Bench, value: object, expected: bool
) -> None:
    authenticator = await bench.authenticator()
    found = await authenticator.verify(bench.token(email="a@b.c", email_verified=value))
    assert found.email == "a@b.c"
    assert found.email_verified is expected


async def test_without_a_provider_only_our_own_tokens_hold(bench: Bench) -> None:
    authenticator = await bench.authenticator(jwt_issuer=None)
    assert await refusal(authenticator, bench.token()) == NO_PROVIDER


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"jwt_algorithms": ["RS256", "HS256"]}, "HS256"),
        ({"jwt_algorithms": ["none"]}, "none"),
        ({"jwt_algorithms": []}, "PUNNET_JWT_ALGORITHMS"),
        ({"jwt_issuer": None, "jwks_url": "https://x.dev/keys"}, "PUNNET_JWT_ISSUER"),
        ({"jwt_issuer": "clerk.example.com"}, "PUNNET_JWT_ISSUER"),
        ({"jwks_url": "file:///etc/passwd"}, "PUNNET_JWKS_URL"),
    ],
)
def test_unsafe_settings_stop_the_start(config: dict[str, Any], message: str) -> None:
    values = {"jwt_issuer": "https://x.dev"} | config
    with pytest.raises(BadConfiguration, match=message):
        Authenticator(Settings(**values), SECRET, ManualClock())

"""The tokens Punnet signs itself."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.auth import LocalTokens, derive_key
from app.config import Settings
from models.errors import Forbidden
from tests.app.auth.conftest import Bench
from tests.app.auth.identity_provider import NOW, SECRET, PrivateKey, claims, signed
from tests.app.auth.refusals import (
    AUDIENCE,
    DEVELOPMENT,
    EXPIRED,
    ISSUER,
    SIGNATURE,
    UNKNOWN_KEY,
    refusal,
)

GUEST = "usr_01h455vb4pex5vsknk084sn02q"


def developer(bench: Bench) -> LocalTokens:
    return LocalTokens(Settings(dev=True), SECRET, bench.clock)


@pytest.mark.parametrize("dev", [True, False])
async def test_a_guest_keeps_the_token_for_a_year(bench: Bench, dev: bool) -> None:
    authenticator = await bench.authenticator(dev=dev, jwt_leeway=0)
    token = authenticator.issue_guest_token(GUEST)
    found = await authenticator.verify(token)
    assert (found.subject, found.issuer, found.kind) == (GUEST, "local", "guest")
    assert found.expires_at == NOW + timedelta(days=365)
    assert found.token_id is not None
    bench.clock.advance(timedelta(days=365).total_seconds() - 1)
    assert (await authenticator.verify(token)).subject == GUEST
    bench.clock.advance(1)
    assert await refusal(authenticator, token) == EXPIRED
    assert bench.provider.fetches == 0


async def test_a_guest_token_is_for_a_user_id(bench: Bench) -> None:
    with pytest.raises(ValueError, match="user id"):
        developer(bench).issue_guest_token("ada")


async def test_a_developer_is_whoever_they_like(bench: Bench) -> None:
    authenticator = await bench.authenticator(dev=True)
    token = developer(bench).issue_dev_token(
        "ada", name="Ada", email="ada@example.com", lifetime=timedelta(hours=1)
    )
    found = await authenticator.verify(token)
    assert (found.subject, found.issuer, found.kind) == ("ada", "local", "user")
    assert (found.name, found.email, found.email_verified) == ("Ada", "ada@example.com", True)
    assert found.expires_at == NOW + timedelta(hours=1)


async def test_developer_tokens_are_refused_outside_development(bench: Bench) -> None:
    authenticator = await bench.authenticator(dev=False)
    token = developer(bench).issue_dev_token("ada")
    assert await refusal(authenticator, token) == DEVELOPMENT
    with pytest.raises(Forbidden, match="PUNNET_DEV"):
        authenticator.local.issue_dev_token("ada")


async def test_two_installations_do_not_know_each_other(bench: Bench) -> None:
    authenticator = await bench.authenticator()
    stranger = LocalTokens(Settings(), SECRET + b"!", bench.clock)
    assert await refusal(authenticator, stranger.issue_guest_token(GUEST)) == SIGNATURE


def hkdf(purpose: str) -> bytes:
    info = f"punnet:{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(SECRET)


def test_keys_of_different_purposes_differ() -> None:
    assert derive_key(SECRET, "cursor") == hkdf("cursor")
    purposes = ["token:guest", "token:dev", "cursor", "resume", ""]
    assert len({derive_key(SECRET, purpose) for purpose in purposes}) == len(purposes)


FORGED: dict[str, tuple[PrivateKey | bytes, dict[str, Any], str, str]] = {
    # name: key, claims, kid, message
    "the secret itself": (SECRET, {}, "guest", SIGNATURE),
    "the cursors' key": (hkdf("cursor"), {}, "guest", SIGNATURE),
    "the developers' key": (hkdf("token:dev"), {}, "guest", SIGNATURE),
    "a developer's audience": (hkdf("token:guest"), {"aud": "punnet:dev"}, "guest", AUDIENCE),
    "no audience": (hkdf("token:guest"), {"aud": None}, "guest", AUDIENCE),
    "another issuer": (hkdf("token:guest"), {"iss": "other"}, "guest", ISSUER),
    "another key name": (hkdf("token:guest"), {}, "cursor", UNKNOWN_KEY),
}


@pytest.mark.parametrize(("key", "changes", "kid", "message"), FORGED.values(), ids=FORGED)
async def test_refuses(
    bench: Bench, key: bytes, changes: dict[str, Any], kid: str, message: str
) -> None:
    authenticator = await bench.authenticator(dev=True)
    body = claims("punnet", **({"sub": GUEST, "aud": "punnet:guest"} | changes))
    assert await refusal(authenticator, signed({"alg": "HS256", "kid": kid}, body, key)) == message


async def test_accepts_what_only_it_could_have_signed(bench: Bench) -> None:
    """The rows above are refused for what is wrong with them, not for how they are made."""
    authenticator = await bench.authenticator()
    body = claims("punnet", sub=GUEST, aud="punnet:guest")
    token = signed({"alg": "HS256", "kid": "guest"}, body, hkdf("token:guest"))
    assert (await authenticator.verify(token)).kind == "guest"


@pytest.mark.parametrize("iss", ["punnet", None])
async def test_the_provider_cannot_speak_for_us(bench: Bench, iss: str | None) -> None:
    authenticator = await bench.authenticator(dev=True)
    token = bench.token(header={"kid": "rsa"}, iss=iss, aud="punnet:guest", sub=GUEST)
    assert await refusal(authenticator, token) == ISSUER

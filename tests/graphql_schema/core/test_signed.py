import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_schema.core.signed import MAX_SIGNED, Signer
from models.errors import Invalid

KEY = bytes(range(32))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PAYLOADS = st.binary(max_size=64) | st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def refused(signer: Signer, purpose: str, token: str) -> bool:
    with pytest.raises(Invalid) as caught:
        signer.open(purpose, token)
    return caught.value.message == "The value was not issued by this server."


@given(payload=PAYLOADS, purpose=TEXT)
def test_gives_back_what_was_signed(payload: Any, purpose: str) -> None:
    signer = Signer(KEY)
    token = signer.sign(purpose, payload)
    opened = signer.open(purpose, token)
    assert opened == payload
    assert type(opened) is type(payload)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert Signer(KEY).sign(purpose, payload) == token


def test_is_short_and_stays_the_same() -> None:
    """A change here would break every cursor that clients hold."""
    token = Signer(KEY).sign("cursor:messages", [1700000000000, "msg_1"])
    assert token == "TxgKcgM9nMPvay-YHp6_yAFbMTcwMDAwMDAwMDAwMCwibXNnXzEiXQ"
    assert Signer(KEY).sign("p", {"b": 1, "a": 2}) == Signer(KEY).sign("p", {"a": 2, "b": 1})
    assert len(Signer(KEY).sign("p", b"")) == 23


@given(payload=PAYLOADS, at=st.integers(0), new=st.sampled_from("AQgwZ09-_"))
def test_refuses_each_changed_character(payload: Any, at: int, new: str) -> None:
    signer = Signer(KEY)
    token = signer.sign("p", payload)
    at %= len(token)
    changed = token[:at] + new + token[at + 1 :]
    assert changed == token or refused(signer, "p", changed)


@given(payload=PAYLOADS, cut=st.integers(0))
def test_refuses_each_truncation(payload: Any, cut: int) -> None:
    signer = Signer(KEY)
    token = signer.sign("p", payload)
    assert refused(signer, "p", token[: cut % len(token)])
    assert refused(signer, "p", token[1 + cut % len(token) :])


@given(noise=st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.hex()))
def test_refuses_noise(noise: str) -> None:
    assert refused(Signer(KEY), "p", noise)


@pytest.mark.parametrize("extra", ["=", "==", "\n", " ", "é", "\ud800", "\x00", ".", "+", "A"])
def test_refuses_additions(extra: str) -> None:
    signer = Signer(KEY)
    token = signer.sign("p", [1, "a"])
    assert refused(signer, "p", token + extra)
    assert refused(signer, "p", extra + token)
    assert refused(signer, "p", token[:5] + extra + token[5:])


def test_refuses_spare_bits() -> None:
    """Base64 may end in bits that mean nothing; a second spelling of a value is a forgery."""
    signer = Signer(KEY)
    token = signer.sign("p", b"")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spelled = token[:-1] + alphabet[alphabet.index(token[-1]) + 1]
    assert base64.urlsafe_b64decode(spelled + "=") == base64.urlsafe_b64decode(token + "=")
    assert refused(signer, "p", spelled)


def test_refuses_another_purpose_and_another_key() -> None:
    signer = Signer(KEY)
    token = signer.sign("cursor:messages", [1, "a"])
    assert refused(signer, "cursor:projects", token)
    assert refused(signer, "", token)
    assert refused(Signer(KEY[::-1]), "cursor:messages", token)


def test_a_previous_key_opens_and_never_signs() -> None:
    earlier, rotated = Signer(KEY), Signer(KEY[::-1], [b"x" * 32, KEY])
    assert rotated.open("p", earlier.sign("p", [1])) == [1]
    assert rotated.sign("p", [1]) == Signer(KEY[::-1]).sign("p", [1])
    assert refused(rotated, "p", Signer(b"y" * 32).sign("p", [1]))


def test_purpose_and_payload_do_not_run_into_each_other() -> None:
    signer = Signer(KEY)
    tag_of_longer = base64.urlsafe_b64decode(signer.sign("ab", b"c") + "=")[:16]
    # The body starts with a mark byte, so "ab" + mark + "c" is also "a" + "b" + mark + "c".
    moved = base64.urlsafe_b64encode(tag_of_longer + b"b\x00c").rstrip(b"=").decode()
    assert refused(signer, "a", moved)


def test_refuses_what_is_too_long() -> None:
    signer = Signer(KEY)
    fits = MAX_SIGNED // 4 * 3 - 17
    assert signer.open("p", signer.sign("p", b"x" * fits)) == b"x" * fits
    with pytest.raises(ValueError, match="too long"):
        signer.sign("p", b"x" * (fits + 1))
    assert refused(signer, "p", "A" * 100_000_000)


@pytest.mark.parametrize("key", [b"", b"x" * 15, b"x" * 65])
def test_refuses_keys_of_other_lengths(key: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        Signer(key)

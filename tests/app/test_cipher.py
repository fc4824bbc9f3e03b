"""Secrets at rest open for their owner and purpose only, and with the keys that are known."""

from __future__ import annotations

from string import ascii_letters, digits

import pytest

from app.auth import derive_key
from app.cipher import BadSeal, Cipher

SECRET = b"an installation's secret of some length"
KEY = derive_key(SECRET, "secrets at rest")
NEW_KEY = derive_key(SECRET, "another")
FOR_ADA = {"owner": "usr_ada", "purpose": "oauth access token"}


@pytest.mark.parametrize("text", ["gho_1234", "", "ключ 🔑", "x" * 20_000])
def test_what_was_sealed_opens(text: str) -> None:
    cipher = Cipher(KEY)
    sealed = cipher.seal(text, **FOR_ADA)
    assert text == "" or text not in sealed
    assert cipher.open(sealed, **FOR_ADA) == text
    assert Cipher(KEY).open(sealed, **FOR_ADA) == text, "another process"


def test_the_same_text_never_looks_the_same() -> None:
    cipher = Cipher(KEY)
    assert len({cipher.seal("gho_1234", **FOR_ADA) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "other",
    [
        {"owner": "usr_eve", "purpose": "oauth access token"},
        {"owner": "usr_ada", "purpose": "oauth refresh token"},
        {"owner": "oauth access token", "purpose": "usr_ada"},
        {"owner": "usr_adaoauth", "purpose": " access token"},
        {"owner": 'usr_ada","oauth access token', "purpose": ""},
    ],
)
def test_it_opens_for_nobody_and_nothing_else(other: dict[str, str]) -> None:
    cipher = Cipher(KEY)
    with pytest.raises(BadSeal):
        cipher.open(cipher.seal("gho_1234", **FOR_ADA), **other)


def test_every_changed_character_is_noticed() -> None:
    cipher = Cipher(KEY)
    sealed = cipher.seal("gho_1234", **FOR_ADA)
    for place, character in enumerate(sealed):
        other = "A" if character != "A" else "B"
        with pytest.raises(BadSeal):
            cipher.open(sealed[:place] + other + sealed[place + 1 :], **FOR_ADA)


@pytest.mark.parametrize("length", [8, 9, 10])
def test_it_has_one_spelling(length: int) -> None:
    """The last character of base64 may have bits that say nothing."""
    cipher = Cipher(KEY)
    sealed = cipher.seal("x" * length, **FOR_ADA)
    for character in set(ascii_letters + digits + "-_") - {sealed[-1]}:
        with pytest.raises(BadSeal):
            cipher.open(sealed[:-1] + character, **FOR_ADA)


@pytest.mark.parametrize("tail", ["", "A", "AA==", "äö", "====", "A A"])
def test_a_damaged_one_is_refused(tail: str) -> None:
    cipher = Cipher(KEY)
    id = cipher.seal("gho_1234", **FOR_ADA).partition(".")[0]
    for damaged in (tail, f"{id}.{tail}", id):
        with pytest.raises(BadSeal):
            cipher.open(damaged, **FOR_ADA)


def test_a_previous_key_opens_and_never_seals() -> None:
    old, rotated = Cipher(KEY), Cipher(NEW_KEY, previous=[KEY])
    earlier = old.seal("gho_1234", **FOR_ADA)
    assert rotated.open(earlier, **FOR_ADA) == "gho_1234"
    later = rotated.seal("gho_1234", **FOR_ADA)
    assert rotated.open(later, **FOR_ADA) == "gho_1234"
    for cipher, sealed in ((old, later), (Cipher(NEW_KEY), earlier)):
        with pytest.raises(BadSeal, match="unknown key"):
            cipher.open(sealed, **FOR_ADA)


def test_a_key_has_the_right_length() -> None:
    with pytest.raises(ValueError, match="key"):
        Cipher(b"short")

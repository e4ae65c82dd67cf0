"""Sensitive metadata: what goes in comes out with the right key, and nothing with another."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, strategies as st

from services.errors import EncryptionError, SettingsError
from services.settings.encryption import Encryption
from services.settings.environment import load_settings
from services.settings.redact import in_force

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
SECRET = "hunter2 ünïcode 日本"
values = st.dictionaries(st.text(), st.text())


@given(values)
def test_what_is_sealed_opens_again(given_values: dict[str, str]) -> None:
    """Any names and values, and none of them readable in the text."""
    encryption = Encryption([NEW])
    token = encryption.encrypt(given_values)
    assert encryption.decrypt(token) == given_values
    assert token.isascii()


@given(values)
def test_keys_can_be_rotated(given_values: dict[str, str]) -> None:
    """An old text opens while its key is there, is renewed once, and then needs no old key."""
    old = Encryption([OLD]).encrypt(given_values)
    both = Encryption([NEW, OLD])
    assert both.decrypt(old) == given_values
    renewed = both.rotate(old)
    assert renewed is not None
    assert both.rotate(renewed) is None
    assert Encryption([NEW]).decrypt(renewed) == given_values
    with pytest.raises(EncryptionError):
        Encryption([OLD]).decrypt(renewed)


@given(values, values)
def test_a_fingerprint_is_of_the_values_and_the_key(
    one: dict[str, str], other: dict[str, str]
) -> None:
    """What was approved is told from what is sent, and nobody without the key can try values."""
    encryption = Encryption([NEW, OLD])
    assert (encryption.fingerprint(one) == encryption.fingerprint(other)) == (one == other)
    assert len(encryption.fingerprint(one)) == 64
    assert encryption.fingerprint(one) != Encryption([OLD]).fingerprint(one)
    assert Encryption().fingerprint(one) == ""


def test_the_text_of_the_guide_opens() -> None:
    """The guide encrypts a JSON object of anything, not only of texts."""
    token = Fernet(NEW).encrypt(json.dumps({"ssn": 5, "tags": ["a"]}).encode()).decode()
    assert Encryption([NEW]).decrypt(token) == {"ssn": 5, "tags": ["a"]}


def test_a_wrong_key_is_told_from_a_text_that_was_never_encrypted() -> None:
    """Neither gives garbage, and neither message holds the value or a key."""
    token = Encryption([OLD]).encrypt({"pin": SECRET})
    flipped = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]
    for text in (token, flipped):
        with pytest.raises(EncryptionError, match=r"no key in KATO_TENANTS_METADATA_KEYS fits"):
            Encryption([NEW, OTHER] if text is token else [OLD]).decrypt(text)
    for text in ("", "gAAA", "not base64 \ud800", "x" * 500, token[:50], base64.b64encode(b"a")):
        with pytest.raises(EncryptionError, match="not an encrypted text") as caught:
            Encryption([NEW]).decrypt(text if isinstance(text, str) else text.decode())
        assert NEW not in str(caught.value)


@pytest.mark.parametrize("content", [b"no json", b"[1]", b"\xff", b"[" * 100_000])
def test_what_decrypts_to_something_else_says_so(content: bytes) -> None:
    token = Fernet(NEW).encrypt(content).decode()
    with pytest.raises(EncryptionError, match="not a JSON object"):
        Encryption([NEW]).decrypt(token)


def test_without_a_key_nothing_is_sealed_or_opened() -> None:
    """And the error says what to set."""
    token = Encryption([NEW]).encrypt({"a": "b"})
    assert not Encryption().ready
    for act in (lambda: Encryption().encrypt({"a": "b"}), lambda: Encryption().decrypt(token)):
        with pytest.raises(EncryptionError, match="set KATO_TENANTS_METADATA_KEYS"):
            act()


@pytest.mark.parametrize(
    "keys",
    ["hunter2", "ünhunter2", f"{NEW},hunter2", "hunter2" * 10],
    ids=["short", "not ascii", "second of two", "long"],
)
def test_a_key_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    """One line that names the variable and which key, and never the key."""
    monkeypatch.setenv("KATO_TENANTS_METADATA_KEYS", keys)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith("KATO_TENANTS_METADATA_KEYS: key ")
    assert "hunter2" not in str(caught.value)
    assert NEW not in str(caught.value)


def test_keys_are_listed_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first encrypts; neither a repr nor the settings in force hold one."""
    monkeypatch.setenv("KATO_TENANTS_METADATA_KEYS", f" {NEW} , {OLD},")
    settings = load_settings()
    assert Encryption([NEW]).decrypt(settings.encryption.encrypt({"a": "b"})) == {"a": "b"}
    assert settings.encryption.decrypt(Encryption([OLD]).encrypt({"a": "b"})) == {"a": "b"}
    assert in_force(settings)["KATO_TENANTS_METADATA_KEYS"].value == "(set)"
    assert NEW not in repr(settings) + repr(settings.encryption) + repr(in_force(settings))

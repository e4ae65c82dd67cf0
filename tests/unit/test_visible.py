"""Texts of strangers, written so that two different ones never look the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, strategies as st

from services.visible import unseen, visible

PIECES = st.sampled_from([
    " ", "\\", "a", "e", "x20", "n", "\n", "\u0301", "\u0327", "\u00e9", "\u0065\u0301", "\u212b",
    "\u00c5", "\u1100", "\u1161", "\u11a8", "\uac01", "\u00a0", "\u200b", "\u3164", "\ufe0f", "/",
    "\udcff", "\u09c7", "\u09be", "\u09cb", "\u0340", "\u0300", "\u2800",
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=6).map("".join) | st.text(
    st.characters(codec=None, categories=None), max_size=8
)

SHOWN = {
    "acme": "acme",
    "acme inc": "acme inc",
    "acme ": r"acme\x20",
    " acme": r"\x20acme",
    "a  b": r"a\x20 b",
    " ": r"\x20",
    "caf\u00e9": "caf\u00e9",
    "cafe\u0301": r"cafe\u0301",
    "\u1100\u1161": "\u1100" + r"\u1161",
    "\u212b": r"\u212b",
    "a\u3164": r"a\u3164",
    "x\u0303": "x\u0303",
    "": "",
}


@pytest.mark.parametrize("text", SHOWN, ids=ascii)
def test_what_the_eye_passes_over_is_written_out(text: str) -> None:
    assert visible(text) == SHOWN[text]


@given(TEXTS, TEXTS)
@example("\n\u0301", "\\\u0144")
def test_two_texts_never_look_the_same(one: str, other: str) -> None:
    """Not even where Unicode takes them for one, or blanks are drawn as one or not at all."""

    def drawn(text: str) -> str:
        return " ".join(unicodedata.normalize("NFC", visible(text)).split())

    assert (drawn(one) == drawn(other)) == (one == other)


@given(TEXTS)
def test_what_is_shown_is_read_back(text: str) -> None:
    assert unseen(visible(text)) == text
    assert visible(text).isprintable()

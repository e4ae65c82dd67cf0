"""What was typed: every text makes a question, and what a page showed can be typed as shown."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from dashboard.draw.formatting import visible
from services.find.models import question_of
from services.tenancy.layout import text_of
from services.visible import unseen

SHA1 = "cae62b931e48cc7521d11be590d72ceb75ff94c8"

any_text = st.text(st.characters()) | st.binary().map(text_of)


@given(any_text, st.booleans())
@example("\\", False)
@example("\\Uffffffff", False)
def test_every_text_makes_a_question(typed: str, contains: bool) -> None:
    """Its first reading is the text as it is; nothing typed is no text at all."""
    question = question_of(typed, contains=contains)
    assert question.typed == typed
    assert question.contains is contains
    assert question.texts[:1] == ((typed,) if typed.strip() else ())
    assert "" not in question.texts


@given(any_text)
@example("\x80")
@example("\udc80")
@example("\\x80")
@example("\ud800")
def test_what_a_page_shows_can_be_typed(text: str) -> None:
    """`visible` can be taken back, whatever it made visible."""
    assert unseen(visible(text)) == text


@given(any_text, any_text)
@example("\x80", "\udc80")
@example("\xa0", "\udca0")
def test_two_texts_never_look_the_same(a: str, b: str) -> None:
    assert (visible(a) == visible(b)) == (a == b)


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("bob", ("bob",)),
        (" bob\n", (" bob\n", "bob")),
        (r"a\\b", (r"a\\b", r"a\b")),
        (r"a\b", (r"a\b",)),
        (r"\xff", (r"\xff", "\udcff")),
        (r"line\nbreak", (r"line\nbreak", "line\nbreak")),
        ("  ", ()),
        ("", ()),
    ],
)
def test_the_most_literal_reading_comes_first(typed: str, texts: tuple[str, ...]) -> None:
    assert question_of(typed).texts == texts


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (SHA1, (SHA1,)),
        (SHA1.upper(), (SHA1,)),
        (f" PTRN|{SHA1} ", (SHA1,)),
        (SHA1[:-1], ()),
        (SHA1 + "0", ()),
        (f"{SHA1}\n", (SHA1,)),
        (f"VCTR|{SHA1}", ()),
    ],
)
def test_a_pattern_name_is_40_hex_digits(typed: str, names: tuple[str, ...]) -> None:
    """Only such a text is worth a walk over ClickHouse's rows."""
    assert question_of(typed).pattern_names == names


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("bob", ()),
        (" bob ", ()),
        ("bob acme-corp", ("bob", "acme-corp")),
        ("the user bob of acme-corp", ("bob", "acme-corp")),
        ("bob  bob", ("bob",)),
        ("of the", ("of", "the")),
        (" ".join(map(str, range(9))), ()),
    ],
)
def test_several_words_are_looked_for_each(typed: str, words: tuple[str, ...]) -> None:
    """Without those that only join names; a sentence is a text like any other."""
    assert tuple(each.typed for each in question_of(typed).words) == words
    assert not any(each.words for each in question_of(typed).words)

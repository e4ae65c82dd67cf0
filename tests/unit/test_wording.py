"""One word for one thing: what people read has the words of the glossary, none of before."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from dashboard.app.glossary import TERMS
from services.access.viewer import Outcome
from services.isolation.models import Status
from services.tenancy.claims import CLAIM_WORDS
from tests.unit.wording import Text, code, said, written

BEFORE = (
    # evidence: seen, confirmed, guessed from the name, shared, unowned
    r"\binferred\b", r"\*known\*", r"\bknown only\b", r"\bonly known\b",
    r"\bmake[s]? .*\bknown\b", r"\bbecome[s]? known\b", r"\bHow it is known\b",
    r"\bknown tenants?\b", r"^Known\b", r"\bnobody's\b", r"\bbelongs? to nobody\b",
    r"\bno tenant owns\b", r"\bread out of the kb_id's text\b",
    # purge
    r"\bto go\?", r"\bwould go\b", r"\bnot told by the store\b", r"\bCannot be told apart by\b",
    r"\bis there, and stays\b", r"\bPassing either over\b", r"\bno way back\b",
    r"\bDROP PARTITION; {} parts\b", r"\bwhose is whose\b", r"\b[Aa]sked by\b",
    r"\bforget its caches\b", r"\bLook (again, with|once more,|anew)",
    # find
    r"\bWho has this\b", r"\bthat was looked at\b", r"\bLook anywhere\b",
    r"\bAnywhere in a name\b", r"\bSessions that name it\b", r"\bWhat was looked at\b",
    r"^looked at$", r"^Fit$",
    # isolation
    r"\bread and write one memory\b", r"\bThe glob\b", r"\bobservations of all tenants\b",
    r"\bConservation\b", r"\bdifference 0\b", r"\bWhat was checked\b", r"\bfound something\b",
    r"\bAccept as it is\b", r"\brules? (that )?(could be )?looked at\b",
    # figures, sessions, the log
    r"\bFigures from\b", r"\bHow fresh each\b", r"\bLast pass\b", r"^Took$", r"\bPut away\b",
    r"\blives? for this long\b", r"\bLives from now\b", r"\bOwn time to live\b",
    r"\bWhere it lands\b", r"\bA row without\b", r"\bNothing can be encrypted\b",
    r"\bwhoever reaches it is an admin\b", r"\bthe embedded stand-in\b",
    r"\bOnly what has not ended\b", r"^[Bb]egun$", r"^Whose$", r"\bAnchored up to\b",
    r"\b[Gg]uide's layout\b", r"\bAccumulators\b", r"\bEverything else in the record\b",
    r"\bLook into it\b", r"\bRead from the stores when\b", r"\bKato\b", r"\bhave no session\b",
)  # fmt: skip
"""What pages, commands and documents do not say any more; each stands for a better word."""


def found(pattern: str, texts: Iterable[Text]) -> list[str]:
    """Return where a word of before is said, with the text."""
    return [f"{text.place}: {text.words}" for text in texts if re.search(pattern, text.words)]


@pytest.fixture(scope="module")
def texts() -> tuple[Text, ...]:
    return (*said(code()), *written())


@pytest.mark.parametrize("pattern", BEFORE)
def test_words_of_before_are_not_said(pattern: str, texts: tuple[Text, ...]) -> None:
    """Neither by code nor in a document."""
    assert found(pattern, texts) == []


def test_evidence_has_the_words_of_the_glossary() -> None:
    """One each, and the glossary explains them in this order."""
    assert [*CLAIM_WORDS.values()] == [
        "seen", "confirmed", "guessed from the name", "shared", "unowned",
    ]  # fmt: skip
    assert [term for term in TERMS if term in CLAIM_WORDS.values()] == [*CLAIM_WORDS.values()]


def test_values_of_json_have_other_words_for_people() -> None:
    """The status of a finding, and how far an action is."""
    assert (Status.UNSEEN.value, Status.UNSEEN.word) == ("not looked at", "not checked")
    assert (Outcome.BEGUN.value, Outcome.BEGUN.word) == ("begun", "started")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('st.caption("It is inferred.")', ["It is inferred."]),
        ('def f():\n    """It is inferred."""', []),
        ('x = f"{1} is " f"inferred {y!r}"', ["{} is inferred {}"]),
        ('INFERRED = "inferred"', []),
        ('frame["Whose"]; st.header("Took")', ["Whose", "Took"]),
    ],
)
def test_what_code_says(source: str, words: list[str]) -> None:
    """Texts as they are put together; neither docstrings nor values that are no words of a page."""
    assert [text.words for text in said({"page.py": source})] == words

"""What somebody looks for: the texts that what was typed can stand for. Pure.

Total: every text makes a question, whatever is in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATTERN_NAME = re.compile(r"(?:PTRN\|)?([0-9a-f]{40})\Z", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt])|(\\)")
_LETTERS = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_HIGH_BYTES = range(0x80, 0x100)
_SURROGATE_ESCAPE = 0xDC00


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed, and the texts that it can stand for, the most literal first.

    `texts` is empty when nothing was typed. With `contains`, names that hold a text match too,
    in either case; without, only names that equal one.
    """

    typed: str
    texts: tuple[str, ...]
    contains: bool = False

    @property
    def pattern_names(self) -> tuple[str, ...]:
        """The pattern names (SHA-1 in hex, as KATO writes it) that it can stand for."""
        found = (_PATTERN_NAME.match(text) for text in self.texts)
        return tuple(dict.fromkeys(match[1].lower() for match in found if match))


def question_of(typed: str, *, contains: bool = False) -> Question:
    """Return what a typed text asks for.

    Space around it is ignored unless a name has it too, and what a page showed with escapes may
    be typed as it was shown: both the text as it is and the text that the escapes stand for count.
    """
    stripped = typed.strip()
    if not stripped:
        return Question(typed, (), contains)
    candidates = (typed, stripped, unescaped(typed), unescaped(stripped))
    texts = dict.fromkeys(text for text in candidates if text)
    return Question(typed, tuple(texts), contains)


def unescaped(text: str) -> str | None:
    r"""Return the text that is shown as this one, or None when none is.

    The pages show what cannot be printed as `\n`, `\x1b` or `\u202e`, a byte that is not UTF-8
    as `\xff`, and a backslash twice.
    """
    if "\\" not in text:
        return text
    try:
        return _ESCAPE.sub(_meant, text)
    except (ValueError, OverflowError):  # it escapes nothing, or nothing that there is
        return None


def _meant(escape: re.Match[str]) -> str:
    if escape[2]:
        raise ValueError("a backslash that escapes nothing")
    letter = _LETTERS.get(escape[1])
    if letter is not None:
        return letter
    code = int(escape[1][1:], 16)
    if escape[1][0] == "x" and code in _HIGH_BYTES:
        return chr(_SURROGATE_ESCAPE + code)
    return chr(code)

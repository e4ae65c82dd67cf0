"""Names and other texts of strangers, written so that every character can be seen. Pure.

The one way in which pages, commands and files show them: two different texts never look the same.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""What counts as printable and draws nothing: fillers, selectors of variants, empty Braille."""

_AS_IT_IS = re.compile(r"[!-\[\]-~]+(?: [!-\[\]-~]+)*\Z")  # printable ASCII, single blanks
_BLANKS = re.compile(r"\A +| +\Z| +(?= )")
_ESCAPED_BYTES = range(0xDC80, 0xDD00)  # what surrogateescape makes of bad UTF-8
_HIGH_CONTROLS = range(0x80, 0x100)
_HANGUL_PARTS = (range(0x1161, 0x1176), range(0x11A8, 0x11C3))
_LAST_COMPOSED = 0x20000


def visible(text: str) -> str:
    r"""Return a text in which every character can be seen, and from which it can be told.

    Backslashes are doubled; control characters, what draws nothing and bytes that are not UTF-8
    become escapes, and so do blanks at an end or beside another (`acme\x20`). Of two texts that
    Unicode draws the same, the one that is not composed has its marks escaped (`cafe\u0301`).
    Everything else that is printable stays.
    """
    if _AS_IT_IS.match(text):
        return text
    composed = unicodedata.is_normalized("NFC", text)
    shown = "".join(_seen(character, composed=composed) for character in text)
    return _BLANKS.sub(lambda found: r"\x20" * len(found[0]), shown)


def _seen(character: str, *, composed: bool) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable() and not HIDDEN.match(character):
        return character if composed or not _composes(character) else _escape(character)
    if ord(character) in _ESCAPED_BYTES:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return _escape(character)


def _escape(character: str) -> str:
    if ord(character) in _HIGH_CONTROLS:  # Python's own escape would look like that of a byte
        return f"\\u{ord(character):04x}"
    return character.encode("unicode_escape").decode("ascii")


def _composes(character: str) -> bool:
    """Whether it is a mark, or Unicode would write it, or it and the one before, as another."""
    if character.isascii():
        return False
    if unicodedata.combining(character) or not unicodedata.is_normalized("NFC", character):
        return True
    return character in _seconds() or any(ord(character) in part for part in _HANGUL_PARTS)


@cache
def _seconds() -> frozenset[str]:
    """Return the characters that compose with the one before; Hangul's, by a rule, are not here."""
    found = (unicodedata.decomposition(chr(code)).split() for code in range(_LAST_COMPOSED))
    return frozenset(
        chr(int(parts[1], 16))
        for parts in found
        if len(parts) == 2 and "<" not in parts[0]  # noqa: PLR2004
    )


_SHORT = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}


_ESCAPE = re.compile(r"\\(\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


def unseen(shown: str) -> str:
    """Return the text that `visible` shows so: what is copied from the screen finds its like.

    A backslash that begins no escape stands for itself.
    """
    return _ESCAPE.sub(_plain, shown)


def _plain(found: re.Match[str]) -> str:
    word = found[1]
    if word in _SHORT:
        return _SHORT[word]
    code = int(word[1:], 16)
    if word[0] == "x" and code > 127:  # noqa: PLR2004 - a byte that is not UTF-8
        code += 0xDC00
    return chr(code) if code <= sys.maxunicode else found[0]

r"""What a LIKE or a Redis glob would match among many names, without trying each. Pure.

LIKE as ClickHouse reads it: `%` is any text, `_` any one character, and `\` makes either mean
itself. Globs as Redis reads them, byte by byte: `*`, `?`, `[a-z]`, `[^a-z]`, and `\`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from services.tenancy.layout import bytes_of

_LIKE_SIGN = re.compile(r"\\[%_\\]|.", re.DOTALL)
_LIKE_SPECIAL = re.compile(r"[%\\]")
_CLASS = r"\[(\^?)((?:\\.|[^\]\\]-.|[^\]\\])*)\]?"
_GLOB_SIGN = re.compile(rf"\\.|{_CLASS}|.", re.DOTALL)
_CLASS_SIGN = re.compile(r"([^\\])-(.)|\\(.)|(.)", re.DOTALL)
_FEW = 16  # so many names are tried one by one sooner than they are divided
_GLOB_SPECIAL = re.compile(r"[*?\[\\]")


def like_of(pattern: str) -> re.Pattern[str]:
    """Return what matches the same texts, whole, as ClickHouse's LIKE with this pattern."""
    pieces = [""]
    for sign in _LIKE_SIGN.findall(pattern):
        if sign == "%":
            pieces.append("")
        else:
            pieces[-1] += "." if sign == "_" else re.escape(sign[-1])
    return re.compile(_in_turn(pieces), re.DOTALL)


def glob_of(pattern: str) -> re.Pattern[bytes]:
    """Return what matches the same names, whole, as Redis' MATCH with this pattern."""
    pieces = [""]
    for sign in _GLOB_SIGN.finditer(bytes_of(pattern).decode("latin-1")):
        if sign[0] == "*":
            pieces.append("")
        else:
            pieces[-1] += _glob_sign(sign)
    return re.compile(_in_turn(pieces).encode("latin-1"), re.DOTALL)


def _in_turn(pieces: list[str]) -> str:
    """Join expressions that stand in a text in this order, with anything between them.

    Each is looked for where it comes first and never again: an id full of wildcards costs no more
    than any other.
    """
    first, *others = pieces
    if not others:
        return first
    return first + "".join(f"(?>.*?{piece})" for piece in others[:-1]) + ".*" + others[-1]


def _glob_sign(sign: re.Match[str]) -> str:
    exclude, body = sign.groups()
    if body is None:
        return "." if sign[0] == "?" else re.escape(sign[0][-1])
    if not body:
        return "." if exclude else "(?!)"  # [^] is any byte to Redis, [] none
    return f"[{exclude}{''.join(_class(body))}]"


def _class(body: str) -> Iterator[str]:
    """Yield what a class of a glob allows: ranges in either order, and characters as they are."""
    for low, high, escaped, single in _CLASS_SIGN.findall(body):
        if low:
            yield f"{re.escape(min(low, high))}-{re.escape(max(low, high))}"
        else:
            yield re.escape(escaped or single)


def _begins(name: str, pattern: str) -> bool:
    """Whether a name begins with a pattern whose `_` are any character."""
    return len(name) >= len(pattern) and all(
        wanted in ("_", found) for wanted, found in zip(pattern, name, strict=False)
    )


class Names:
    """Many names, sorted once: finds those that a prefix, a LIKE or a glob would match.

    A LIKE is followed through the sorted names as through a tree: only where its pattern has a
    `_` does the search branch, once for each character that stands there, until few are left.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(set(names))

    def beginning(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with a text."""
        low, high = self._range(prefix, 0, len(self.names))
        yield from self.names[low:high]

    def like(self, beginning: str) -> Iterator[str]:
        """Yield the names that match `LIKE '{beginning}%'`."""
        special = _LIKE_SPECIAL.search(beginning)
        found = self._like(beginning[: special.start()] if special else beginning)
        if special:
            fits = like_of(beginning + "%").fullmatch
            found = (name for name in found if fits(name))
        yield from found

    def glob(self, beginning: str) -> Iterator[str]:
        """Yield the names that match the glob `{beginning}*`."""
        special = _GLOB_SPECIAL.search(beginning)
        if special is None:
            yield from self.beginning(beginning)
            return
        fits = glob_of(beginning + "*").fullmatch
        for name in self.beginning(beginning[: special.start()]):
            if fits(bytes_of(name)):
                yield name

    def _like(self, pattern: str) -> Iterator[str]:
        """Yield the names that begin with a pattern whose `_` are any character."""
        waiting = [("", 0, len(self.names))]
        while waiting:
            start, low, high = waiting.pop()
            literal, wild, _ = pattern[len(start) :].partition("_")
            low, high = self._range(start + literal, low, high)
            if not wild:
                yield from self.names[low:high]
            elif high - low > _FEW:
                waiting += self._branches(len(start) + len(literal), low, high)
            else:
                yield from (name for name in self.names[low:high] if _begins(name, pattern))

    def _branches(self, at: int, low: int, high: int) -> Iterator[tuple[str, int, int]]:
        """Divide names that are alike before a position by the character that they have there."""
        if low < high and len(self.names[low]) == at:
            low += 1  # the name that ends here; they are all different
        while low < high:
            start = self.names[low][: at + 1]
            end = self._end(start, low, high)
            yield start, low, end
            low = end

    def _range(self, prefix: str, low: int, high: int) -> tuple[int, int]:
        low = bisect_left(self.names, prefix, low, high)
        return low, self._end(prefix, low, high)

    def _end(self, prefix: str, low: int, high: int) -> int:
        """Return where the names end that begin with a prefix, from `low` on."""
        if low < high and self.names[high - 1].startswith(prefix):
            return high
        size = len(prefix)
        return bisect_right(self.names, prefix, low, high, key=lambda name: name[:size])

"""ClickHouse's SHOW GRANTS, read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.isolation.facts import Grant

_TOKEN = re.compile(
    r"""
    (?P<gap>\s*)
    (?: (?P<quoted> `(?:\\.|``|[^`\\])*` | "(?:\\.|""|[^"\\])*" | '(?:\\.|''|[^'\\])*' )
      | (?P<mark> [(),.*;] )
      | (?P<word> [^\s(),.*;`"']+ )
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)|``|\"\"|''", re.DOTALL)
_MEANS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "v": "\v"}
_NOT_PLAIN = re.compile(r"[\s(),.*;`\"'\\]|^$")
_STARTS = ("GRANT", "REVOKE")


class UnreadableGrant(ValueError):
    """A grant in words that ClickHouse was not seen to use."""


@dataclass(frozen=True, slots=True)
class _Token:
    """`kind` is `quoted`, `mark` or `word`; `text` of what is quoted is without its quotes."""

    kind: str
    text: str
    begins_line: bool

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text in words

    def is_mark(self, *marks: str) -> bool:
        return self.kind == "mark" and self.text in marks

    @property
    def name(self) -> str:
        """A name, quoted only where it could be taken for something else without."""
        if self.kind != "quoted" or not _NOT_PLAIN.search(self.text):
            return self.text
        return "`" + self.text.replace("\\", "\\\\").replace("`", "\\`") + "`"


def grants_in(lines: Iterable[str]) -> tuple[Grant, ...]:
    """Read what SHOW GRANTS answered, in rows or in one text of several lines.

    Roles come as rights on nothing, for which `on` is empty. A name is quoted with backquotes
    only where it has a sign that means something here: a dot, a star, a space or the like; a
    backslash is before a backquote or backslash in it. What was revoked again from a part of a
    grant is not taken off. Raises UnreadableGrant.
    """
    return tuple(
        grant
        for line in lines
        for statement in _statements(line)
        if statement[0].is_word("GRANT")
        for grant in _Reader(statement[1:]).grants()
    )


def _statements(text: str) -> Iterator[list[_Token]]:
    """Cut a text where a line begins with GRANT or REVOKE."""
    statement: list[_Token] = []
    for token in _tokens(text):
        if statement and token.begins_line and token.is_word(*_STARTS):
            yield statement
            statement = []
        statement.append(token)
    if statement and not statement[0].is_word(*_STARTS):
        raise UnreadableGrant("it is no grant")
    if statement:
        yield statement


def _tokens(text: str) -> Iterator[_Token]:
    at, text = 0, text.rstrip().removesuffix(";")
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise UnreadableGrant("a quote that does not end")
        kind, word = found.lastgroup, found[found.lastgroup]
        if kind == "quoted":
            word = _ESCAPE.sub(_unescaped, word[1:-1])
        yield _Token(kind, word, at == 0 or "\n" in found["gap"])
        at = found.end()


def _unescaped(found: re.Match[str]) -> str:
    sign: str | None = found[1]
    return found[0][0] if sign is None else _MEANS.get(sign, sign)


class _Reader:
    """Reads one statement after its first word: `SELECT, INSERT(a) ON db.* TO user`."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def grants(self) -> Iterator[Grant]:
        groups: list[tuple[tuple[str, ...], str]] = []
        rights: list[str] = []
        while True:
            rights.append(self._right())
            if self._take("word", "ON"):
                groups.append((tuple(rights), self._object()))
                rights = []
            if not self._take("mark", ","):
                break
        if rights:
            groups.append((tuple(rights), ""))
        may_grant = self._ending()
        return (Grant(rights, on, may_grant) for rights, on in groups)

    def _right(self) -> str:
        """Read a right with the columns that it is limited to, or a role."""
        words = [self._any().name]
        while (token := self._look()) and token.kind == "word" and not token.is_word("ON", "TO"):
            words.append(self._any().name)
        return " ".join(words) + self._parentheses()

    def _object(self) -> str:
        """Read what it is on: `*.*`, `db.*`, `db.table`, `db.prefix*`, or another thing's name."""
        text = self._part()
        while self._take("mark", "."):
            text += "." + self._part()
        return text + self._parentheses()

    def _part(self) -> str:
        token = self._any(star=True)
        star = token.kind != "mark" and self._take("mark", "*")
        return token.name + "*" if star else token.name

    def _parentheses(self) -> str:
        if not self._take("mark", "("):
            return ""
        names = [self._any().name]
        while self._take("mark", ","):
            names.append(self._any().name)
        if not self._take("mark", ")"):
            raise UnreadableGrant("a parenthesis that does not end")
        return f"({', '.join(names)})"

    def _ending(self) -> bool:
        """Read to whom, and return whether these may grant it to others."""
        if not self._take("word", "TO"):
            raise UnreadableGrant("it does not say to whom")
        self._any()
        while self._take("mark", ","):
            self._any()
        rest = [token.text for token in self._tokens[self._at :]]
        return "WITH" in rest and "OPTION" in rest and bool({"GRANT", "ADMIN"} & {*rest})

    def _look(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, kind: str, text: str) -> bool:
        token = self._look()
        there = token is not None and token.kind == kind and token.text == text
        self._at += there
        return there

    def _any(self, *, star: bool = False) -> _Token:
        """Return the next token, which is to be a name or a word."""
        token = self._look()
        if token is None or (token.kind == "mark" and not (star and token.text == "*")):
            raise UnreadableGrant("a name is missing")
        self._at += 1
        return token

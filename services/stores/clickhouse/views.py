"""Which tables are filled from others by views, and what they call their kb_id. Pure.

It is read out of the definitions as ClickHouse writes them itself: names are told from texts by
their quotes, so that a view cannot say one thing and be taken for another.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Ref = tuple[str, str]
"""A database and a table or view in it."""

_TOKEN = re.compile(
    r"""`(?:\\.|``|[^`\\])*` | "(?:\\.|""|[^"\\])*" | '(?:\\.|''|[^'\\])*' | \w+ | \S""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)|``|\"\"", re.DOTALL)
_MEANS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "v": "\v"}
_AFTER_TABLE = frozenset({
    "WHERE", "PREWHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "SETTINGS", "FINAL",
})  # fmt: skip
_SEVERAL = frozenset({"UNION", "INTERSECT", "EXCEPT", "JOIN", "WITH"})


@dataclass(frozen=True, slots=True)
class _Token:
    """`word` is what stands there without quotes; a name may be a word too."""

    text: str
    word: bool = False
    quoted_name: bool = False

    @property
    def is_name(self) -> bool:
        return self.word or self.quoted_name

    def says(self, *words: str) -> bool:
        return self.word and self.text.upper() in words


@dataclass(frozen=True, slots=True)
class View:
    """A view; `select` is its query and `create` its whole definition, `keeps` if materialized."""

    database: str
    name: str
    keeps: bool
    uuid: str
    select: str
    create: str

    @property
    def ref(self) -> Ref:
        """Where it is."""
        return self.database, self.name

    @property
    def target(self) -> tuple[Ref, ...]:
        """The tables that it may keep its rows in: the one it names, else its own inner one."""
        if not self.keeps:
            return ()
        named = _named_target(self)
        if named is not None:
            return (named,)
        names = f".inner_id.{self.uuid}", f".inner.{self.name}"
        return tuple((self.database, name) for name in names)

    def reads(self, source: Ref) -> bool:
        """Whether its query names a table, wherever in it."""
        tokens = _tokens(self.select)
        for at in range(len(tokens)):
            if _name_at(tokens, at, self.database)[0] == source and _is_place(tokens, at):
                return True
        return False

    def renamed(self, columns: Mapping[Ref, str]) -> str | None:
        """Return what it calls the one column of its source that `columns` has.

        None unless its query is plain enough to tell: one table, and the column by its name.
        """
        tokens = _tokens(self.select)
        if any(token.says(*_SEVERAL) for token in tokens):
            return None
        parts = _select_list(tokens)
        if parts is None:
            return None
        items, rest = parts
        source, after = _name_at(rest, 0, self.database)
        plain = after == len(rest) or rest[after].says(*_AFTER_TABLE)
        column = columns.get(source) if source and plain else None
        if column is None:
            return None
        called = [name for item in items if (name := _called(item, column))]
        return called[0] if len(called) == 1 else None


@dataclass(frozen=True, slots=True)
class Fed:
    """What views fill from some tables: each table with the views that fill it.

    `unseen` are views that read them and that this user is not shown.
    """

    tables: Mapping[Ref, tuple[View, ...]]
    unseen: tuple[Ref, ...] = ()


def fed_from(
    sources: Iterable[Ref], views: Sequence[View], depending: Mapping[Ref, Sequence[Ref]]
) -> Fed:
    """Follow every view that reads the sources, what it fills, and what reads that, to the end.

    `depending` has the views that ClickHouse itself runs on each insert into a table.
    """
    by_ref = {view.ref: view for view in views}
    filled: dict[Ref, list[View]] = defaultdict(list)
    due, seen, unseen = list(sources), set(sources), dict[Ref, None]()
    while due:
        source = due.pop()
        named = depending.get(source, ())
        unseen.update((ref, None) for ref in named if ref not in by_ref)
        for view in views:
            if view.ref != source and (view.ref in named or view.reads(source)):
                for target in view.target:
                    if view not in filled[target]:
                        filled[target].append(view)
                due += [ref for ref in (view.ref, *view.target) if ref not in seen]
                seen.update((view.ref, *view.target))
    return Fed({ref: tuple(found) for ref, found in filled.items()}, tuple(unseen))


def renamed_columns(fed: Fed, known: Mapping[Ref, str]) -> dict[Ref, str]:
    """Return the column of each filled table that is surely the `known` one of its source.

    All views that fill it have to say so. A view that is read stands for what it keeps.
    """
    columns, found = dict(known), dict[Ref, str]()
    for _ in range(len(fed.tables) + 1):  # as many rounds as a chain can be long
        for target, views in fed.tables.items():
            names = {view.renamed(columns) for view in views}
            name = names.pop() if len(names) == 1 else None
            if name is not None and target not in found:
                found[target] = name
                columns |= {target: name, **{view.ref: name for view in views}}
    return found


def _tokens(text: str) -> list[_Token]:
    return [_token(found[0]) for found in _TOKEN.finditer(text)]


def _token(text: str) -> _Token:
    if text[0] in '`"' and len(text) > 1:
        return _Token(_ESCAPE.sub(_unescaped, text[1:-1]), quoted_name=True)
    return _Token(text, word=text[0].isalnum() or text[0] == "_")


def _unescaped(found: re.Match[str]) -> str:
    sign: str | None = found[1]
    return found[0][0] if sign is None else _MEANS.get(sign, sign)


def _name_at(tokens: Sequence[_Token], at: int, database: str) -> tuple[Ref | None, int]:
    """Read `database.table`, or a table of this database, and where it ends."""
    if at >= len(tokens) or not tokens[at].is_name:
        return None, at
    if at + 2 < len(tokens) and tokens[at + 1].text == "." and tokens[at + 2].is_name:
        return (tokens[at].text, tokens[at + 2].text), at + 3
    return (database, tokens[at].text), at + 1


def _is_place(tokens: Sequence[_Token], at: int) -> bool:
    """Whether a name at this place may be a table's: one with a dot, or after FROM, JOIN or `,`."""
    dotted = at + 1 < len(tokens) and tokens[at + 1].text == "."
    before = tokens[at - 1] if at else None
    return dotted or (before is not None and (before.says("FROM", "JOIN") or before.text == ","))


def _named_target(view: View) -> Ref | None:
    tokens = _tokens(view.create)
    starts = [at for at, token in enumerate(tokens) if token.says("VIEW")]
    if not starts:
        return None
    _, at = _name_at(tokens, starts[0] + 1, view.database)
    while at < len(tokens) and not (tokens[at].says("AS", "ENGINE") or tokens[at].text == "("):
        if tokens[at].says("TO"):
            return _name_at(tokens, at + 1, view.database)[0]
        at += 1
    return None


def _select_list(tokens: list[_Token]) -> tuple[list[list[_Token]], list[_Token]] | None:
    """Split `SELECT a, b FROM rest` into its items and the rest."""
    if not tokens or not tokens[0].says("SELECT"):
        return None
    items, depth = [list[_Token]()], 0
    for at, token in enumerate(tokens[1:], start=1):
        if not depth and token.says("FROM"):
            return items, tokens[at + 1 :]
        depth += (not token.quoted_name and token.text in "([{") - (
            not token.quoted_name and token.text in ")]}"
        )
        if not depth and token.text == "," and not token.quoted_name:
            items.append([])
        else:
            items[-1].append(token)
    return None


def _called(item: Sequence[_Token], column: str) -> str | None:
    """Return what an item of a select list calls the column, None for any other item."""
    item = item[1:] if item and item[0].says("DISTINCT") else item
    if len(item) == 1 and item[0].is_name and item[0].text == column:
        return column
    named = len(item) == 3 and item[0].is_name and item[0].text == column  # noqa: PLR2004
    return item[2].text if named and item[1].says("AS") and item[2].is_name else None

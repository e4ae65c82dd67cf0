"""Files of CSV with one thing a line, each line read by itself. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Generic, TypeVar

from services.errors import KatoTenantsError
from services.spreadsheet import MARK, UTF_16, csv_lines
from services.tenancy.layout import bytes_of, text_of

T = TypeVar("T")

_TOO_MANY = "it has more cells than the first line: a text that has the separator in it is quoted"


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that cannot be taken, and why."""

    number: int
    why: str


@dataclass(frozen=True)
class Form(Generic[T]):
    """How a file of some kind is read.

    `lacks` says what its first line has to name and does not; empty where it names enough. `read`
    makes a thing of a line's cells by their columns, and raises `wrong` where it cannot. Of two
    things with one `key` the second is refused, for `twice`. `longest` is in bytes. A line with
    more cells than the first is refused: it has a separator in a text that is not quoted.
    """

    wrong: type[KatoTenantsError]
    longest: int
    lacks: Callable[[Collection[str]], str]
    read: Callable[[Mapping[str, str]], T]
    key: Callable[[T], Hashable]
    twice: str


def read_file(data: bytes, form: Form[T]) -> tuple[T | Refused, ...]:
    """Read a file line by line. Raises `form.wrong` for one that is none as a whole."""
    if len(data) > form.longest:
        raise form.wrong(f"the file is longer than {form.longest:,} bytes")
    if data.startswith(UTF_16):
        raise form.wrong("the file is in UTF-16: save it as UTF-8")
    try:
        rows = list(csv_lines(text_of(data).removeprefix(MARK)))
    except csv.Error:
        raise form.wrong("the file cannot be read as CSV") from None
    columns = [name.strip() for name in rows[0]] if rows else []
    lacks = form.lacks(columns)
    if lacks:
        raise form.wrong(f"its first line has to name {lacks}")
    found = _things(columns, rows[1:], form)
    return tuple(found)


def _things(columns: list[str], rows: list[list[str]], form: Form[T]) -> Iterator[T | Refused]:
    seen = set()
    for number, cells in enumerate(rows, start=2):
        if not any(cells):
            continue
        if any(cells[len(columns) :]):
            yield Refused(number, _TOO_MANY)
            continue
        try:
            thing = form.read(dict(zip_longest(columns, cells, fillvalue="")))
        except form.wrong as exc:
            yield Refused(number, str(exc))
            continue
        key = form.key(thing)
        yield Refused(number, form.twice) if key in seen else thing
        seen.add(key)


def written(columns: Iterable[str], lines: Iterable[Iterable[object]]) -> bytes:
    """Return lines as CSV in UTF-8, but for a name that is not: its bytes are as they are."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows((columns, *lines))
    return bytes_of(out.getvalue())

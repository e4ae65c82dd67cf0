"""Limits as people and files write them: scopes, quantities, amounts; lines of CSV. Pure.

What `csv_of` writes, `read` reads back the same, whatever a tenant is called.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest

from services.cards.errors import CardError
from services.cards.scope import Scope, scope_of as read_scope
from services.errors import LimitsError, NamingError
from services.history.models import BYTES
from services.limits.models import MOST, QUANTITIES, Kept, Rule, Standing, in_order
from services.spreadsheet import MARK, UTF_16, as_written, csv_lines, told_apart
from services.tenancy.layout import bytes_of, text_of
from services.usage.formats import stamp

FOR, MEASURE, LIMIT = "for", "measure", "limit"
COLUMNS = (FOR, MEASURE, LIMIT, "by", "at", "why")
"""What an export has; an import needs the first three."""

NO_LIMIT = "none"
LONGEST_FILE = 5_000_000
"""Bytes of a file that is imported."""

_AMOUNT = re.compile(r"([0-9]{1,19})(?:[.]([0-9]{1,6}))?\s?(|[kMGT]i?B|B|KB)")
_UNITS = {
    "": 1, "B": 1, **{f"{sign}B": 1000**n for n, sign in enumerate("kMGT", start=1)}, "KB": 1000,
    **{f"{sign}iB": 1024**n for n, sign in enumerate("kMGT", start=1)},
}  # fmt: skip


def scope_of(text: str) -> Scope:
    """Read whom a limit is for: `*`, `org/*`, `label:plan=gold` or `tenant/acme`.

    Raises LimitsError.
    """
    try:
        return read_scope(text)
    except NamingError as exc:
        raise LimitsError(f"{exc}; or * for every tenant, org/* for every one of a kind, "
                          "label:plan=gold for every one with a label") from None  # fmt: skip
    except CardError as exc:
        raise LimitsError(str(exc)) from None


def quantity_of(text: str) -> str:
    """Read what a limit is of. Raises LimitsError."""
    if text not in QUANTITIES:
        raise LimitsError("a limit is of patterns, keys, vectors or sessions, each also with "
                          "_bytes, or of keys: and a kind, as keys:prediction")  # fmt: skip
    return text


def most_of(text: str, quantity: str) -> int | None:
    """Read how much: a whole number, of bytes also as `5GB` (1000) or `5GiB` (1024); or `none`.

    Raises LimitsError.
    """
    bare = text.strip().replace(",", "").replace("_", "")
    if bare.lower() == NO_LIMIT:
        return None
    found = _AMOUNT.fullmatch(bare)
    is_size = quantity.endswith(BYTES)
    if found is None or (found[3] and not is_size):
        units = ", of bytes also as 5GB or 5GiB" if is_size else ""
        raise LimitsError(f"a limit is a whole number{units}, or none for no limit")
    most = Decimal(f"{found[1]}.{found[2] or 0}") * _UNITS[found[3]]
    if most != int(most) or most > MOST:
        raise LimitsError(f"a limit is a whole number up to {MOST:,}")
    return int(most)


def rule_of(scope: str, quantity: str, most: str) -> Rule:
    """Read a rule. Raises LimitsError."""
    return Rule(scope_of(scope), quantity_of(quantity), most_of(most, quantity))


def words_of(rule: Rule) -> str:
    """Say a rule in one line, as `set` takes it; the name in it is as it is, not made visible."""
    most = NO_LIMIT if rule.most is None else f"{rule.most:,}"
    return f"{rule.scope} {rule.quantity} {most}"


def state_words(standing: Standing) -> str:
    """Say where a tenant stands, and where that is held what it was or is now."""
    shown, state, now = standing.shown, standing.state, standing.now
    if shown is not state:
        return f"{shown.value} (was {state.value})"
    return state.value if state is now else f"{state.value} (now {now.value})"


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is no rule, and why."""

    number: int
    why: str


def csv_of(kept: Iterable[Kept]) -> bytes:
    """Return rules as CSV in UTF-8, but for a name that is not: its bytes are as they are."""
    lines = (
        (
            told_apart(str(each.rule.scope)), each.rule.quantity,
            NO_LIMIT if each.rule.most is None else each.rule.most,
            told_apart(each.by), stamp(each.at), told_apart(each.why),
        )
        for each in in_order(kept)
    )  # fmt: skip
    out = io.StringIO(newline="")
    csv.writer(out).writerows((COLUMNS, *lines))
    return bytes_of(out.getvalue())


def read(data: bytes) -> tuple[Rule | Refused, ...]:
    """Read a file of rules, each line by itself; of two of the same key the second is refused.

    Raises LimitsError for a file that is none as a whole.
    """
    if len(data) > LONGEST_FILE:
        raise LimitsError(f"the file is longer than {LONGEST_FILE:,} bytes")
    if data.startswith(UTF_16):
        raise LimitsError("the file is in UTF-16: save it as UTF-8")
    try:
        rows = list(csv_lines(text_of(data).removeprefix(MARK)))
    except csv.Error:
        raise LimitsError("the file cannot be read as CSV") from None
    columns = [name.strip() for name in rows[0]] if rows else []
    if not {FOR, MEASURE, LIMIT} <= set(columns):
        raise LimitsError("its first line has to name the columns for, measure and limit")
    return tuple(_once(_lines(columns, rows[1:])))


def _lines(columns: list[str], rows: list[list[str]]) -> Iterator[tuple[int, Rule | Refused]]:
    for number, cells in enumerate(rows, start=2):
        if not any(cells):
            continue
        line: Mapping[str, str] = dict(zip_longest(columns, cells, fillvalue=""))
        try:
            scope, quantity = as_written(line[FOR]), line[MEASURE].strip()
            yield number, rule_of(scope, quantity, as_written(line[LIMIT]))
        except LimitsError as exc:
            yield number, Refused(number, str(exc))


def _once(lines: Iterator[tuple[int, Rule | Refused]]) -> Iterator[Rule | Refused]:
    seen = set()
    for number, line in lines:
        if isinstance(line, Rule) and line.key in seen:
            yield Refused(number, "there is one for the same tenants and measure above")
            continue
        if isinstance(line, Rule):
            seen.add(line.key)
        yield line

"""Limits as people and files write them: scopes, quantities, amounts; lines of CSV. Pure.

What `csv_of` writes, `read` reads back the same, whatever a tenant is called.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from services.cards.csv_file import Form, Refused, read_file, written
from services.cards.models import CardError
from services.cards.scope import Scope, scope_of as read_scope
from services.errors import LimitsError, NamingError
from services.history.models import BYTES, PREDICTION_BYTES
from services.limits.models import MOST, QUANTITIES, Kept, Rule, Standing, in_order
from services.spreadsheet import as_written, told_apart
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
                          "_bytes, of keys: and a kind, as keys:prediction, or of "
                          f"{PREDICTION_BYTES}")  # fmt: skip
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
    return written(COLUMNS, lines)


def read(data: bytes) -> tuple[Rule | Refused, ...]:
    """Read a file of rules, each line by itself; of two of the same key the second is refused.

    Raises LimitsError for a file that is none as a whole.
    """
    return read_file(data, _FORM)


def _lacks(columns: Collection[str]) -> str:
    return "" if {FOR, MEASURE, LIMIT} <= set(columns) else "the columns for, measure and limit"


def _rule(line: Mapping[str, str]) -> Rule:
    return rule_of(as_written(line[FOR]), line[MEASURE].strip(), as_written(line[LIMIT]))


_FORM = Form(
    LimitsError, LONGEST_FILE, _lacks, _rule, lambda rule: rule.key,
    "there is one for the same tenants and measure above",
)  # fmt: skip

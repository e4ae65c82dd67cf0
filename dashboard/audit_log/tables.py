"""Entries of the audit log as table rows and words. Pure.

Names in them come from strangers: they are made visible here, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from dashboard.draw.formatting import few, plural, visible
from dashboard.draw.notices import Level
from services.access.viewer import Outcome
from services.audit_log.models import Entry, LogFilter, State, Verification

SHOWN = ("When", "Who", "Action", "Outcome", "Tenant", "Target", "Reason", "Role", "No.", "Request")
EXPORTED = (*SHOWN, "Digest", "Hash")
NO_END = "no end"
"""What an action shows as that began and has not ended, nor may ever."""

OUTCOMES = (*(outcome.word for outcome in Outcome), NO_END)

_ESCAPE = re.compile(r"\\(\\|n|r|t|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_SHORT = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_FIRST_BAD = 0x80
_LEVELS = {State.OK: Level.INFO, State.UNANCHORED: Level.INFO}


def frame_of(entries: Sequence[Entry], ends: Mapping[str, Outcome], *, all_tenants: bool = False) \
        -> pd.DataFrame:  # fmt: skip
    """Return one row an entry, in their order; `ends` is how those that began ended."""
    rows = [_row(entry, ends, all_tenants) for entry in entries]
    frame = pd.DataFrame(rows, columns=list(EXPORTED))
    frame["When"] = pd.to_datetime(frame["When"], utc=True)
    return frame


def _row(entry: Entry, ends: Mapping[str, Outcome], all_tenants: bool) -> dict[str, object]:
    event = entry.event
    tenants = list(map(visible, event.tenants))
    open_ = event.outcome is Outcome.BEGUN and event.request_id not in ends
    return {
        "No.": entry.number,
        "When": event.at if entry.intact else None,
        "Who": visible(event.who),
        "Role": visible(event.role),
        "Action": visible(event.action),
        "Outcome": [NO_END if open_ else event.outcome.word],
        "Tenant": ", ".join(tenants) if all_tenants else few(tenants),
        "Target": visible(event.target),
        "Reason": visible(event.reason),
        "Request": visible(event.request_id),
        "Digest": visible(event.digest),
        "Hash": visible(entry.hash),
    }


def filter_of(
    *, text: str = "", who: Iterable[str] = (), actions: Iterable[str] = (),
    outcomes: Iterable[str] = (), tenant: str = "", since: date | None = None,
    until: date | None = None, unended: bool = False, acts: bool = True,
) -> LogFilter:  # fmt: skip
    """Return what was asked for on the screen: names as `visible` writes them, days in UTC."""
    wanted = set(outcomes)
    return LogFilter(
        text=raw_of(text.strip()),
        who=tuple(map(raw_of, who)),
        actions=tuple(map(raw_of, actions)),
        outcomes=tuple(outcome for outcome in Outcome if outcome.word in wanted),
        tenant=raw_of(tenant.strip()),
        since=None if since is None else _begin(since),
        until=None if until is None else _begin(until + timedelta(days=1)),
        unended=unended,
        acts=acts,
    )


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def raw_of(shown: str) -> str:
    """Return the text that `visible` wrote so."""
    return _ESCAPE.sub(_unescaped, shown)


def _unescaped(found: re.Match[str]) -> str:
    escape = found[1]
    if escape in _SHORT:
        return _SHORT[escape]
    code = int(escape[1:], 16)
    if escape[0] == "x" and code >= _FIRST_BAD:  # a byte that is not UTF-8
        return chr(0xDC00 + code)
    return chr(code)


def level_of(result: Verification) -> Level:
    """Return how grave what verifying came to is."""
    if result.state is State.UNCHECKED:
        return Level.WARNING
    return _LEVELS.get(result.state, Level.ERROR)


def anchored_words(number: int | None, problems: Mapping[str, str]) -> str:
    """Say up to where this dashboard anchored the log."""
    if number is None:
        return "Not anchored yet by this dashboard."
    where = f", except at {plural(len(problems), 'place')}" if problems else ""
    return f"Anchored through entry {number:,}{where}."

"""Sessions as table rows: the list with its filters, and what is in one of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import pandas as pd

from dashboard.draw.formatting import holds, moment, plural, visible, words_of
from services.sessions.models import KATO_PREFIX, Outcome, Result, is_katos
from services.tenancy.claims import CLAIM_WORDS, UNOWNED
from services.tenancy.kb_ids import kb_id_of
from services.tenancy.layout import Owner, OwnerKind
from services.tenancy.ownership import Claim, Ownership
from services.usage.readings import SessionRecord

NO_SCHEME = "no naming scheme"
LIVE, EXPIRING, EXPIRED = "live", "expiring", "expired"
UNREADABLE, GUIDES = "unreadable", "guide layout"
STATES = {
    LIVE: "Live",
    EXPIRING: "Expiring within 5 minutes",
    UNREADABLE: "Unreadable",
    GUIDES: "Guide layout",
}
"""States to filter by, and how they are called."""

AGES = {
    "Any": (None, None),
    "Created in the last hour": (None, timedelta(hours=1)),
    "Created in the last day": (None, timedelta(days=1)),
    "Older than a day": (timedelta(days=1), None),
    "Older than a week": (timedelta(days=7), None),
}
SOON = 300.0
"""Seconds below which a session is expiring. KATO's own time to live is an hour."""

_LARGEST = 1e300
SHOWN = (
    "Session", "Tenant", "Node", "State", "Expires in", "Last access", "STM", "Memory", "Created",
    "Ownership",
)  # fmt: skip


def list_frame(sessions: Sequence[SessionRecord], ownership: Ownership) -> pd.DataFrame:
    """Return one row a session, its index the place in `sessions`, the last used first.

    `Expires in` is in seconds from when the sessions were read.
    """
    claims: dict[Owner, Claim] = {}
    for record in sessions:
        if record.owner not in claims:
            claims[record.owner] = ownership.owner(record.owner)
    rows = [
        _row(record, claims[record.owner])
        | {"scheme": _scheme(record.owner, ownership), "kb_id": _place(record.owner, ownership)}
        for record in sessions
    ]
    frame = pd.DataFrame(rows, columns=[*_row_names()])
    frame["STM"] = frame["STM"].astype("Int64")
    frame["Memory"] = frame["Memory"].astype("Int64")
    frame["Expires in"] = frame["Expires in"].astype("Float64")
    for name in ("Created", "Last access"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame.sort_values("Last access", ascending=False, na_position="last", kind="stable")


def _row_names() -> tuple[str, ...]:
    return (
        *(name for name in SHOWN if name != "State"),
        "kind",
        "scheme",
        "readable",
        "katos",
        "kb_id",
    )


def _scheme(owner: Owner, ownership: Ownership) -> str:
    """Return the template that reads a session's node_id."""
    reading = ownership.read_node(owner.name) if owner.kind is OwnerKind.NODE else None
    return reading.scheme.template if reading else NO_SCHEME


def _place(owner: Owner, ownership: Ownership) -> str:
    """Return the kb_id under which a session learns, or the name that stands for one."""
    match owner.kind:
        case OwnerKind.NODE:
            return visible(kb_id_of(owner.name, ownership.service))
        case OwnerKind.TENANT:
            return visible(f"tenant:{owner.name}")
        case _:
            return visible(owner.name)


def _row(record: SessionRecord, claim: Claim) -> dict[str, object]:
    tenant = claim.tenant
    return {
        "Session": visible(record.session_id),
        "Tenant": visible(str(tenant)) if tenant else UNOWNED,
        "Ownership": CLAIM_WORDS[claim.state],
        "Node": visible(record.owner.name) if is_katos(record) else "",
        "Created": record.created_at,
        "Last access": record.last_accessed,
        "Expires in": record.expires_in,
        "STM": record.stm_length,
        "Memory": record.bytes,
        "kind": tenant.kind if tenant else UNOWNED,
        "readable": record.readable,
        "katos": is_katos(record),
    }


def with_state(frame: pd.DataFrame, *, elapsed: float) -> pd.DataFrame:
    """Return the list as it is `elapsed` seconds after it was read, with each one's state."""
    now = frame.copy(deep=False)
    now["Expires in"] = (frame["Expires in"] - elapsed).clip(lower=0)
    state = pd.Series(LIVE, index=frame.index)
    state = state.mask((now["Expires in"] < SOON).fillna(False).astype(bool), EXPIRING)
    state = state.mask(~frame["katos"].astype(bool), GUIDES)
    state = state.mask(~frame["readable"].astype(bool), UNREADABLE)
    now["State"] = state.mask((now["Expires in"] <= 0).fillna(False).astype(bool), EXPIRED)
    return now


def in_state(frame: pd.DataFrame, states: Iterable[str]) -> pd.DataFrame:
    """Return the rows in any of these states; one can be in several."""
    soon = (frame["Expires in"] < SOON).fillna(False).astype(bool)
    masks = {
        LIVE: frame["State"] != EXPIRED,
        EXPIRING: soon & (frame["State"] != EXPIRED),
        UNREADABLE: ~frame["readable"].astype(bool),
        GUIDES: ~frame["katos"].astype(bool),
    }
    keep = pd.Series(False, index=frame.index)
    for state in states:
        keep |= masks[state]
    return frame[keep]


def of_age(frame: pd.DataFrame, age: str, now: pd.Timestamp) -> pd.DataFrame:
    """Return the rows of an age; one whose creation is not known has none."""
    least, most = AGES[age]
    if least is not None:
        frame = frame[frame["Created"] <= now - least]
    if most is not None:
        frame = frame[frame["Created"] >= now - most]
    return frame


def matching(frame: pd.DataFrame, text: str) -> pd.DataFrame:
    """Return the rows in whose session, node or tenant a text occurs."""
    hit = pd.Series(False, index=frame.index)
    for name in ("Session", "Node", "Tenant"):
        hit |= holds(frame[name], text)
    return frame[hit]


def link_of(record: SessionRecord) -> str:
    """Return the text by which a link names a session: KATO's id, or else the record's key."""
    plain = is_katos(record) and record.session_id.startswith("session-")
    return visible(record.session_id if plain else record.key)


def key_asked(asked: str, sessions: Iterable[SessionRecord]) -> str:
    """Return the key of the record that a link names; of one not listed, what it would be."""
    listed = {link_of(record): record.key for record in sessions}
    if asked in listed:
        return listed[asked]
    guides = asked.startswith("tenant:") and ":session:" in asked
    return asked if guides or asked.startswith(KATO_PREFIX) else KATO_PREFIX + asked


def events_frame(stm: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Return one row an event of the short-term memory, the oldest first."""
    rows = [
        {"Event": number, "Symbols": [visible(symbol) for symbol in event]}
        for number, event in enumerate(stm, start=1)
    ]
    return pd.DataFrame(rows, columns=["Event", "Symbols"])


def emotives_frame(emotives: Iterable[object]) -> pd.DataFrame:
    """Return one row an emotive with its values in their order, and their mean."""
    values: dict[str, list[float]] = {}
    for one in emotives:
        for name, value in one.items() if isinstance(one, Mapping) else ():
            if isinstance(value, int | float) and abs(value) < _LARGEST:
                values.setdefault(visible(str(name)), []).append(float(value))
    rows = [
        {"Emotive": name, "Mean": sum(found) / len(found), "Times": len(found), "Values": found}
        for name, found in values.items()
    ]
    return pd.DataFrame(rows, columns=["Emotive", "Mean", "Times", "Values"])


def pairs_frame(values: Mapping[str, object], *, name: str) -> pd.DataFrame:
    """Return one row a name with its value in words."""
    rows = [{name: visible(str(key)), "Value": words_of(value)} for key, value in values.items()]
    return pd.DataFrame(rows, columns=[name, "Value"])


RESULT_WORDS = {
    Result.DONE: "done",
    Result.BACK: "deleted, and there again",
    Result.GONE: "gone already",
    Result.FAILED: "failed",
    Result.NOT_TRIED: "not tried",
}


def accesses(records: Sequence[SessionRecord]) -> str:
    """Say when sessions were last accessed: a time, or from when to when; unknown said so."""
    known = sorted(record.last_accessed for record in records if record.last_accessed)
    if not known:
        return "unknown"
    words = dict.fromkeys(map(moment, (known[0], known[-1])))
    rest = len(records) - len(known)
    return " to ".join(words) + (f", of {plural(rest, 'session')} unknown" if rest else "")


def accesses_before(outcomes: Iterable[Outcome]) -> list[str]:
    """Return when each session was last accessed before something was done to it."""
    return [moment(outcome.record.last_accessed) for outcome in outcomes]


def outcomes_frame(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """Return one row a session with how it went."""
    rows = [
        {
            "Session": visible(outcome.record.session_id),
            "Result": RESULT_WORDS[outcome.result],
            "Why": visible(outcome.reason),
        }
        for outcome in outcomes
    ]
    return pd.DataFrame(rows, columns=["Session", "Result", "Why"])

"""Findings of the isolation audit as table rows and words. Pure.

What a finding says of itself holds names from the stores: it is made visible here, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from dashboard.app import state_keys
from dashboard.draw.formatting import few, holds, plural, short, visible
from dashboard.draw.notices import Level, Notice
from services.isolation.models import NEW_FOR, Finding, Record, Report, Rule, Status
from services.isolation.severity import Severity
from services.tenancy.claims import UNOWNED
from services.tenancy.kb_ids import TenantKey

STANDING = (Status.NEW, Status.OPEN, Status.UNSEEN)
"""What asks for something, and is shown unless other is asked for."""

SHOWN = ("Severity", "Finding", "Status", "Tenant", "First seen", "Last seen", "Rule")
EXPORTED = (
    "Id", "Code", *SHOWN, "kb_ids", "Resolved", "Accepted by", "Why", "Accepted", "Until",
    "What to do",
)  # fmt: skip
FLEET = "the whole fleet"
NOTICED = 5
"""Most findings that are said one by one where only what concerns somebody is said."""

NOTICE_LENGTH = 220
"""Most characters of one: KATO bounds no name. Two of a usual length fit."""

_GRAVE = (Severity.CRITICAL, Severity.HIGH)
_TIMES = ("First seen", "Last seen", "Resolved", "Accepted", "Until")
_HIDDEN = ("area", "text", "tenants", "rank", "accepted", "looked")
_LEVEL = {Severity.CRITICAL: Level.ERROR, Severity.HIGH: Level.WARNING}


@dataclass(frozen=True, slots=True)
class Listing:
    """Every finding of a report: one row each, the gravest first, and its record by its id."""

    frame: pd.DataFrame
    records: Mapping[str, Record]


def listing(report: Report, rules: Mapping[str, Rule]) -> Listing:
    """Make the rows of a report; `Status` is put to them by `with_status`."""
    records = {record.finding.id: record for record in report.records}
    rows = [_row(id_, record, rules) for id_, record in records.items()]
    columns = [name for name in (*EXPORTED, *_HIDDEN) if name != "Status"]
    frame = pd.DataFrame(rows, columns=columns)
    for name in _TIMES:
        frame[name] = pd.to_datetime(frame[name], utc=True)
    order = ["rank", "First seen", "Code", "Id"]
    return Listing(frame.sort_values(order, ascending=[True, False, True, True]), records)


def _row(id_: str, record: Record, rules: Mapping[str, Rule]) -> dict[str, object]:
    finding, accepted = record.finding, record.acceptance
    tenants = [visible(str(tenant)) for tenant in finding.tenants]
    kb_ids, what = list(map(visible, finding.kb_ids)), visible(finding.what)
    return {
        "Id": id_,
        "Code": visible(finding.code),
        "Severity": finding.severity.value,
        "Finding": what,
        "Tenant": few(tenants) or (UNOWNED if kb_ids else FLEET),
        "Rule": title_of(finding.code, rules),
        "First seen": record.first_seen,
        "Last seen": record.last_seen,
        "kb_ids": kb_ids,
        "Resolved": record.resolved_at,
        "Accepted by": visible(accepted.by) if accepted else "",
        "Why": visible(accepted.why) if accepted else "",
        "Accepted": accepted.at if accepted else None,
        "Until": accepted.until if accepted else None,
        "What to do": visible(remedy_of(finding, rules)),
        "area": area_of(finding.code),
        "text": "\n".join((what, visible(finding.subject), *tenants, *kb_ids)),
        "tenants": tenants,
        "rank": finding.severity.rank,
        "accepted": accepted is not None,
        "looked": record.looked,
    }


def title_of(code: str, rules: Mapping[str, Rule]) -> str:
    """Return how a rule is called; its code, where this version has it no more."""
    return rules[code].title if code in rules else visible(code)


def remedy_of(finding: Finding, rules: Mapping[str, Rule]) -> str:
    """Return what to do: the finding's own words, or else its rule's."""
    rule = rules.get(finding.code)
    return finding.remedy or (rule.remedy if rule else "")


def with_status(frame: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Return the rows with where each finding is at a time, as `Record.status` says it."""
    at, shown = pd.Timestamp(now), frame.copy(deep=False)
    held = frame["accepted"].astype(bool) & (frame["Until"].isna() | (frame["Until"] > at))
    status = pd.Series(Status.OPEN.word, index=frame.index, dtype="object")
    status = status.mask(at - frame["First seen"] < pd.Timedelta(NEW_FOR), Status.NEW.word)
    status = status.mask(~frame["looked"].astype(bool), Status.UNSEEN.word)
    status = status.mask(held, Status.ACCEPTED.word)
    shown["Status"] = status.mask(frame["Resolved"].notna(), Status.RESOLVED.word)
    return shown


def matching(
    frame: pd.DataFrame, *, text: str = "", tenant: str | None = None,
    severities: Iterable[str] = (), areas: Iterable[str] = (), statuses: Iterable[str] = (),
) -> pd.DataFrame:  # fmt: skip
    """Return the rows that pass every filter; one that is empty lets all pass.

    `tenant` is a tenant as `visible` writes it.
    """
    wanted = {"Severity": set(severities), "area": set(areas), "Status": set(statuses)}
    for column, values in wanted.items():
        if values:
            frame = frame[frame[column].isin(values)]
    if tenant is not None:
        concerned = [tenant in names for names in frame["tenants"]]
        frame = frame[pd.Series(concerned, index=frame.index, dtype=bool)]  # where none is left too
    return frame[holds(frame["text"], text)] if text else frame


def counts(frame: pd.DataFrame) -> dict[Severity, int]:
    """Count the findings that stand, by severity."""
    standing = frame[frame["Status"].isin([status.word for status in STANDING])]
    found = standing["Severity"].value_counts()
    return {severity: int(found.get(severity.value, 0)) for severity in Severity}


def tenants_of(frame: pd.DataFrame) -> set[str]:
    """Return every tenant that a finding is about."""
    return {name for names in frame["tenants"] for name in names}


def attention(report: Report, now: datetime) -> tuple[Notice, ...]:
    """Return the gravest findings that stand, one by one, and how many more there are."""
    grave = [r for r in report.standing(now) if r.finding.severity in _GRAVE]
    query = {state_keys.ISOLATION_SEVERITY: tuple(severity.value for severity in _GRAVE)}
    return _notices(report, grave, "critical or high", query)


def concerning(
    report: Report, tenant: TenantKey, kb_ids: Iterable[str], now: datetime
) -> tuple[Notice, ...]:
    """Return the findings that stand and are about a tenant or one of its kb_ids."""
    own = set(kb_ids)
    mine = [
        record
        for record in report.standing(now)
        if tenant in record.finding.tenants or not own.isdisjoint(record.finding.kb_ids)
    ]
    query = {state_keys.ISOLATION_TENANT: (visible(str(tenant)),)}
    return _notices(report, mine, "about this tenant", query)


def _notices(
    report: Report, records: Iterable[Record], what: str, query: Mapping[str, Sequence[str]]
) -> tuple[Notice, ...]:
    """Return the gravest one by one, in the order of the rules where several are as grave."""
    places = {rule.code: place for place, rule in enumerate(report.rules)}
    graver = _once(sorted(records, key=lambda record: (
        record.finding.severity.rank, places.get(record.finding.code, len(places)),
    )))  # fmt: skip
    found = [
        Notice(
            _LEVEL.get(record.finding.severity, Level.INFO),
            short(record.finding.what, NOTICE_LENGTH),
            "isolation",
            {state_keys.FINDING: record.finding.id},
        )
        for record in graver[:NOTICED]
    ]
    more = len(graver) - NOTICED
    if more > 0:
        level, verb = found[-1].level, "is" if more == 1 else "are"
        text = f"{plural(more, 'more finding')} {verb} {what}."
        found.append(Notice(level, text, "isolation", query))
    return tuple(found)


def _once(records: Iterable[Record]) -> list[Record]:
    """Leave out what is about the kb_ids of a graver one of its area, which has a page of them."""
    said: dict[str, set[str]] = {}
    found = []
    for record in records:
        before = said.setdefault(area_of(record.finding.code), set())
        if not record.finding.kb_ids or not before.issuperset(record.finding.kb_ids):
            found.append(record)
        before.update(record.finding.kb_ids)
    return found


def told(report: Report) -> dict[str, set[str]]:
    """Return the kb_ids that findings are about, accepted or not, by the area of their rules."""
    found: dict[str, set[str]] = {}
    for record in report.records:
        if record.resolved_at is None:
            found.setdefault(area_of(record.finding.code), set()).update(record.finding.kb_ids)
    return found


def area_of(code: str) -> str:
    """Return the part of a rule's code before the dot, as `Rule.area`."""
    return code.partition(".")[0]

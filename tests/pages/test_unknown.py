"""Every page in every mixture of unknown stores: no sentence of absence, and no figure, is made up.

The snapshots are values. Figures of each measure begin with digits of their own,
which no sum of others begins with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from numbers import Real

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import navigation
from dashboard.draw.measures import COLUMNS, WORDS
from services.bootstrap import Services
from services.errors import Fault, Problem
from services.figures import Amount, Measure, StoreState, Usage
from services.usage.readings import CollectionUsage
from services.usage.refresh import CollectorState
from services.usage.snapshot import KbUsage, Snapshot, StoreFigures
from services.usage.vector_cluster import (
    ACTIVE,
    Peer,
    Placement,
    Replica,
    Shard,
    Transfer,
    VectorCluster,
)
from tests.pages.conftest import Open, SignIn, words

PATTERNS, KEYS, VECTORS, SESSIONS = Measure
STORES = {"clickhouse": (PATTERNS,), "redis": (KEYS, SESSIONS), "qdrant": (VECTORS,)}
DIGITS = {PATTERNS: "113", KEYS: "227", VECTORS: "349", SESSIONS: "461"}
LAST = "888"
NOW = datetime.now(UTC)

SAYINGS: dict[str, tuple[Measure, ...]] = {
    r"There is no tenant yet": tuple(Measure),
    r"No tenant matches": tuple(Measure),
    r"No tenant in your scope has anything": tuple(Measure),
    r"No two tenants are known to share": tuple(Measure),
    r"No kb_id is known to be shared": tuple(Measure),
    r"Nothing in the stores belongs to": tuple(Measure),
    r"None of its own": tuple(Measure),
    r"No live session": (SESSIONS,),
    r"There is no session\.": (SESSIONS,),
    r"No session matches": (SESSIONS,),
    r"0 of [\d,]+ sessions?": (SESSIONS,),
    r"No keys": (KEYS,),
    r"No vectors": (VECTORS,),
    r"^None\.$": tuple(Measure),
    r"Nobody else has any": tuple(Measure),
    r"No node_id was seen: whose it is|nothing says whose it is": (),
    r"no node_id was seen|no node_id on it was seen|not give it": (),
    r"nothing stored (says|tells)|no other|belongs to nobody|or is nobody's|nobody's \*\*": (),
    r"Nothing is erased before|None yet\. A purge begins|nothing is changed|changes nothing": (),
    r"Nothing was logged yet|Nothing waits|nothing of them tells": (),
    r"no default": (),
    r"It has no limit\.|No limit is set\.|No prices are set": (),  # the records and a file say so
    r"No proven archive of it is known": (),  # the records say so
    r"Billed to nobody": (),  # by what was known over a month
    r"no limit is set|could not be asked: it may be there|connections? got no answer": (),
    r"Nothing that concerns it": tuple(Measure),
    r"nothing can be summed|no keys are|nothing from it": (),
}
"""What pages say of what is not there, and the figures that it takes; none where it needs none."""

ABSENT = re.compile(r"\b([Nn]o|[Nn]one|[Nn]othing|[Nn]obody(?!'s)|0 of|0 tenants)\b")


def big(measure: Measure, amount: Amount | None, digits: str = "") -> Amount | None:
    """The same amount, to be known again wherever it stands."""
    if amount is None:
        return None
    first = digits or DIGITS[measure]
    size = None if amount.bytes is None else int(f"{first}{amount.bytes:012}")
    return Amount(int(f"{first}{amount.count:06}"), size)


def masked(whole: Snapshot, dead: frozenset[Measure], *, kato: bool) -> Snapshot:
    """The snapshot as it is where these measures were asked for and not answered."""

    def used(usage: Usage) -> Usage:
        found = {m.value: None if m in dead else big(m, usage.of(m)) for m in Measure}
        return Usage(**found, keys_by_kind=None if KEYS in dead else usage.keys_by_kind)

    def part(one: KbUsage) -> KbUsage:
        first, last = (None, None) if PATTERNS in dead else (one.first_write, one.last_write)
        return replace(one, usage=used(one.usage), first_write=first, last_write=last)

    every = dead == frozenset(Measure)
    reason = Problem(store="some store", fault=Fault.UNAVAILABLE, operation="looking")
    return replace(
        whole, collected_at=NOW + timedelta(seconds=len(dead) + (100 if kato else 0)),
        stores={m: _figures(m, f, reason if m in dead else None) for m, f in whole.stores.items()},
        tenants=() if every else tuple(
            replace(t, usage=used(t.usage), parts=tuple(map(part, t.parts))) for t in whole.tenants
        ),
        shared=() if every else tuple(map(part, whole.shared)),
        unattributed=replace(whole.unattributed, usage=used(whole.unattributed.usage)),
        sessions=None if SESSIONS in dead else whole.sessions,
        tables=() if PATTERNS in dead else whole.tables,
        collections=() if VECTORS in dead else whole.collections,
        keys=None if KEYS in dead else whole.keys,
        kato_problem=reason if kato else None, kato_failing_since=NOW if kato else None,
    )  # fmt: skip


def _figures(measure: Measure, figures: StoreFigures, reason: Problem | None) -> StoreFigures:
    if reason is None:
        return replace(figures, total=big(measure, figures.total), difference=Amount())
    return StoreFigures(
        measure, StoreState.UNKNOWN, None, reason, NOW - timedelta(minutes=3),
        last_good=big(measure, figures.total, LAST), failing_since=NOW - timedelta(minutes=2),
    )  # fmt: skip


def mixtures() -> Iterator[tuple[frozenset[Measure], bool]]:
    """Every set of stores that do not answer; KATO, which has no figures, with each second one."""
    for number, stores in enumerate(product((False, True), repeat=len(STORES))):
        chosen = [STORES[name] for name, dead in zip(STORES, stores, strict=True) if dead]
        yield frozenset(m for measures in chosen for m in measures), number % 2 == 0


def cells(frame: pd.DataFrame) -> Iterator[str]:
    """Each cell of a table, by the name of its column; figures are counts, so whole numbers."""
    for name in frame:
        for cell in frame[name]:
            is_number = isinstance(cell, Real) and math.isfinite(cell)
            yield f"{name}: {int(cell) if is_number else cell}"


def tells(digits: str, text: str) -> bool:
    """Whether a text has a figure that begins with digits of its own.

    As its count or its bytes in full, with or without commas, or as a size with its unit. A time
    that was taken (461.3 ms), a fraction and an id may begin with the same digits.
    """
    figure = rf"(?<![\w.,]){digits}"
    whole = r"((,\d{3}){2}|(,\d{3}){4}|\d{6}|\d{12})(?![\w.,]*\w)"
    return re.search(rf"{figure}({whole}|(\.\d+)? ?[KMGTP]i?B\b)", text) is not None


def lies(app: AppTest, dead: frozenset[Measure]) -> Iterator[str]:
    """What a page says that the snapshot does not have."""
    lines = words(app).splitlines()
    frames = [element.value for element in app.dataframe]
    listed = [shown for frame in frames for shown in cells(frame)]
    told = [*lines, *listed]
    for measure in dead:
        yield from (f"{measure}: {text[:300]}" for text in told if tells(DIGITS[measure], text))
        title = WORDS[measure].title
        yield from (f"{m.label} {m.value}" for m in app.metric
                    if m.label == title and m.value != "unknown")  # fmt: skip
        yield from (
            f"column {name}: {list(frame[name])}" for frame in frames
            for name, column in COLUMNS.items()
            if column.measure is measure and name in frame and "Tenant" in frame
            and frame[name].notna().any()
        )  # fmt: skip
    last = [m for m in app.metric if tells(LAST, f"{m.delta}")]
    titles = {WORDS[measure].title for measure in dead}
    yield from (f"{m.label}: {m.delta}" for m in last if m.label not in titles)
    yield from (line for line in lines if tells(LAST, line) and not line.startswith(tuple(titles)))
    yield from (shown for shown in listed if tells(LAST, shown))
    for line in filter(ABSENT.search, lines):
        found = [needs for saying, needs in SAYINGS.items() if re.search(saying, line)]
        if not found:
            yield f"say what this takes: {line}"
        yield from (f"absent: {line}" for needs in found if dead & set(needs))


def wordless(app: AppTest) -> Iterator[str]:
    """Tables in which a number that is missing is drawn as a word, which is cut."""
    for element in app.dataframe:
        numbers = element.value.select_dtypes("number")
        if numbers.isna().to_numpy().any() and element.proto.placeholder not in ("–", "none"):
            yield f"{list(element.value.columns)}: {element.proto.placeholder}"


QUERIES = {
    "tenant": [
        *({"tenant": "tenant/acme-corp", "tab": tab} for tab in ("", "Sessions", "Usage")),
        {"tenant": "tenant/stranger"},
        {},
    ],
    "find": [{"find": "nothing-has-this-name"}, {"find": "bob"}],
}
SHOWN = ("overview", "tenants", "tenant", "sessions", "new_session", "find", "purge", "system",
         "isolation", "usage", "limits", "bill")  # fmt: skip


@pytest.fixture
def whole(reading_services: Services, monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """The figures of a deployment, all of them known; no refresh replaces what a test puts."""
    found = reading_services.collector.state.snapshot
    assert found is not None
    monkeypatch.setattr(reading_services.collector, "_set", lambda *_, **__: None)
    monkeypatch.setattr(reading_services.collector, "state", CollectorState(found))
    return found


def test_no_page_makes_up_a_figure_or_an_absence(
    whole: Snapshot, reading_services: Services, open_page: Open
) -> None:
    wrong = []
    for dead, kato in mixtures():
        reading_services.collector.state = CollectorState(masked(whole, dead, kato=kato))
        for name in SHOWN:
            for query in QUERIES.get(name, [{}]):
                app = open_page(name, **query)
                said = [*lies(app, dead), *wordless(app)]
                wrong += [f"{name} {query} without {sorted(dead)}: {text}" for text in said]
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def test_no_page_makes_up_an_absence_for_who_sees_a_part(
    whole: Snapshot, reading_services: Services, open_page: Open, sign_in: SignIn
) -> None:
    sign_in("admin", "tenant/stranger")
    every = frozenset(Measure)
    reading_services.collector.state = CollectorState(masked(whole, every, kato=True))
    wrong = [f"{n}: {t}" for n in ("overview", "tenants") for t in lies(open_page(n), every)]
    assert not wrong


def test_peers_of_qdrant_are_told_with_what_is_not_whole(
    reading_services: Services, open_page: Open, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who did not answer is unknown; of others than one's own tenants nothing is told."""
    whole = reading_services.collector.state.snapshot
    assert whole is not None
    monkeypatch.setattr(reading_services.collector, "state", CollectorState(clustered(whole)))
    page = open_page("system")
    peers, unsettled, tiers = (
        next(each.value for each in page.dataframe if column in each.value)
        for column in ("Pending operations", "Shard", "To do")
    )
    assert list(peers["State"]) == ["ok", "unknown: it did not answer"]
    assert list(peers["Replicas"]) == [1, 2]
    dead, moves = unsettled.itertuples(index=False, name=None)
    assert dead[2:] == ("Dead", "http://q-1:6335/")
    assert "on its way" in moves[2]
    tiers = tiers.set_index("Tenant")
    assert tiers.loc["big", "On"] == "its own"
    assert tiers.loc["moved", "To do"].startswith("delete its points from the shared shards")
    sign_in("support", "tenant/acme")
    told = words(open_page("system"))
    assert "Collections in Qdrant" in told
    assert not re.search("Peers of Qdrant|Tenants on shards", told)


def clustered(whole: Snapshot) -> Snapshot:
    """The same fleet on a Qdrant of two peers, one of which is down."""
    shards = (
        Shard(0, "default", (Replica(1, ACTIVE, 9), Replica(2, "Dead"))),
        Shard(1, "big", (Replica(2, ACTIVE, 4),)),
    )
    peers = (
        Peer(1, "http://q-0:6335/", role="Leader"),
        Peer(2, "http://q-1:6335/", "it did not answer"),
    )
    placement = Placement("kato_vectors", shards, (Transfer(0, 1, 2),))
    shared = CollectionUsage(
        "kato_vectors", Amount(14, None), "green", points_by_tenant={"a": 8, "moved": 2, "big": 4},
        points_by_shard={"default": {"a": 8, "moved": 2}, "big": {"big": 4}, "moved": {"moved": 2}},
    )  # fmt: skip
    cluster = VectorCluster(peers, (placement,), {1: 1, 2: 2})
    return replace(whole, vector_cluster=cluster, collections=(shared,))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("461,000,028", True), ("Sessions: 461000028", True), ("**461,000,028** sessions.", True),
        ("461,000,000,000,075 bytes", True), ("461TB", True), ("461.2TB in use", True),
        ("Latency: 461.3", False), ("19.2 to 461.1 ms, 4 answers", False), ("461 ms", False),
        ("84.461123456", False), ("t461123456ab", False), ("461123456ab", False),
        ("0,461,000,028", False), ("922,000,056", False), ("46,100,002", False),
    ],
)  # fmt: skip
def test_a_figure_is_told_from_a_time_and_an_id(text: str, found: bool) -> None:
    """Which are others in every run."""
    assert tells(DIGITS[SESSIONS], text) is found


def test_figures_in_a_table_are_seen_and_fractions_are_not() -> None:
    """Whatever type pandas keeps them as; the row's number is none of them."""
    frame = pd.DataFrame({
        "Count": [461000028, 1], "Half known": [461000028.0, None], "Latency": [84.461123456, 461.3]
    })  # fmt: skip
    assert [text for text in cells(frame) if tells("461", text)] == [
        "Count: 461000028", "Half known: 461000028",
    ]  # fmt: skip


def test_every_page_is_walked() -> None:
    """A new page says here whether it shows figures."""
    without = {"approvals", "audit_log", "alerts", "setup", "imports", "archive", "retention",
               "backups"}  # fmt: skip
    assert {page.name for page in navigation.PAGES} == {*SHOWN, *without}

"""The audit log in SQLite and PostgreSQL: one chain, append-only, and tampering is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from services.access.viewer import Action, Outcome, Role, TenantPattern, Viewer
from services.audit_log.anchor import Anchorer, AnchorState
from services.audit_log.chain import LogKeys
from services.audit_log.models import Entry, LogFilter, State
from services.audit_log.service import Logbook
from services.audit_log.texts import anchor_line
from services.errors import LogError, StoreMisconfigured, StoreUnavailable
from services.stores.records.audit_log import LogStore
from services.tenancy.kb_ids import TenantKey
from tests.servers.records import Records, killed_after_its_line, lines_of

KEY = "k" * 32
ANN = Viewer("ann@example.org", Role.ADMIN, token="hunter2")
BOB = Viewer("bob", Role.SUPPORT)
ACME, CORP, BIG = (
    TenantKey("tenant", "acme"),
    TenantKey("tenant", "acme-corp"),
    TenantKey("org", "b"),
)
HOSTILE = TenantKey("tenant", "O'B\udc80\0\"%_\n; DROP TABLE audit_log")


def logbook(records: Records, *keys: str) -> Logbook:
    """The log as one more process would open it."""
    store = LogStore(records.engine(), LogKeys(keys))
    return Logbook(store, Anchorer(store, [], interval=timedelta(minutes=10)))


@pytest.fixture
def log(records: Records) -> Logbook:
    return logbook(records)


def anchors(log: Logbook) -> str:
    """What was anchored outside up to now."""
    log.anchoring.anchor()
    last = log.anchoring.state.last
    assert last is not None
    return anchor_line(last)


def numbers(entries: Sequence[Entry]) -> list[int]:
    return [entry.number for entry in entries]


def fill(log: Logbook, count: int, viewer: Viewer = ANN) -> None:
    for number in range(count):
        log.note(viewer, Action.LOOK, tenants=[TenantKey("tenant", f"t{number}")])


def test_an_action_is_one_row_where_acts_are_asked_for(log: Logbook) -> None:
    """What ended by its end, what has not by its beginning; other filters go on."""
    ended = log.begin(ANN, Action.RUN_PURGE, tenants=[ACME], reason="R-1")
    log.end(ended)
    log.begin(BOB, Action.RUN_PURGE, tenants=[CORP])
    log.note(ANN, Action.LOOK, tenants=[ACME])
    for wanted, expected in (
        (LogFilter(), [4, 3, 2, 1]),
        (LogFilter(acts=True), [4, 3, 2]),
        (LogFilter(acts=True, tenant="tenant/acme"), [4, 2]),
        (LogFilter(acts=True, text="R-1"), [2]),
        (LogFilter(acts=True, unended=True), [3]),
        (LogFilter(acts=True, outcomes=(Outcome.BEGUN,)), [3]),
    ):
        assert numbers(log.page(wanted)) == expected, wanted


def test_an_action_is_noted_before_and_after(log: Logbook) -> None:
    """With the same request id, and the digest of what was done."""
    request = log.begin(
        ANN, Action.RUN_PURGE, tenants=[CORP, ACME], target="tenant/acme", digest="d"
    )
    (begun,) = log.page()
    log.end(request, Outcome.FAILED, reason="redis did not answer", digest="e")
    log.end(request)  # once, however often it is said
    end, again = log.page()
    assert again == begun
    assert (begun.number, begun.event.outcome, begun.event.digest) == (1, Outcome.BEGUN, "d")
    event = end.event
    assert (event.who, event.role, event.action) == (ANN.id, "admin", "run a purge")
    assert event.tenants == ("tenant/acme", "tenant/acme-corp")
    assert (event.outcome, event.reason, event.digest) == (
        Outcome.FAILED, "redis did not answer", "e",
    )  # fmt: skip
    assert event.request_id == begun.event.request_id == request
    assert len(request) == 16
    assert begun.event.at <= event.at <= datetime.now(UTC)
    assert log.verify().checked == 2


def test_the_token_is_in_no_entry(records: Records, log: Logbook) -> None:
    log.end(log.begin(ANN, Action.RUN_PURGE))
    with records.engine().begin() as connection:
        rows = connection.execute(text("SELECT * FROM audit_log")).all()
    assert "hunter2" not in repr(rows)


def test_hostile_names_are_read_back_and_found(log: Logbook) -> None:
    """By tenant, by text and by who."""
    who = Viewer("'; --\ud800", Role.VIEWER)
    log.refused(who, Action.LOOK, tenants=[HOSTILE], target="\0", reason="no \udcff")
    fill(log, 3)
    (entry,) = log.page(LogFilter(tenant=str(HOSTILE)))
    assert entry.event.tenants == (str(HOSTILE),)
    assert (entry.event.who, entry.event.target) == (who.id, "\0")
    for wanted in (
        LogFilter(text="o'b\udc80\0\"%_\n; drop"),
        LogFilter(text="\udcff"),
        LogFilter(who=(who.id,)),
        LogFilter(outcomes=(Outcome.REFUSED,)),
    ):
        assert numbers(log.page(wanted)) == [1]
    assert not log.page(LogFilter(text="%%"))
    assert log.verify().checked == 4
    assert set(log.people()) == {who.id, ANN.id}


def test_every_filter(log: Logbook) -> None:
    log.note(ANN, Action.EXPORT, tenants=[ACME], target="patterns")
    log.note(BOB, Action.LOOK, tenants=[ACME, CORP])
    log.refused(BOB, Action.RUN_PURGE, tenants=[BIG], reason="it takes the role admin")
    log.begin(ANN, Action.RUN_CANARY)
    at = [entry.event.at for entry in reversed(log.page())]
    for wanted, expected in (
        (LogFilter(), [4, 3, 2, 1]),
        (LogFilter(text="PATTERNS"), [1]),
        (LogFilter(text="acme"), [2, 1]),
        (LogFilter(who=("bob",)), [3, 2]),
        (LogFilter(actions=(Action.LOOK, Action.EXPORT)), [2, 1]),
        (LogFilter(outcomes=(Outcome.REFUSED, Outcome.BEGUN)), [4, 3]),
        (LogFilter(tenant="tenant/acme"), [2, 1]),
        (LogFilter(tenant="tenant/acme-corp"), [2]),
        (LogFilter(tenant="tenant/ACME"), []),
        (LogFilter(tenant="tenant"), []),
        (LogFilter(tenant="kind:tenant"), []),
        (LogFilter(since=at[1], until=at[3]), [3, 2]),
        (LogFilter(unended=True), [4]),
        (LogFilter(text="acme", who=("bob",), tenant="tenant/acme-corp"), [2]),
        (LogFilter(scope=frozenset({TenantPattern("tenant", "acme")})), [1]),
        (LogFilter(scope=frozenset({TenantPattern("tenant", "*")})), [2, 1]),
        (LogFilter(scope=frozenset({TenantPattern("org", "*")})), [3]),
        (LogFilter(scope=frozenset({TenantPattern("*", "*")})), [4, 3, 2, 1]),
        (LogFilter(scope=frozenset()), []),
    ):  # fmt: skip
        assert numbers(log.page(wanted)) == expected, wanted
        assert numbers(list(log.export(wanted))) == expected[::-1], wanted


def test_pages_follow_each_other_and_an_export_has_all(log: Logbook) -> None:
    """Also where most of what is read is out of scope."""
    for number in range(60):
        log.note(ANN, Action.LOOK, tenants=[ACME] if number % 3 == 0 else [ACME, CORP])
    assert numbers(log.page(limit=20)) == list(range(60, 40, -1))
    assert numbers(log.page(limit=20, before=41)) == list(range(40, 20, -1))
    assert numbers(log.page(limit=50, before=6)) == [5, 4, 3, 2, 1]
    mine = LogFilter(scope=frozenset({TenantPattern("tenant", "acme")}))
    assert numbers(log.page(mine, limit=5)) == [58, 55, 52, 49, 46]
    assert numbers(log.page(mine, limit=5, before=46)) == [43, 40, 37, 34, 31]
    assert numbers(list(log.export())) == list(range(1, 61))


def test_an_action_ends_in_another_process(records: Records) -> None:
    """What a killed process began stays visible as such until then."""
    request = killed_after_its_line(records.start("tests.servers.log_writer", "ann", "1"))
    log = logbook(records)
    (begun,) = log.page(LogFilter(unended=True))
    assert (begun.event.request_id, begun.event.who) == (request, "ann")
    assert log.ends([begun]) == {}
    log.end(request, Outcome.FAILED, reason="its process died")
    assert not log.page(LogFilter(unended=True))
    assert log.ends([begun]) == {request: Outcome.FAILED}
    log.end(request)
    assert numbers(log.page()) == [2, 1]
    with pytest.raises(LogError):
        log.end("0" * 16)


def test_threads_and_processes_make_one_chain(records: Records) -> None:
    """Without a fork or a gap, and nothing is lost."""
    processes = [records.start("tests.servers.log_writer", f"process {n}", "15") for n in range(3)]
    logs = [logbook(records) for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        written = [pool.submit(fill, logs[n % 3], 15) for n in range(6)]
        lines_of(processes)
        for each in written:
            each.result()
    found = logs[0].verify()
    assert (found.bad, found.checked) == (None, 3 * 30 + 6 * 15)
    assert not logs[0].page(LogFilter(unended=True))


def test_what_cannot_be_logged_says_so_before_it_happens(records: Records, log: Logbook) -> None:
    with records.engine().begin() as connection:
        connection.execute(text("DROP TABLE audit_log_tenant"))
    for deed in (
        lambda: log.begin(ANN, Action.LOOK, tenants=[ACME]),
        lambda: log.note(ANN, Action.LOOK, tenants=[ACME]),
        lambda: log.refused(ANN, Action.LOOK, tenants=[ACME], reason="no"),
    ):
        with pytest.raises(StoreUnavailable):
            deed()
    assert log.page() == ()


def test_a_sealed_log_is_not_gone_on_with_without_its_key(records: Records) -> None:
    """What would be written then could not be told from a stranger's."""
    sealed = logbook(records, KEY)
    fill(sealed, 2)
    for other in (logbook(records), logbook(records, "o" * 32)):
        with pytest.raises(StoreMisconfigured, match="KATO_TENANTS_LOG_KEY"):
            other.note(ANN, Action.LOOK)
        assert other.verify().state is State.UNCHECKED
        assert len(other.page()) == 2
    fill(logbook(records, "o" * 32, KEY), 1)
    assert logbook(records, "o" * 32, KEY).verify().checked == 3


STATEMENTS = (
    "UPDATE audit_log SET hash = 'x'",
    "DELETE FROM audit_log",
    "UPDATE audit_log_tenant SET tenant = 'x'",
    "DELETE FROM audit_log_tenant",
)


@pytest.mark.parametrize("statement", [*STATEMENTS, "TRUNCATE audit_log, audit_log_tenant"])
def test_the_database_refuses_honest_mistakes(
    records: Records, log: Logbook, statement: str
) -> None:
    if statement.startswith("TRUNCATE") and records.url is None:
        pytest.skip("SQLite has no TRUNCATE")
    fill(log, 2)
    with pytest.raises(DBAPIError, match="append-only"), records.engine().begin() as connection:
        connection.execute(text(statement))
    assert log.verify().checked == 2


REPLACING = (
    "REPLACE INTO audit_log SELECT * FROM audit_log",
    "UPDATE OR REPLACE audit_log SET number = 2 WHERE number = 1",
    "REPLACE INTO audit_log_tenant SELECT tenant, number FROM audit_log_tenant",
)


def test_sqlite_refuses_to_replace(tmp_path: Path) -> None:
    """It runs no trigger for the removal of what is replaced."""
    records = Records(tmp_path, None)
    log = logbook(records)
    fill(log, 2)
    for statement in REPLACING:
        with (
            pytest.raises(DBAPIError, match="append-only"),
            records.engine().begin() as connection,
        ):
            connection.execute(text(statement))
    assert log.verify().checked == 2
    records.close()


@contextmanager
def intruder(records: Records) -> Iterator[Connection]:
    """Somebody with every right in the database, who took the triggers away."""
    with records.engine().begin() as connection:
        if records.url is None:
            for table in ("audit_log", "audit_log_tenant"):
                for deed in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER {table}_no_{deed}"))
            connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        else:
            connection.execute(text("DROP FUNCTION audit_log_refuse() CASCADE"))
            constraint = "audit_log_tenant DROP CONSTRAINT audit_log_tenant_number_fkey"
            connection.execute(text(f"ALTER TABLE {constraint}"))
        yield connection


def remove(connection: Connection, where: str) -> None:
    connection.execute(text(f"DELETE FROM audit_log_tenant WHERE {where}"))
    connection.execute(text(f"DELETE FROM audit_log WHERE {where}"))


def swap(connection: Connection) -> None:
    for a, b in ((4, 1000), (7, 4), (1000, 7)):
        connection.execute(text(f"UPDATE audit_log SET number = {b} WHERE number = {a}"))
        connection.execute(text(f"UPDATE audit_log_tenant SET number = {b} WHERE number = {a}"))


def close_the_gap(connection: Connection) -> None:
    remove(connection, "number = 5")
    for number in range(6, 11):
        for table in ("audit_log", "audit_log_tenant"):
            connection.execute(
                text(f"UPDATE {table} SET number = {number - 1} WHERE number = {number}")
            )


def insert_a_copy(connection: Connection) -> None:
    connection.execute(text(
        'INSERT INTO audit_log SELECT 11, "at", who, action, outcome, request_id, words, text, hash'
        " FROM audit_log WHERE number = 10"))  # fmt: skip


def sql(statement: str) -> Callable[[Connection], None]:
    return lambda connection: connection.execute(text(statement)) and None  # type: ignore[func-returns-value]


TAMPERINGS: dict[str, tuple[Callable[[Connection], None], int]] = {
    "the text": (
        sql("UPDATE audit_log SET text = replace(text, 'ann', 'bob') WHERE number = 5"), 5),
    "the hash": (sql("UPDATE audit_log SET hash = 'x' WHERE number = 5"), 5),
    "who": (sql("UPDATE audit_log SET who = '\"bob\"' WHERE number = 5"), 5),
    "when": (sql('UPDATE audit_log SET "at" = \'2020-01-01 00:00:00.000000\' WHERE number = 5'), 5),
    "what it is found by": (sql("UPDATE audit_log SET words = '' WHERE number = 5"), 5),
    "whose it is": (sql("DELETE FROM audit_log_tenant WHERE number = 5"), 5),
    "one deleted": (lambda c: remove(c, "number = 5"), 5),
    "a run deleted": (lambda c: remove(c, "number BETWEEN 3 AND 6"), 3),
    "the beginning deleted": (lambda c: remove(c, "number < 4"), 1),
    "one deleted, the rest renumbered": (close_the_gap, 5),
    "two swapped": (swap, 4),
    "one copied to the end": (insert_a_copy, 11),
    "one put before the first": (
        sql("INSERT INTO audit_log SELECT 0, \"at\", who, action, outcome, request_id, words, "
            "text, hash FROM audit_log WHERE number = 10"), 0),
    "truncated": (lambda c: remove(c, "number > 7"), 8),
    "emptied": (lambda c: remove(c, "number > 0"), 1),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERINGS)
def test_tampering_is_found(records: Records, log: Logbook, how: str) -> None:
    """With what was anchored outside, in whichever way it was done."""
    fill(log, 10)
    outside = anchors(log)
    tamper, bad = TAMPERINGS[how]
    with intruder(records) as connection:
        tamper(connection)
    found = logbook(records).verify(outside)
    assert (found.state, found.bad) == (State.BROKEN, bad), found.words
    log.page()  # reading it goes on
    assert log.verify().state is State.BROKEN  # this process remembers its own anchor


RAW = {
    "sqlite": [
        "'bob'",
        "''",
        "'[1]'",
        "'\"bob'",
        "7",
        "1.5",
        "x'ff'",
        "x''",
        "CAST(x'ff' AS TEXT)",
    ],
    "postgresql": ["'bob'", "''", "'[1]'", "'\"bob'"],
}
RAW_TIMES = {
    "sqlite": ["'2026-01-31'", "'20000-01-01 00:00:00.000000'", *RAW["sqlite"]],
    "postgresql": ["'infinity'", "'-infinity'", "'0044-01-01Z BC'", "'20000-01-01Z'"],
}
OF_THE_LOG = ("at", "who", "action", "outcome", "request_id", "words", "text", "hash")


def edit(connection: Connection, column: str, value: str) -> None:
    """Put entry 3 back as it was, and write something into one of its columns."""
    table = "audit_log_tenant" if column == "tenant" else "audit_log"
    limit = "LIMIT 1" if column == "tenant" else ""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
    for statement in (
        f"DELETE FROM {table} WHERE number = 3",
        f"INSERT INTO {table} SELECT * FROM {table}_whole WHERE number = 3 {limit}",
        f'UPDATE {table} SET "{column}" = {value} WHERE number = 3',
    ):
        connection.execute(text(statement))


def test_whatever_stands_in_a_column_it_says_which_entry(records: Records, log: Logbook) -> None:
    """And what reads the log goes on: of what was edited it knows nothing."""
    fill(log, 4)
    engine = records.engine()
    with intruder(records) as connection:
        for table in ("audit_log", "audit_log_tenant"):
            connection.execute(text(f"CREATE TABLE {table}_whole AS SELECT * FROM {table}"))
    for column in (*OF_THE_LOG, "tenant"):
        for value in (RAW_TIMES if column == "at" else RAW)[engine.dialect.name]:
            with engine.begin() as connection:
                edit(connection, column, value)
            found = log.verify()
            assert (found.state, found.bad) == (State.BROKEN, 3), (column, value)
            assert numbers(log.page()) == numbers(list(log.export()))[::-1] == [4, 3, 2, 1]
            assert set(log.people()) <= {ANN.id}
            log.ends(log.page())
    log.note(ANN, Action.LOOK)
    assert log.verify().bad == 3


def test_a_head_that_was_edited_is_not_anchored(records: Records, log: Logbook) -> None:
    """Else the anchors could not be read any more, and nothing were verified."""
    fill(log, 2)
    with intruder(records) as connection:
        connection.execute(text("UPDATE audit_log SET hash = 'bob' WHERE number = 2"))
    log.anchoring.anchor()
    assert log.anchoring.state == AnchorState(None, {"audit log": "entry 2 was edited"}, 2)
    log.note(ANN, Action.LOOK)
    assert log.verify().bad == 2


def test_keys_in_the_wrong_order_seal_nothing(records: Records) -> None:
    """What an older key seals after a newer one could not be told from a forgery, for ever."""
    old, new, newest = "o" * 32, "n" * 32, "m" * 32
    for keys in ((), (old,), (new, old)):
        fill(logbook(records, *keys), 3)
    for keys in ((old, new), (old, new, newest)):
        with pytest.raises(StoreMisconfigured, match="newest key has to stand first"):
            logbook(records, *keys).note(ANN, Action.LOOK)
    third = logbook(records, newest, new, old)
    third.note(ANN, Action.LOOK)
    assert third.verify().checked == 10
    with pytest.raises(StoreMisconfigured, match="newest key has to stand first"):
        logbook(records, old, newest, new).note(ANN, Action.LOOK)


def test_truncating_and_appending_is_found(records: Records, log: Logbook) -> None:
    """What is appended afterwards by the product itself makes a good chain, but another."""
    fill(log, 4)
    outside = anchors(log)
    fill(log, 6)
    outside += "\n" + anchors(log)
    with intruder(records) as connection:
        remove(connection, "number > 7")
    again = logbook(records)
    fill(again, 8, BOB)
    assert again.verify().state is State.UNANCHORED
    found = again.verify(outside)
    assert (found.state, found.bad, found.anchored_to) == (State.BROKEN, 10, 4)
    log.anchoring.anchor()
    assert "is not the one that was anchored" in log.anchoring.state.problems["audit log"]


def test_entries_that_cannot_be_read_are_shown_as_such(records: Records, log: Logbook) -> None:
    """And what follows can still be logged."""
    fill(log, 3)
    with intruder(records) as connection:
        connection.execute(text("UPDATE audit_log SET text = '{' WHERE number = 3"))
    newest = log.page()[0]
    assert (newest.number, newest.intact) == (3, False)
    log.note(ANN, Action.LOOK)
    assert log.verify().bad == 3


def test_verifying_in_the_background(log: Logbook) -> None:
    """The page follows how far it is, and sees what it came to."""
    fill(log, 5)
    log.start_verifying()
    log.close()  # waits for it
    state = log.verifying
    assert state.since is None
    assert state.result is None or state.result.checked == 5
    log = Logbook(log._store, log.anchoring)
    log.start_verifying("kato-tenants audit log, but no anchor")
    assert log._verifier._thread is not None
    log._verifier._thread.join()
    assert log.verifying.problem is not None
    log.start_verifying()
    log._verifier._thread.join()
    assert log.verifying.result is not None
    assert log.verifying.result.checked == 5
    assert log.verifying.problem is None

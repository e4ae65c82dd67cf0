"""Retention policies in SQLite and PostgreSQL, and who is about to run them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.access.viewer import TenantPattern
from services.cards.models import Label
from services.cards.scope import LabelScope
from services.jobs.schedule import Schedule
from services.retention.models import Kept, Policy
from services.stores.records.retention import CLAIM, PolicyBook
from tests.servers.records import Records

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
STRANGE = TenantPattern("tenant", "\x00/\udcff'; *")
DAILY = Schedule("30 3 * * *", "Europe/Berlin")
KEPT = (
    Kept(Policy(TenantPattern("*", "*"), "streams:length", 1000, DAILY), "ann", NOW, "ticket"),
    Kept(Policy(LabelScope(Label("plan", "gold\udcff")), "patterns:age", None), "a\udcffnn", NOW),
    Kept(Policy(STRANGE, "predictions:count", 0), "bob", NOW),
)  # fmt: skip


def test_policies_are_kept_whole(records: Records) -> None:
    """Whatever a tenant or a label is called; the newest of a key counts."""
    book = PolicyBook(records.engine())
    book.change(KEPT, ())
    assert set(PolicyBook(records.engine()).every()) == set(KEPT)
    other = replace(KEPT[0], policy=replace(KEPT[0].policy, most=5), by="cid")
    book.change([other], [KEPT[1].policy.key])
    assert set(book.every()) == {other, KEPT[2]}


def test_what_is_due_is_taken_by_one_and_for_a_minute(records: Records) -> None:
    """All or nothing; who claimed it and died leaves it to the next."""
    one, other = PolicyBook(records.engine()), PolicyBook(records.engine())
    one.change(KEPT, ())
    assert one.claim(KEPT[:1], at=NOW)
    assert not other.claim(KEPT[:1], at=NOW + timedelta(seconds=1))
    assert not other.claim(KEPT, at=NOW + timedelta(seconds=1))
    late = NOW + CLAIM + timedelta(seconds=1)
    assert other.claim(KEPT, at=late)


def test_what_has_begun_is_not_taken_again(records: Records) -> None:
    """By who read it before: of two dashboards one runs it."""
    book = PolicyBook(records.engine())
    book.change(KEPT, ())
    assert book.claim(KEPT[:1], at=NOW)
    book.begun([KEPT[0].policy], NOW)
    assert not book.claim(KEPT[:1], at=NOW + timedelta(hours=1))
    (begun,) = [each for each in book.every() if each.begun is not None]
    assert begun == replace(KEPT[0], begun=NOW)
    assert book.claim([begun], at=NOW + timedelta(hours=1))
    book.change([replace(begun, at=NOW + timedelta(hours=2), begun=None)], ())
    assert not book.claim([begun], at=NOW + timedelta(hours=3))

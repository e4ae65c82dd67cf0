"""Rules and runs of backups in the records, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.access.viewer import TenantPattern
from services.archive.models import Archive, State as Proven
from services.backups.models import Kept, Rule, Run
from services.backups.written import rule_written
from services.purge.models import Target
from services.stores.records.archives import ArchiveBook
from services.stores.records.backups import BackupBook
from services.tenancy.kb_ids import TenantKey
from tests.servers.purger import LATER, NOW, SOON
from tests.servers.records import Records

ACME, STRANGE = TenantKey("tenant", "acme"), TenantKey("org", "é\x00/\udcff")


def kept(rule: Rule, why: str = "") -> Kept:
    return Kept(rule, "ann", NOW, why)


def test_rules_are_kept_for_whoever_looks(records: Records) -> None:
    """The newest for the same tenants counts; those that are removed are gone."""
    book, other = BackupBook(records.engine()), BackupBook(records.engine())
    every, gold = rule_written("*", "0 3 * * *"), rule_written("label:plan=gold", "never")
    strange = Rule(TenantPattern(STRANGE.kind, STRANGE.id), every.schedule)
    book.change([kept(every), kept(gold, "é\x00"), kept(strange)], [])
    assert set(other.rules()) == {kept(every), kept(gold, "é\x00"), kept(strange)}
    new = rule_written("*", "0 4 * * *", keep="last=1")
    book.change([kept(new)], [gold.scope, TenantPattern("no", "one")])
    assert set(other.rules()) == {kept(new), kept(strange)}


def test_one_dashboard_begins_a_run(records: Records) -> None:
    """Whoever saw the same state second begins none; neither does it for another tenant."""
    book, other = BackupBook(records.engine()), BackupBook(records.engine())
    first = Run(ACME, NOW, SOON)
    assert book.begin(first, None)
    assert not other.begin(Run(ACME, NOW, LATER), None)
    assert other.newest() == {ACME: first}
    second = Run(ACME, LATER, LATER)
    assert other.begin(second, first)
    assert not book.begin(Run(ACME, LATER, LATER + timedelta(seconds=1)), first)
    assert book.begin(Run(STRANGE, NOW, NOW), None)
    assert book.newest() == {ACME: second, STRANGE: Run(STRANGE, NOW, NOW)}


def test_what_runs_took_is_kept_until_it_is_gone(records: Records) -> None:
    book = BackupBook(records.engine())
    before = None
    for number in range(3):
        at = NOW + timedelta(hours=number)
        run = Run(STRANGE, at, at)
        assert book.begin(run, before)
        before = Run(STRANGE, at, at, f"a{number}" if number != 1 else "", "no" * (number == 1))
        book.came(before)
    assert book.newest() == {STRANGE: before}
    assert [run.archive for run in book.runs(STRANGE)] == ["a2", "a0"]
    assert book.runs(ACME) == ()
    book.forget(ACME, ["a0"])
    book.forget(STRANGE, ["a0"])
    assert [run.archive for run in book.runs(STRANGE)] == ["a2"]
    late = Run(STRANGE, NOW, NOW, "late")
    book.came(late)  # a run that is not the newest any more
    book.came(replace(late, archive="", problem="x"))
    assert [run.archive for run in book.runs(STRANGE)] == ["a2"]  # it took nothing after all
    assert book.newest() == {STRANGE: before}


def test_the_newest_archive_of_a_whole_tenant_is_told_apart(records: Records) -> None:
    """One of a user is newer, and is of the same tenant; one that failed is none."""
    book, tenant = ArchiveBook(records.engine()), ACME
    whole, user = Target(tenant), Target(tenant, user="bob")
    for name, target, how in (
        ("a", whole, Proven.PROVEN), ("b", user, Proven.PROVEN), ("c", whole, Proven.FAILED),
    ):  # fmt: skip
        at = NOW + timedelta(hours=ord(name))
        book.put(Archive(name, target, ("tenant/acme",), "", f"{name}.kato.tar", how, "ann", at))
    names = ["tenant/acme", "tenant/zed"]
    assert [each.id for each in book.newest_proven(names).values()] == ["b"]
    assert [each.id for each in book.newest_proven(names, all_of_it=True).values()] == ["a"]
    assert {each.id for each in book.some(["a", "c", "x"])} == {"a", "c"}

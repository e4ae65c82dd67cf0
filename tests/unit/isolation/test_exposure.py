"""Who can reach the stores, what Redis does by itself, and what our ClickHouse user may do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.isolation.facts import Grant, KatoFacts, KeyFacts, PatternFacts, VectorFacts
from services.isolation.models import CannotTell, Deed, DeedKind, Finding, Seen
from services.isolation.rules import exposure
from services.isolation.severity import Severity
from tests.unit.isolation.fleets_seen import fleet

RULES = {rule.code: rule for rule in exposure.RULES}
STORES = {
    "exposure.kato-api": ("kato", "kato", KatoFacts),
    "exposure.redis": ("redis", "keys", KeyFacts),
    "exposure.qdrant": ("qdrant", "vectors", VectorFacts),
    "exposure.clickhouse": ("clickhouse", "patterns", PatternFacts),
}


def seen(**facts: Any) -> Seen:
    return replace(fleet(), **facts)


def found(code: str, looked_at: Seen) -> list[Finding]:
    return list(RULES[code].find(looked_at))


def one(code: str, looked_at: Seen) -> Finding:
    (finding,) = found(code, looked_at)
    assert finding.code == code
    assert RULES[code].severity.at_least(finding.severity)
    return finding


@pytest.mark.parametrize("code", STORES)
def test_a_store_that_lets_anyone_in(code: str) -> None:
    store, field, facts = STORES[code]
    finding = one(code, seen(**{field: facts(open=True)}))
    assert (finding.subject, finding.severity) == (store, Severity.HIGH)
    assert finding.evidence == {"asks for a password": "no"}
    assert finding.deeds == (Deed(DeedKind.SYSTEM, store),)


@pytest.mark.parametrize("code", STORES)
def test_a_store_that_asks_for_a_password(code: str) -> None:
    _, field, facts = STORES[code]
    assert not found(code, seen(**{field: facts(open=False)}))


@pytest.mark.parametrize("code", STORES)
def test_a_store_that_could_not_be_tried_is_not_called_closed(code: str) -> None:
    _, field, facts = STORES[code]
    with pytest.raises(CannotTell, match="lets anyone in"):
        found(code, seen(**{field: facts(open=None)}))
    with pytest.raises(CannotTell):
        found(code, seen())


def test_redis_that_evicts_keys_that_never_expire() -> None:
    facts = KeyFacts(max_memory=2**30, eviction="allkeys-lru")
    finding = one("exposure.eviction", seen(keys=facts))
    assert (finding.subject, finding.severity) == ("redis", Severity.MEDIUM)
    assert finding.evidence == {"policy": "allkeys-lru", "memory limit in bytes": 2**30}
    assert "allkeys-lru" in finding.what


@pytest.mark.parametrize(
    ("limit", "policy"),
    [(0, "allkeys-lru"), (0, None), (2**30, "noeviction"), (2**30, "volatile-lru")],
)
def test_redis_that_evicts_nothing_or_only_what_expires(limit: int, policy: str | None) -> None:
    """Without a memory limit no policy ever evicts."""
    assert not found("exposure.eviction", seen(keys=KeyFacts(max_memory=limit, eviction=policy)))


def test_redis_that_does_not_say_how_it_evicts() -> None:
    for facts in (KeyFacts(), KeyFacts(eviction="allkeys-lru"), KeyFacts(max_memory=9)):
        with pytest.raises(CannotTell):
            found("exposure.eviction", seen(keys=facts))


def test_redis_that_persists_nothing() -> None:
    finding = one("exposure.persistence", seen(keys=KeyFacts(saves=False)))
    assert (finding.subject, finding.severity) == ("redis", Severity.MEDIUM)
    assert finding.evidence == {"saves": "no"}
    assert not found("exposure.persistence", seen(keys=KeyFacts(saves=True)))
    with pytest.raises(CannotTell):
        found("exposure.persistence", seen(keys=KeyFacts()))


def rights(*grants: Grant, database: str = "kato") -> Seen:
    return seen(patterns=PatternFacts(user="dash", database=database, grants=grants))


USED = (
    Grant(("SELECT", "ALTER DELETE"), "kato.*"),
    Grant(("SELECT",), "system.*"),
    Grant(("SELECT",), "information_schema.*"),
    Grant(("SHOW", "SYSTEM FLUSH ASYNC INSERT QUEUE", "CLUSTER"), "*.*"),
)


def test_a_user_with_just_the_rights_that_are_used() -> None:
    assert not found("exposure.rights", rights(*USED))
    assert not found(
        "exposure.rights", rights(Grant(("SELECT(kb_id, name)",), "kato.patterns_data"))
    )
    assert not found("exposure.rights", rights())
    quoted = Grant(("SELECT",), r"`my.db\`s`.*")
    assert not found("exposure.rights", rights(quoted, database="my.db`s"))


def test_what_a_cluster_takes_is_used_where_one_is_set() -> None:
    grants = (
        *USED, Grant(("REMOTE", "SYSTEM SYNC REPLICA"), "*.*"), Grant(("READ",), "REMOTE"),
    )  # fmt: skip
    facts = PatternFacts(user="dash", database="kato", grants=grants, clustered=True)
    assert not found("exposure.rights", seen(patterns=facts))
    assert found("exposure.rights", rights(*grants))
    asked = replace(facts, users={"ch-1:9000": "dash", "ch-2:9000": "default"})
    finding = one("exposure.rights", seen(patterns=asked))
    assert "all that default may, as whom ch-2:9000 is asked" in str(finding.evidence)


@pytest.mark.parametrize(
    ("grant", "said"),
    [
        (Grant(("ALL",), "*.*", may_grant=True), "ALL on *.* with grant option"),
        (Grant(("ACCESS MANAGEMENT",), "*.*"), "ACCESS MANAGEMENT on *.*"),
        (Grant(("SELECT",), "*.*"), "SELECT on *.*"),
        (Grant(("SELECT",), "kat*.*"), "SELECT on kat*.*"),
        (Grant(("ALTER DELETE",), "billing.*"), "ALTER DELETE on billing.*"),
        (Grant(("INSERT",), "system.*"), "INSERT on system.*"),
        (Grant(("READ",), "URL"), "READ on URL"),
        (Grant(("SELECT",), "kato.*", may_grant=True), "SELECT on kato.* with grant option"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rights_that_reach_beyond_katos_database(grant: Grant, said: str) -> None:
    finding = one("exposure.rights", rights(*USED, grant))
    assert (finding.subject, finding.severity) == ("dash", Severity.MEDIUM)
    assert finding.evidence == {
        "user": "dash", "database": "kato", "number of rights": 1, "rights": (said,),
    }  # fmt: skip
    assert "also beyond KATO's database" in finding.what


def test_rights_on_katos_database_that_are_not_used_weigh_less() -> None:
    """KATO's own user has them: it inserts and makes tables, and this dashboard does neither."""
    more = Grant(("SELECT", "INSERT", "CREATE TABLE", "DROP TABLE"), "kato.*")
    finding = one("exposure.rights", rights(*USED, more))
    assert finding.severity is Severity.LOW
    assert finding.evidence["rights"] == (
        "INSERT on kato.*", "CREATE TABLE on kato.*", "DROP TABLE on kato.*",
    )  # fmt: skip


def test_rights_that_could_not_be_listed() -> None:
    """Not listed, given by a role, or measured against a database that is not known."""
    unlisted = seen(patterns=PatternFacts(user="dash", database="kato", grants=None))
    by_role = rights(*USED, Grant(("reader",), ""))
    for looked_at in (unlisted, by_role, rights(*USED, database=""), seen()):
        with pytest.raises(CannotTell):
            found("exposure.rights", looked_at)
    worse = rights(Grant(("ALL",), "*.*"), Grant(("reader",), ""))
    assert one("exposure.rights", worse).evidence["rights"] == ("ALL on *.*",)

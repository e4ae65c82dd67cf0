"""Rules on who can reach the stores, and on what the stores do with data by themselves. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from services.isolation.evidence import few, of_store
from services.isolation.facts import Grant, KatoFacts, KeyFacts, PatternFacts, VectorFacts
from services.isolation.models import SAMPLES, CannotTell, Deed, DeedKind, Finding, Need, Rule, Seen
from services.isolation.severity import Severity

USED_ANYWHERE = frozenset({
    "USAGE", "SHOW", "SHOW DATABASES", "SHOW TABLES", "SHOW COLUMNS", "SHOW DICTIONARIES",
    "SYSTEM FLUSH ASYNC INSERT QUEUE", "CLUSTER",
})  # fmt: skip
"""ClickHouse's rights that this product uses and that are not a table's, or show only names."""

USED_ON_A_CLUSTER = frozenset({
    "CREATE TEMPORARY TABLE", "REMOTE", "SYSTEM FLUSH DISTRIBUTED", "SYSTEM SYNC REPLICA",
})  # fmt: skip
"""What it uses besides where it asks the servers of a cluster."""

USED_ON_KATOS = frozenset({"SELECT", "ALTER DELETE"})
"""What it uses on KATO's tables: ALTER DELETE is for mutations and for DROP PARTITION too."""

USED_ON_SYSTEM = frozenset({"SELECT"})

_SYSTEM = frozenset({"system", "information_schema", "INFORMATION_SCHEMA"})
_DATABASE = re.compile(r"(?:`((?:[^`\\]|\\.)*)`|([^.`]*))\.")
_FEW = 6

_Facts = PatternFacts | KeyFacts | VectorFacts | KatoFacts | None


def _open(
    seen: Seen, *, code: str, store: str, name: str, facts: Callable[[Seen], _Facts]
) -> Iterable[Finding]:
    asked = facts(seen)
    if asked is None or asked.open is None:
        raise CannotTell(f"it could not be tried whether {name} lets anyone in")
    if asked.open:
        what = f"{name} answers whoever reaches it, without a password or key."
        yield of_store(code, store, Severity.HIGH, what, {"asks for a password": "no"})


def _eviction(seen: Seen) -> Iterable[Finding]:
    facts = seen.keys or KeyFacts()
    if facts.max_memory is None or (facts.max_memory and facts.eviction is None):
        raise CannotTell("Redis does not let its memory limit and eviction policy be read")
    if facts.max_memory and facts.eviction and facts.eviction.startswith("allkeys-"):
        yield of_store(
            "exposure.eviction",
            "redis",
            Severity.MEDIUM,
            f"Redis evicts any key ({facts.eviction}) once it holds {facts.max_memory:,} bytes.",
            {"policy": facts.eviction, "memory limit in bytes": facts.max_memory},
        )


def _persistence(seen: Seen) -> Iterable[Finding]:
    saves = seen.keys.saves if seen.keys else None
    if saves is None:
        raise CannotTell("Redis does not let it be read whether it writes anything to disk")
    if not saves:
        what = "Redis writes nothing to disk: neither snapshots nor an append-only file."
        yield of_store("exposure.persistence", "redis", Severity.MEDIUM, what, {"saves": "no"})


def _rights(seen: Seen) -> Iterable[Finding]:
    facts = seen.patterns or PatternFacts()
    if facts.grants is None or not facts.database:
        raise CannotTell("the rights of this dashboard's ClickHouse user could not be listed")
    more = [each for grant in facts.grants for each in _more(grant, facts)]
    more += [(f"all that {user} may, as whom {server} is asked", True)
             for server, user in sorted(facts.users.items()) if user != facts.user]  # fmt: skip
    if not more and any(not grant.on for grant in facts.grants):
        raise CannotTell("the ClickHouse user has its rights by a role, which were not listed")
    if more:
        wide = any(is_wide for _, is_wide in more)
        yield _too_many(facts.user, facts.database, [said for said, _ in more], wide=wide)


def _more(grant: Grant, facts: PatternFacts) -> Iterator[tuple[str, bool]]:
    """Yield the rights of a grant that this product does not use, in words.

    And whether they reach beyond KATO's database.
    """
    if not grant.on:
        return
    on, database = _database_of(grant.on), facts.database
    anywhere = USED_ANYWHERE | (USED_ON_A_CLUSTER if facts.clustered else frozenset())
    used = {database: USED_ON_KATOS}.get(on, USED_ON_SYSTEM if on in _SYSTEM else frozenset())
    for right in grant.rights:
        name = right.partition("(")[0].strip().upper()
        if grant.may_grant:
            yield f"{right} on {grant.on} with grant option", True
        elif facts.clustered and (name, on) == ("READ", "REMOTE"):
            continue  # how REMOTE is written since 25.7
        elif name not in anywhere | used:
            yield f"{right} on {grant.on}", on != database


def _database_of(on: str) -> str:
    """Return the database that a grant is on, or the whole text where it names none."""
    found = _DATABASE.match(on)
    if found is None:
        return on
    quoted, bare = found.groups()
    return re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare


def _too_many(user: str, database: str, more: list[str], *, wide: bool) -> Finding:
    reach = "also beyond KATO's database" if wide else "on KATO's database alone"
    return Finding(
        code="exposure.rights",
        subject=user,
        severity=Severity.MEDIUM if wide else Severity.LOW,
        what=f"The ClickHouse user {user} may do more than this dashboard does, {reach}: "
        f"{few(more, limit=_FEW)}.",
        evidence={
            "user": user,
            "database": database,
            "number of rights": len(more),
            "rights": tuple(more[:SAMPLES]),
        },
        deeds=(Deed(DeedKind.SYSTEM, "clickhouse"),),
    )


def _reach(need: Need, name: str, facts: Callable[[Seen], _Facts], why: str, remedy: str) -> Rule:
    """Make the rule that a store must not let anyone in who has no password."""
    code = "exposure.kato-api" if need is Need.KATO else f"exposure.{need.value}"
    return Rule(
        code=code,
        severity=Severity.HIGH,
        title=f"{name} is reachable without a password",
        why=why,
        remedy=remedy,
        needs=frozenset({need}),
        find=partial(_open, code=code, store=need.value, name=name, facts=facts),
    )


RULES: tuple[Rule, ...] = (
    _reach(
        Need.KATO,
        "KATO's API",
        lambda seen: seen.kato,
        "KATO has no authentication of any kind: whoever reaches its API reads, trains and clears "
        "the memory of every tenant by naming a node_id.",
        "Let only your own applications and this dashboard reach KATO's port: a private network, "
        "a firewall rule, or a proxy in front of it that asks for credentials.",
    ),
    _reach(
        Need.REDIS,
        "Redis",
        lambda seen: seen.keys,
        "Whoever reaches it reads every tenant's sessions and observations, and can delete all "
        "keys with one command.",
        "Set requirepass or an ACL user, give the password to KATO and to this dashboard in "
        "REDIS_URL, and let only them reach the port.",
    ),
    _reach(
        Need.QDRANT,
        "Qdrant",
        lambda seen: seen.vectors,
        "Whoever reaches it reads the vectors of every tenant, downloads snapshots and can drop "
        "any collection.",
        "Set service.api_key in Qdrant, give the key to KATO and to this dashboard in "
        "QDRANT_API_KEY, and let only them reach the ports 6333 and 6334.",
    ),
    _reach(
        Need.CLICKHOUSE,
        "ClickHouse",
        lambda seen: seen.patterns,
        "Whoever reaches it reads the patterns of every tenant and, as the default user, can "
        "change and drop them.",
        "Give the user default a password, or restrict it to localhost, and let only KATO and "
        "this dashboard reach the ports 8123 and 9000.",
    ),
    Rule(
        code="exposure.eviction",
        severity=Severity.MEDIUM,
        title="Redis evicts keys that never expire",
        why="KATO keeps in Redis what it has learnt about patterns: under memory pressure one "
        "tenant's load makes Redis throw away another tenant's keys, and nobody is told.",
        remedy="Set maxmemory-policy to noeviction or volatile-lru, which leaves keys without an "
        "expiry alone, and give Redis the memory that KATO needs.",
        needs=frozenset({Need.REDIS}),
        find=_eviction,
    ),
    Rule(
        code="exposure.persistence",
        severity=Severity.MEDIUM,
        title="Redis persists nothing",
        why="A restart of Redis loses every tenant's frequencies and sessions, while the patterns "
        "stay in ClickHouse: the two no longer match.",
        remedy="Turn on appendonly yes, or snapshots with save, on a volume that outlives the "
        "container. KATO's stock redis.conf turns both off.",
        needs=frozenset({Need.REDIS}),
        find=_persistence,
    ),
    Rule(
        code="exposure.rights",
        severity=Severity.MEDIUM,
        title="ClickHouse user with more rights than are used",
        why="Whoever gets hold of this dashboard's password can do all that its user may: the "
        "fewer rights, the smaller the loss.",
        remedy="Make a user for the dashboard that has SELECT and ALTER DELETE on KATO's database, "
        "SELECT on system.*, SYSTEM FLUSH ASYNC INSERT QUEUE and, on a cluster, what "
        "docs/rights.md names.",
        needs=frozenset({Need.CLICKHOUSE}),
        find=_rights,
    ),
)

"""The rights that docs/rights.md gives are enough for what it says, and no more than that takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
import redis
from clickhouse_connect.driver.client import Client

from services.apart.counts import Counts
from services.apart.evidence import Pattern
from services.apart.ports import Learnt
from services.archive.formats import TypedKey
from services.errors import StoreDenied
from services.imports.models import Item
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.redis.typed_write import KeyWriting
from services.stores.restore_sinks import RestoreSinks
from services.tenancy.layout import Owner, OwnerKind
from tests.engines.clickhouse.kato_tables import PASSWORD, load_capture, settings_for
from tests.engines.erasing import MINE, silent, surface_of
from tests.engines.redis.keys import restore_capture
from tests.engines.redis.test_erasing import nobody
from tests.servers import ROOT
from tests.servers.clickhouse_http import LimitedUser, clickhouse_http

DOCS = (ROOT / "docs" / "rights.md").read_text("utf-8")
NODE = "tenant:a:user:b"
OWNER = Owner(OwnerKind.KB, MINE)


def block(heading: str) -> str:
    """The statements under a heading."""
    found = re.search(
        rf"^### {re.escape(heading)}$.*?^```\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE
    )
    assert found is not None
    return found[1].replace("kato.*", "{home}.*")


@contextmanager
def as_redis_user(valkey: redis.Redis, words: list[str]) -> Iterator[Stores]:
    """Redis as a user that a documented line makes."""
    valkey.execute_command(*words)
    port = valkey.get_connection_kwargs()["port"]
    url = f"redis://{words[2]}:PASSWORD@127.0.0.1:{port}/0"
    try:
        with closing(Stores(Settings(REDIS_URL=url))) as stores:
            yield stores
    finally:
        valkey.acl_deluser(words[2])


def look(stores: Stores) -> None:
    health = stores.keys.health()
    assert [lack.right for lack in health.lacks] == ["CONFIG GET"]
    reading = stores.keys.read()
    assert reading.sessions
    assert None not in (reading.used_memory, reading.with_ttl, reading.index_members)
    assert all(group.amount.bytes is not None for group in reading.groups)
    assert stores.keys.estimate([MINE]).groups
    assert stores.key_audit.facts().eviction is not None
    assert stores.session_records.detail(reading.sessions[0].key) is not None
    assert stores.key_pages.inventory(OWNER).largest


def manage_sessions(stores: Stores) -> None:
    stores.session_writes.clean_index()
    stores.session_records.sealed()
    record = next(s.key for s in stores.keys.read().sessions or () if s.readable)
    assert stores.session_writes.swap(record, "node_id", "node_id")


def purge(stores: Stores) -> None:
    assert stores.key_erasing.rights(trim_streams=True) == ()
    stores.key_erasing.erase(surface_of(MINE), nobody, silent)
    assert stores.key_erasing.look(surface_of(MINE), nobody).items == ()
    stores.key_erasing.trim_streams()


def imported(stores: Stores) -> None:
    writes = stores.writers.key_imports
    bodies = {
        "string": "1", "list": ["a"], "set": ["a"], "hash": {"a": "b"}, "zset": {"a": 1.0}
    }  # fmt: skip
    items = [
        Item(number, f"{MINE}:metadata:{kind}", {"type": kind, "value": value, "ttl": 60})
        for number, (kind, value) in enumerate(bodies.items())
    ]
    for _ in range(2):  # new, and then over what is there
        before = writes.before("", items)
        writes.write("", items, before)
    assert len(writes.there("", items, whose="").own) == len(items)
    assert writes.take_back("", before, items) == 0
    assert writes.take_back("", dict.fromkeys(before), items) == 0
    assert not writes.there("", items, whose="").own


def test_who_imports_keys_may_do_what_that_takes_and_no_more_is_given(
    valkey: redis.Redis,
) -> None:
    """Each word beyond those of a purge is taken for something."""
    words = block("Redis: import").split()
    more = {*words[5:]} - {*block("Redis: purge").split()}
    with as_redis_user(valkey, words) as stores:
        imported(stores)
    for word in more:
        fewer = [one for one in words if one != word]
        with as_redis_user(valkey, fewer) as stores, pytest.raises(StoreDenied):
            imported(stores)


def take_apart(stores: Stores, writing: KeyWriting) -> None:
    keys, once = stores.writers.keys_apart, [b"a", b"b"]
    symbols = tuple(b"%d" % number for number in range(5_001))  # a hash in several pieces
    patterns, counts = [Pattern(name, 1, 0, (*symbols, name)) for name in once], Counts()
    counts.add(patterns)
    for of in (MINE, "new_kato"):
        for name in once:
            writing.write([TypedKey(f"{of}:frequency:{name.decode()}".encode(), "string", "1")])
    made = [*keys.of_patterns(MINE, "new_kato", once), *counts.keys("new_kato")]
    writing.write([*made, *counts.keys(MINE)])
    assert not [*writing.differing(made)]
    keys.put(keys.of_patterns(MINE, "new_kato", once))
    keys.add_members("new_kato", patterns)
    assert not keys.lacking_members("new_kato", patterns)
    assert keys.learnt(MINE, once) == [Learnt(1, 1)] * 2
    for each in patterns:
        assert keys.cut(MINE, "new_kato", [each]) == {each.name}
    assert keys.survey([MINE], NODE.__eq__).sessions == {NODE: 1}
    assert len(keys.move_sessions({NODE: f"{NODE}-2"})) == 1


def test_who_takes_apart_may_do_what_that_takes_and_no_more_is_given(valkey: redis.Redis) -> None:
    """Each word beyond those of a purge is taken for something."""
    words = block("Redis: take apart").split()
    more = {*words[5:]} - {*block("Redis: purge").split()}

    def tried(some: list[str]) -> None:
        valkey.flushall()
        valkey.set("kato:session:session-1-1", f'{{"node_id": "{NODE}"}}')
        with as_redis_user(valkey, some) as stores:
            take_apart(stores, RestoreSinks(stores.engines, Settings()).keys)

    tried(words)
    for word in more:
        with pytest.raises(StoreDenied):
            tried([one for one in words if one != word])


DOES: dict[str, Callable[[Stores], None]] = {
    "Redis: look": look, "Redis: manage sessions": manage_sessions, "Redis: purge": purge,
}  # fmt: skip


def test_each_user_of_redis_may_do_what_is_said_and_what_is_said_before(
    valkey: redis.Redis,
) -> None:
    """And the first two nothing of what comes after."""
    restore_capture(valkey)
    for number, heading in enumerate(DOES):
        with as_redis_user(valkey, block(heading).split()) as stores:
            for does in [*DOES.values()][: number + 1]:
                does(stores)
            if number < 2:
                assert stores.key_erasing.rights() != ()
            if number < 1:
                with pytest.raises(StoreDenied):
                    manage_sessions(stores)


def test_no_grant_of_redis_is_too_many(valkey: redis.Redis) -> None:
    """Without any single command of the first user, something that he is given it for fails."""
    restore_capture(valkey)
    words = block("Redis: look").split()
    spared = {"+hello", "+select", "+client|setname", "+client|setinfo", "+ping"}  # asked politely
    browsing = {"+mget", "+getrange", "+strlen", "+hscan", "+scard", "+sismember", "+llen",
                "+lrange", "+zcard", "+zrange", "+xrange"}  # fmt: skip
    for word in words:
        if not word.startswith("+") or word in spared | browsing:
            continue
        fewer = [one for one in words if one != word]
        missed = pytest.raises((AssertionError, StoreDenied))
        with as_redis_user(valkey, fewer) as stores, missed:
            look(stores)


@contextmanager
def as_clickhouse_user(chdb_path: str, home: str, grants: list[str]) -> Iterator[Stores]:
    limits = LimitedUser(tuple(grants))
    with (
        clickhouse_http(chdb_path, password=PASSWORD, limits=limits) as server,
        closing(Stores(settings_for(server, home))) as stores,
    ):
        yield stores


def grants_of(heading: str, home: str) -> list[str]:
    found = re.findall(r"^GRANT (.+) TO \w+;$", block(heading), re.MULTILINE)
    return [grant.replace("{home}", home) for grant in found]


def test_each_user_of_clickhouse_may_do_what_is_said(chdb_path: str, clickhouse: Client) -> None:
    """Without any single grant of the first user, that is missed by name, or nothing is known."""
    load_capture(clickhouse)
    home = str(clickhouse.database)
    few = grants_of("ClickHouse: look, and manage sessions", home)
    with as_clickhouse_user(chdb_path, home, few) as stores:
        assert stores.patterns.health().lacks == ()
        assert stores.patterns.read().usages
        assert stores.patterns.quick().usages
        assert stores.pattern_audit.facts().parts_limits
        assert stores.pattern_erasing.rights() != ()
    for missing in few:
        if missing.endswith(("system.settings", "system.databases")):
            continue  # the driver does without the one, and the other says what is not there
        with as_clickhouse_user(chdb_path, home, [one for one in few if one != missing]) as stores:
            try:
                assert stores.patterns.health().lacks != (), missing
            except StoreDenied:
                continue
    more = grants_of("ClickHouse: purge", home)
    with as_clickhouse_user(chdb_path, home, more) as stores:
        assert stores.patterns.health().lacks == ()
        assert stores.pattern_erasing.rights() == ()
        stores.pattern_erasing.look(surface_of(MINE))

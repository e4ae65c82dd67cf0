"""Memory that is carried over: counts are exact, and what is not known anew is said to be so."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import redis
from hypothesis import HealthCheck, given, settings, strategies as st

from services.figures import Amount, Precision
from services.stores.redis.carry import Base
from services.stores.redis.usage import KeyspaceStore
from services.tenancy.layout import Owner, OwnerKind
from services.usage.groups import Groups
from services.usage.readings import KeyReading
from tests.engines.redis.keys import as_user, counts_of, naive_counts, store_of
from tests.servers.valkey import until_it_tells

NO_SAMPLE, ALL = 1e-12, 1.0
Held = dict[tuple[Owner, str], Amount]


def carrying_store(
    client: redis.Redis, *, share: float = NO_SAMPLE, **more: object
) -> KeyspaceStore:
    return store_of(client, memory_every=3600, few=0, memory_sample=share, **more)


def again(store: KeyspaceStore, last: KeyReading) -> KeyReading:
    """Read once more, as if something had been written since."""
    return store.read(last=replace(last, mark=None))


def held(reading: KeyReading) -> Held:
    return {(group.owner, group.kind): group.amount for group in reading.groups}


def total(reading: KeyReading) -> int:
    return Groups.of(reading.groups).amounts.total().bytes or 0


def base_of(reading: KeyReading) -> Base:
    assert isinstance(reading.base, Base)
    return reading.base


def with_base(reading: KeyReading, **other: object) -> KeyReading:
    return replace(reading, base=replace(base_of(reading), **other))  # type: ignore[arg-type]


def kato_keys(client: redis.Redis, *, kb_ids: int, patterns: int, chance: random.Random) -> None:
    """Write what KATO writes: of each kb_id patterns, sets of them by symbol, and predictions."""
    pipe = client.pipeline(transaction=False)
    for number in range(kb_ids):
        kb = f"tenant_t{number}_kato"
        pipe.hset(f"{kb}:symbols:freq", mapping={f"tok{at}": 1 for at in range(patterns // 3)})
        for at in range(patterns):
            pipe.set(f"{kb}:frequency:{at:040x}", 1)
            pipe.set(f"{kb}:prediction:obs-{at}", "0.5," * chance.randint(20, 400))
        for at in range(patterns // 3):
            members = [f"{chance.getrandbits(160):040x}" for _ in range(chance.randint(1, 9))]
            pipe.sadd(f"{kb}:symbol_to_patterns:tok{at}", *members)
    pipe.execute()


changes = st.lists(
    st.tuples(
        st.booleans(), st.sampled_from("abcn"), st.sampled_from(["frequency", "prediction"]),
        st.integers(0, 30), st.integers(1, 900),
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=changes)
def test_counts_are_exact_and_what_did_not_change_is_as_it_was(
    valkey: redis.Redis, done: list[tuple[bool, str, str, int, int]]
) -> None:
    """Whatever comes and goes: nothing is guessed for who was not there, and sums are conserved."""
    valkey.flushall()
    kinds = ("frequency", "prediction", "emotives")
    valkey.mset({f"{kb}_kato:{kind}:{n}": "x" * n * 9 for kb in "abc" for kind in kinds
                 for n in range(20)})  # fmt: skip
    valkey.set("nobodys", "x")
    store = carrying_store(valkey)
    last = store.read()
    for writes, kb, kind, number, size in done:
        if writes:
            valkey.set(f"{kb}_kato:{kind}:{number}", "x" * size, nx=True)
        else:
            valkey.delete(f"{kb}_kato:{kind}:{number}")
    reading, exact, was = again(store, last), held(store.read()), held(last)
    assert (reading.precision, reading.memory_at) == (Precision.SAMPLED, base_of(last).at)
    assert counts_of(reading) == naive_counts(valkey.keys())
    assert reading.base is last.base
    for name, amount in held(reading).items():
        before = was.get(name)
        if before is None:
            assert amount == exact[name]
        elif before.count == amount.count:
            assert amount == before
        else:
            assert amount.bytes == round((before.bytes or 0) / before.count * amount.count)
            assert amount.bytes_margin > 0
    amounts = held(reading).values()
    whole = Groups.of(reading.groups).amounts.total()
    assert whole.bytes == sum(each.bytes or 0 for each in amounts)
    assert whole.count + len(reading.sessions or ()) == valkey.dbsize()


@pytest.mark.parametrize("seed", [1, 2])
def test_totals_are_within_one_percent(valkey: redis.Redis, seed: int) -> None:
    """Of keys as KATO's, some of which came and some went; also as carried over once more."""
    chance = random.Random(seed)
    kato_keys(valkey, kb_ids=20, patterns=100, chance=chance)
    store = carrying_store(valkey)
    reading = store.read()
    for step in range(2):
        names = sorted(valkey.keys())
        valkey.delete(*chance.sample(names, len(names) // 50))
        valkey.mset({
            f"tenant_t{chance.randrange(20)}_kato:prediction:more-{step}-{n}":
            "0.5," * chance.randint(20, 400) for n in range(len(names) // 50)
        })  # fmt: skip
        reading = again(store, reading)
        assert reading.memory_at is not None
        exact = store.read()
        assert total(reading) == pytest.approx(total(exact), rel=0.01)
        truth = held(exact)
        off = [abs((a.bytes or 0) - (truth[n].bytes or 0)) <= a.bytes_margin + 1
               for n, a in held(reading).items()]  # fmt: skip
        assert sum(off) / len(off) > 0.85


@pytest.mark.parametrize("how", [("FLUSHALL",), ("FLUSHDB",), ("SWAPDB", 8, 9),
                                 ("EVAL", "redis.call('flushall')", 0)])  # fmt: skip
def test_nothing_is_carried_over_an_emptying(valkey: redis.Redis, how: tuple[object, ...]) -> None:
    """However many keys there are now, and of whomever."""
    values = {f"a_kato:frequency:{n}": "x" for n in range(50)}
    valkey.mset(values)
    store = carrying_store(valkey)
    last = store.read()
    assert again(store, last).memory_at is not None
    valkey.execute_command(*how)
    valkey.mset(dict.fromkeys(values, "x" * 500))
    reading = again(store, last)
    assert reading.memory_at is None
    assert reading == replace(store.read(), used_memory=reading.used_memory)


def test_nothing_is_carried_over_to_another_server(valkey: redis.Redis) -> None:
    """Nor to the same one, started again, nor one whose commands are fewer than they were."""
    valkey.mset({f"a_kato:frequency:{n}": "x" for n in range(50)})
    store = carrying_store(valkey)
    last = store.read()
    standing = base_of(last).standing
    for other in (
        replace(standing, filled=("another", *standing.filled[1:])),
        replace(standing, commands=standing.commands * 9),
    ):
        assert again(store, with_base(last, standing=other)).memory_at is None
    assert again(store, last).memory_at is not None


def test_memory_is_read_anew_in_time(valkey: redis.Redis) -> None:
    """Also where nothing was written since it was carried over."""
    valkey.mset({f"a_kato:frequency:{n}": "x" for n in range(50)})
    store = carrying_store(valkey)
    last = store.read()
    until_it_tells(valkey)
    carried = again(store, last)
    assert carried.mark is not None
    assert store.read(last=carried).memory_at == carried.memory_at
    old = base_of(last).began - 3601
    assert again(store, with_base(last, began=old)).memory_at is None
    assert store.read(last=with_base(carried, began=old)).memory_at is None


def test_of_whom_too_little_is_known_nothing_is_carried_over(valkey: redis.Redis) -> None:
    """Where memory or INFO is withheld, of few keys, and without the setting."""
    valkey.mset({f"a_kato:frequency:{n}": "x" for n in range(50)})
    for rules in (("-memory",), ("-info",)):
        with as_user(valkey, "~*", "+@all", *rules) as theirs:
            assert carrying_store(theirs).read().base is None
    assert store_of(valkey, memory_every=3600).read().base is None
    assert store_of(valkey, few=0).read().base is None
    assert carrying_store(valkey).read(memory=False).base is None


def test_a_sample_that_says_otherwise_is_believed(valkey: redis.Redis) -> None:
    """As many keys as before, and larger: of one kind its sample tells, of all they are read."""
    valkey.mset({f"a_kato:prediction:{n}": "x" * 30_000 for n in range(200)})
    small = {f"b_kato:frequency:{n}": "x" for n in range(50)}
    valkey.mset(small)
    store = carrying_store(valkey, share=ALL)
    last = store.read()
    valkey.mset(dict.fromkeys(small, "x" * 200))
    reading = again(store, last)
    assert reading.memory_at is not None
    assert held(reading) == held(store.read())
    valkey.mset({f"a_kato:prediction:{n}": "x" * 50_000 for n in range(200)})
    reading = again(store, last)
    assert reading.memory_at is None
    assert reading.precision is Precision.EXACT
    assert held(reading) == held(store.read())


def test_a_large_new_owner_is_sampled_above_the_budget(valkey: redis.Redis) -> None:
    """As it is by any other pass; all of a small one are sized."""
    valkey.mset({f"a_kato:prediction:{n}": "x" * n for n in range(300)})
    store = carrying_store(valkey, share=0.01, memory_budget=100)
    last = store.read()
    was = held(last)[Owner(OwnerKind.KB, "a_kato"), "prediction"]
    assert was.bytes_margin > 0
    valkey.mset({f"big_kato:prediction:{n}": "x" * n for n in range(300)})
    valkey.mset({f"small_kato:prediction:{n}": "x" * n * 99 for n in range(4)})
    found = {owner.name: amount for (owner, _), amount in held(again(store, last)).items()}
    assert found["a_kato"] == was
    assert found["big_kato"].bytes_margin > 0
    assert found["small_kato"].bytes_margin == 0

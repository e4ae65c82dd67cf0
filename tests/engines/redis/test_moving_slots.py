"""Slots of a cluster that move while it is read and erased from: nothing is missed or met twice."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from services.purge.models import Surface
from services.stores.redis.cluster import lane
from services.stores.redis.cluster.slots import slot_of
from tests.engines.erasing import silent, surface_of
from tests.engines.redis.keys import counts_of, naive_counts, store_of
from tests.engines.redis.test_erasing import NODE, erasing_of, is_bob, prints, session
from tests.servers.redis_cluster import PROGRAMS, Node, running
from tests.servers.whole_cluster import WholeCluster
from tests.waiting import wait_until

MINE, OTHER = "tenant_acme_user_bob_kato", "tenant_acme_corp_user_bob_kato"
SYMBOLS = ("{a}", "{b}", "{cc}", "{foo}", "plain", "}{")
KEYS = [
    f"{kb}:symbol_to_patterns:{tag}{at}"
    for kb in (MINE, OTHER) for tag in SYMBOLS for at in range(5)
]  # fmt: skip
INDEX = b"kato:session:_active_index"
MOVED = (*map(str.encode, KEYS[:22]), INDEX, b"kato:session:mine-0", b"kato:session:other-0")
SLOTS = sorted(set(map(slot_of, MOVED)))

Move = tuple[int, int]
"""A slot, and to which of the primaries it moves."""


@pytest.fixture(scope="module", params=PROGRAMS)
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WholeCluster]:
    with running(tmp_path_factory.mktemp("cluster"), request.param) as found:
        client = WholeCluster(found)
        yield client
        client.close()


@contextmanager
def moving(whole: WholeCluster, moves: Sequence[Move], *, each: int) -> Iterator[None]:
    """Take so many steps of slots' moves before each look at what a node answers."""
    steps = itertools.chain.from_iterable(
        whole.running.moving(slot, whole.running.nodes[to]) for slot, to in moves
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("take", "now"):
            patch.setattr(lane.Lane, name, _after(steps, each, getattr(lane.Lane, name)))
        yield
    for _ in steps:
        pass


def _after(steps: Iterator[None], each: int, call: Callable[..., object]) -> Callable[..., object]:
    def called(*given: object) -> object:
        for _ in itertools.islice(steps, each):
            pass
        return call(*given)

    return called


def fill(whole: WholeCluster) -> None:
    whole.flushall()
    whole.mset(dict.fromkeys(KEYS, "x"))
    for at in range(4):
        session(whole, b"mine-%d" % at, NODE)
        session(whole, b"other-%d" % at, "tenant:acme-corp:user:bob")


MOVES = st.lists(st.tuples(st.sampled_from(SLOTS), st.integers(0, 2)), min_size=1, max_size=8)
EXAMPLES = settings(
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@EXAMPLES
@given(moves=MOVES, each=st.integers(1, 6))
def test_a_pass_counts_every_key_once(whole: WholeCluster, moves: list[Move], each: int) -> None:
    """Keys with their memory, sessions and KATO's index."""
    fill(whole)
    with moving(whole, moves, each=each):
        reading = store_of(whole).read()
    assert counts_of(reading) == naive_counts(
        [*map(str.encode, KEYS), b"kato:session:_active_index"]
    )
    assert all(group.amount.bytes for group in reading.groups)
    assert len(reading.sessions or ()) == 8
    assert (reading.index_members, reading.stale_members, reading.unindexed) == (8, 0, 0)


@EXAMPLES
@given(moves=MOVES, each=st.integers(1, 6))
def test_a_purge_erases_what_is_the_targets(
    whole: WholeCluster, moves: list[Move], each: int
) -> None:
    """All of it, and nothing else: surveyed, erased by name, swept."""
    fill(whole)
    before = prints(whole)
    surface = Surface(surface_of(MINE).kb_ids, nodes=frozenset({NODE}))
    erasing = erasing_of(whole)
    with moving(whole, moves, each=each):
        survey = erasing.survey(MINE.__eq__)
        erasing.erase_sessions(surface, is_bob, survey)
        erasing.erase(surface, is_bob, silent, survey)
        swept = erasing.sweep(surface, is_bob, silent)
    assert survey.kb_ids == {MINE: 30, OTHER: 30}
    assert swept.items == ()
    gone = {key for key in before if key.startswith(MINE.encode()) or b"mine-" in key}
    assert prints(whole) == {key: dump for key, dump in before.items() if key not in gone}
    assert erasing.look(surface, is_bob).items == ()


def test_slots_that_move_at_once_are_counted_once(whole: WholeCluster) -> None:
    """Valkey 9 hands a slot over in one moment; its keys are on two nodes until then."""
    nodes = whole.running.nodes
    if "valkey_version" not in nodes[0].client.info("server"):
        pytest.skip("it moves slots key by key alone")
    fill(whole)
    expected = naive_counts([*map(str.encode, KEYS), INDEX])
    over = threading.Event()
    thread = threading.Thread(target=_hand_over, args=(whole, over), daemon=True)
    thread.start()
    passes = 0
    while not over.is_set() or not passes:
        assert counts_of(store_of(whole).read()) == expected
        passes += 1
    thread.join()
    assert passes > 3
    assert counts_of(store_of(whole).read()) == expected


def _hand_over(whole: WholeCluster, over: threading.Event) -> None:
    for slot in SLOTS:
        primaries = whole.running.primaries
        source = next(n for n in primaries if slot in _served(n))
        target = primaries[(primaries.index(source) + 1) % len(primaries)]
        source.client.execute_command(
            "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id
        )
        wait_until(partial(_is_served, target, slot))
    over.set()


def _is_served(node: Node, slot: int) -> bool:
    return slot in _served(node)


def _served(node: Node) -> set[int]:
    """The slots of a node, as it sees it."""
    return {
        slot
        for first, last, primary, *_ in node.client.execute_command("CLUSTER SLOTS")
        for slot in range(first, last + 1)
        if primary[2].decode() == node.id
    }

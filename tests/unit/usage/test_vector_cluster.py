"""Shards of several peers put together: each once, whatever the peers say and in which order."""

from __future__ import annotations

from hypothesis import given, strategies as st

from services.usage.vector_cluster import (
    ACTIVE,
    Peer,
    Placement,
    Replica,
    Shard,
    Transfer,
    amiss,
    merged,
)

STATES = (ACTIVE, "Dead", "Partial", "Initializing", "Listener", "PartialSnapshot", "Recovery",
          "Resharding", "ReshardingScaleDown", "ActiveRead", "ManualRecovery")  # fmt: skip
PEERS = (1, 2, 3)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[dict[tuple[int, int], tuple[str, int]], list[Placement]]:
    """The truth by shard and peer (state, points), and what some of the peers say of it."""
    truth = draw(st.dictionaries(
        st.tuples(st.integers(0, 3), st.sampled_from(PEERS)),
        st.tuples(st.sampled_from(STATES), st.integers(0, 9)), min_size=1, max_size=8,
    ))  # fmt: skip
    tellers = draw(st.lists(st.sampled_from(PEERS), min_size=1, max_size=5))
    looks = []
    for teller in tellers:
        shards: dict[int, list[Replica]] = {}
        for (shard, peer), (state, points) in draw(st.permutations(list(truth.items()))):
            known = points if peer == teller else None
            size = None if known is None else known * 10
            shards.setdefault(shard, []).append(Replica(peer, state, known, size))
        looks.append(Placement("c", tuple(Shard(n, None, tuple(r)) for n, r in shards.items())))
    return truth, looks


@given(clusters(), st.randoms())
def test_each_shard_and_each_replica_is_there_once(cluster, random) -> None:  # type: ignore[no-untyped-def]
    """With the figures of its own peer where that one told, whatever the order."""
    truth, looks = cluster
    found = merged(looks)
    seen = {(s.id, r.peer): r for s in found.shards for r in s.replicas}
    assert seen.keys() == truth.keys()
    assert len(seen) == sum(len(s.replicas) for s in found.shards)
    random.shuffle(looks)
    assert merged(looks) == found
    assert merged([found, *looks]) == found
    told = {
        r.peer for look in looks for s in look.shards for r in s.replicas if r.points is not None
    }
    for (shard, peer), (state, points) in truth.items():
        assert seen[shard, peer].state == state
        assert seen[shard, peer].points == (points if peer in told else None)


@given(clusters())
def test_points_are_those_of_one_active_replica_of_each_shard(cluster) -> None:  # type: ignore[no-untyped-def]
    """Never less and never more: where replicas differ, or nobody told, it is not known."""
    truth, looks = cluster
    found = merged(looks)
    expected = 0
    for shard in found.shards:
        active = {r.points for r in shard.replicas if truth[shard.id, r.peer][0] == ACTIVE}
        if len(active) != 1 or None in active:
            assert found.points is None
            return
        expected += next(iter(active)) or 0
    assert found.points == expected


def test_a_replica_is_active_only_where_every_peer_says_so() -> None:
    """One that has not heard yet of a failure does not make it whole."""

    def said(state: str) -> Placement:
        return Placement("c", (Shard(0, None, (Replica(1, ACTIVE, 5), Replica(2, state))),))

    found = merged([said(ACTIVE), said("Dead")])
    assert [r.state for r in found.shards[0].replicas] == [ACTIVE, "Dead"]
    assert (found.points, found.settled, found.lost) == (5, False, ())


def test_a_shard_that_is_filled_out_of_another_counts_nothing_and_is_not_lost() -> None:
    """A tenant's own shard while it is promoted, and a new one while a collection is resharded."""
    shared = Shard(0, "default", (Replica(1, ACTIVE, 7, 70),))
    own = Shard(1, "acme", (Replica(2, "Partial", 3, 30),))
    found = Placement("c", (shared, own), (Transfer(0, 1, 2, 1),))
    assert (found.points, found.bytes, found.lost, found.settled) == (7, 70, (), False)
    assert (found.keys, found.readable_keys) == (("default", "acme"), ("default",))
    old, new = (Replica(1, ACTIVE, 7),), (Replica(2, "Resharding", 3),)
    grown = Placement("c", (Shard(0, None, old), Shard(1, None, new)), (), ("up",))
    assert (grown.points, grown.lost) == (None, ())


def test_a_shard_without_a_replica_that_answers_is_lost_and_said() -> None:
    """With the peer's name; half of an unsharded collection is no shard that is made anew."""
    for state in ("Dead", "Partial", "Recovery", "Listener"):
        found = Placement("c", (Shard(3, None, (Replica(9, state, 4),)),))
        assert (found.points, [s.id for s in found.lost]) == (None, [3])
        (said,) = amiss(found, {9: Peer(9, "http://q-2:6335/")})
        assert said == f"shard 3 of c on peer 9 (http://q-2:6335/) is {state}"


def test_without_a_shard_that_was_told_nothing_is_known() -> None:
    """And not 0: telemetry of little detail names collections alone."""
    assert (Placement("c").points, Placement("c").bytes) == (None, None)


def test_the_number_5_is_another_key_than_the_text() -> None:
    shards = (Shard(0, 5, (Replica(1, ACTIVE, 1),)), Shard(1, "5", (Replica(1, ACTIVE, 2),)))
    assert Placement("c", shards).keys == (5, "5")

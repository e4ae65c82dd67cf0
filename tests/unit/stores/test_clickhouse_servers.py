"""Which server of a cluster is which, who speaks for a shard, and what shards come to."""

from __future__ import annotations

from typing import NamedTuple, cast

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given, strategies as st

from services.errors import StoreMisconfigured
from services.stores.clickhouse.cluster import Target, whole
from services.stores.clickhouse.ddl import Task, on_cluster
from services.stores.clickhouse.query import Asking
from services.stores.clickhouse.servers import (
    LATE,
    Answer,
    Copy,
    Misplaced,
    Server,
    added,
    most,
    placed,
    servers_of,
    silent,
    speakers,
    unlisted,
)

shapes = st.lists(st.integers(1, 3), min_size=1, max_size=4)
copies = st.builds(
    Copy, st.just("kato.patterns_data"), st.just("/p"), st.booleans(), st.integers(0, 2 * LATE),
    st.integers(0, 9), st.integers(0, 3),
)  # fmt: skip


def cluster(shape: list[int]) -> tuple[Server, ...]:
    """Return so many replicas for each shard."""
    rows = [
        (shard, replica, f"ch-{shard}-{replica}.internal".encode(), 9000)
        for shard, count in enumerate(shape, start=1)
        for replica in range(1, count + 1)
    ]
    return servers_of(rows)


def answer(server: Server, *held: Copy, knows: bool = True) -> Answer:
    places = ((server.shard, server.replica),) if knows else ()
    return Answer((server.host.partition(".")[0], server.port), places, [server], held)


class TestPlaces:
    @given(shapes, st.data())
    def test_each_answer_is_its_servers_and_the_others_are_silent(
        self, shape: list[int], data: st.DataObject
    ) -> None:
        servers = cluster(shape)
        up = data.draw(st.lists(st.sampled_from(servers), unique=True))
        knows = data.draw(st.lists(st.booleans(), min_size=len(up), max_size=len(up)))
        found = placed(servers, [answer(s, knows=k) for s, k in zip(up, knows, strict=True)])
        assert {server: [server] for server in up} == {s: a.row for s, a in found.items()}
        assert set(silent(servers, found)) == set(servers) - set(up)

    @pytest.mark.parametrize(
        ("answers", "words"),
        [
            ([Answer(("elsewhere", 9000), ())], "is not in its definition"),
            ([Answer(("a", 9000), ((1, 1),)), Answer(("b", 9000), ((1, 1),))], "two servers"),
            ([Answer(("a", 9000), ((1, 1), (2, 1)))], "more than once"),
        ],
    )
    def test_what_would_be_counted_wrong_is_refused(
        self, answers: list[Answer], words: str
    ) -> None:
        with pytest.raises(Misplaced, match=words):
            placed(cluster([1, 1]), answers)


class TestSpeakers:
    @given(shapes, st.data())
    def test_a_shard_has_one_or_is_unknown(self, shape: list[int], data: st.DataObject) -> None:
        servers = cluster(shape)
        up = data.draw(st.dictionaries(st.sampled_from(servers), st.lists(copies, max_size=2)))
        answers = {server: answer(server, *held) for server, held in up.items()}
        found = speakers(servers, answers)
        assert set(found) == {server.shard for server in servers}
        for shard, speaker in found.items():
            fresh = [s for s, held in up.items() if s.shard == shard
                     and all(copy.behind < LATE for copy in held)]  # fmt: skip
            assert (speaker in fresh) if fresh else speaker is None
            if any(not any(copy.alone for copy in up[s]) for s in fresh):
                assert speaker is not None
                assert not any(copy.alone for copy in up[speaker])

    def test_replicas_of_which_nobody_in_the_cluster_knows(self) -> None:
        first, second = cluster([2])
        held = Copy("kato.patterns_data", "/p", False, 0, 0, 3)
        assert unlisted([answer(first, held), answer(second, held)]) == {held.table: (3, 2)}
        assert unlisted([answer(first, held), answer(second, held)], mute=1) == {}

    def test_a_row_of_the_system_table(self) -> None:
        row = (b"kato", b"patterns_data", b"/clickhouse/1", 0, 1, 7, 2, 3)
        assert Copy.of(row) == Copy("kato.patterns_data", "/clickhouse/1", True, 7, 2, 3)


figures = st.dictionaries(st.sampled_from("abc"), st.integers(0, 99))


class TestSums:
    @given(st.lists(st.tuples(st.integers(1, 3), figures)))
    def test_nothing_that_a_replica_has_is_overlooked_and_none_counts_twice(
        self, told: list[tuple[int, dict[str, int]]]
    ) -> None:
        found = most(told)
        for key in "abc":
            of = [(shard, has.get(key, 0)) for shard, has in told]
            assert found.get(key, 0) >= max((n for _, n in of), default=0)
            assert found.get(key, 0) == sum(
                max(n for at, n in of if at == shard) for shard in {at for at, _ in of}
            )

    @given(st.lists(figures))
    def test_sums_are_the_same_in_any_order(self, told: list[dict[str, int]]) -> None:
        assert added(told) == added(reversed(told))


class TestTargets:
    @pytest.mark.parametrize(
        ("full", "target"),
        [
            ("Distributed('c', 'kato', 'local')", Target("c", "kato", "local")),
            ("Distributed('c', '', 'local', rand()) SETTINGS x = 1", Target("c", "home", "local")),
            (r"Distributed('c\'s', 'a, b', 't\\\'x')", Target("c's", "a, b", r"t\'x")),
            ("Distributed(c, kato, `local`, cityHash64(kb_id))", Target("c", "kato", "local")),
            ("MergeTree ORDER BY tuple()", None),
        ],
    )
    def test_what_a_distributed_table_stands_before(self, full: str, target: Target | None) -> None:
        assert Target.of(full, "home") == target


def _nobody() -> Client:
    raise AssertionError


def test_what_goes_to_all_names_the_cluster_whatever_it_is_called() -> None:
    assert on_cluster(Asking(_nobody, database="kato", cluster="one`s")) == " ON CLUSTER `one\\`s`"
    assert on_cluster(Asking(_nobody, database="kato")) == ""


states = st.sampled_from(["Inactive", "Active", "Finished", "Removing", "Unknown"])


class TestTasks:
    @given(
        st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["0", "\\N", "60"])),
        st.lists(st.tuples(st.sampled_from("abcd"), states, st.sampled_from([0, 60]))),
    )
    def test_a_server_is_done_only_when_it_was_said(
        self, answered: dict[str, str], queued: list[tuple[str, str, int]]
    ) -> None:
        lines = [(host, "9000", status, "", "0", "0") for host, status in answered.items()]
        task = Task.of_answer(lines)
        rows = [(host.encode(), 9000, state.encode(), code) for host, state, code in queued]
        later = task.later(rows)
        finished = {f"{h}:9000" for h, s, _ in queued if s == "Finished"}
        assert task.due == {f"{h}:9000" for h, status in answered.items() if status == "\\N"}
        assert later.due == task.due - finished
        assert task.failed.items() <= {**later.failed, **task.failed}.items()
        assert {f"{h}:9000" for h, s, code in queued if s == "Finished" and code} <= set(
            later.failed
        )


class _Known(NamedTuple):
    value: str
    readonly: int


class _Client:
    def __init__(self, value: str, readonly: int) -> None:
        self.server_settings = {"skip_unavailable_shards": _Known(value, readonly)}


def test_who_has_to_skip_shards_is_told_no_figure() -> None:
    """Who may set it back has it set back, and who may not and need not reads on."""
    with pytest.raises(StoreMisconfigured, match="figures would be short"):
        whole(cast("Client", _Client("1", 1)), None)
    for value, readonly in (("1", 0), ("0", 1)):
        found = whole(cast("Client", _Client(value, readonly)), {"mutations_sync": 2})
        assert (found["skip_unavailable_shards"], found["mutations_sync"]) == (0, 2)

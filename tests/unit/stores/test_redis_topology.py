"""What a node of a cluster tells of the others, and where a command goes."""

from __future__ import annotations

import pytest

from services.stores.redis.cluster.slots import SLOTS, is_split, key_of
from services.stores.redis.cluster.topology import (
    Address,
    ranges_of,
    redirection,
    roles_of,
    topology_of,
)

TOLD = Address("seed", 7000)


def test_slots_have_their_primaries_and_these_replicas() -> None:
    """By the endpoint that each announces; with none, where the one is that tells."""
    reply = [
        [0, 9, [b"a", 1, b"id-a", []], [b"b", 2, b"id-b", []]],
        [12, SLOTS - 1, [b"a", 1, b"id-a", []], [None, 3, b"id-c", []], [b"", 4, b"id-d", []]],
        [10, 10, [b"?", 5, b"id-e", []]],
    ]
    found = topology_of(reply, told_by=TOLD)
    assert found.primaries == (Address("a", 1), Address("seed", 5))
    assert found.unserved == "11"
    assert found.replicas[Address("a", 1)] == [
        Address("b", 2),
        Address("seed", 3),
        Address("seed", 4),
    ]
    assert found.ids == {Address("a", 1): "id-a", Address("seed", 5): "id-e"}
    assert len(found.addresses) == 5


@pytest.mark.parametrize(("text", "found"), [
    ("MOVED 3999 127.0.0.1:6381", (3999, Address("127.0.0.1", 6381))),
    ("ASK 0 ::1:7", (0, Address("::1", 7))),
    ("MOVED 1 redis-2.example.com:7", (1, Address("redis-2.example.com", 7))),
    ("MOVED 1 :7", (1, Address("seed", 7))),
    ("MOVED 1 ?:7", (1, Address("seed", 7))),
])  # fmt: skip
def test_a_redirection_names_a_slot_and_a_place(text: str, found: object) -> None:
    assert redirection(text, TOLD) == found


def test_roles_are_by_id() -> None:
    told = (
        b"id-a h:1@2 myself,master - 0 0 1 connected 0-5\nid-b h:3@4,name slave,fail id-a 0 0 1 x\n"
    )
    assert roles_of(told) == {"id-a": {"myself", "master"}, "id-b": {"slave", "fail"}}
    assert ranges_of([3, 1, 2, 9]) == "1-3, 9"
    assert str(Address("::1", 7)) == "[::1]:7"


def test_what_is_asked_of_each_node_has_no_key() -> None:
    """To send it somewhere would be an answer of one node for all."""
    assert key_of([b"memory", b"usage", b"k"]) == b"k"
    assert key_of([b"GET", b"k"]) == b"k"
    assert is_split([b"mget", b"a", b"b"])
    assert not is_split([b"UNLINK", b"a"])
    for verb in (b"INFO", b"scan", b"CONFIG", b"ROLE"):
        with pytest.raises(ValueError, match="ask each node"):
            key_of([verb, b"x"])

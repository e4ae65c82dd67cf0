"""What Qdrant's JSON says of a cluster: its peers, and where shards and replicas are. Pure.

Nothing here trusts a shape, as in `facts`. Names of fields: qdrant-client 1.20's models of
`GET /cluster`, `/cluster/telemetry`, `/telemetry` and `/collections/{name}/cluster`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from services.stores.qdrant.facts import (
    at,
    bytes_of_shard,
    figure_of_shard,
    indexed_of_shard,
    whole,
)
from services.usage.vector_cluster import Peer, Placement, Replica, Shard, ShardKey, Transfer

UNKNOWN_STATE = "in no state that is known"


def peer_of(answer: object) -> int | None:
    """Return the id of the peer that answered `GET /cluster` or `GET /telemetry`."""
    own = at(answer, "result", "peer_id")
    return whole(own if own is not None else at(answer, "result", "cluster", "status", "peer_id"))


def peers_of_cluster(answer: object) -> tuple[Peer, ...] | None:
    """Read the answer of `GET /cluster`; None where the server is alone.

    What the peer that is asked says of itself alone, its role and what is pending, is its own.
    """
    result = at(answer, "result")
    if at(result, "status") != "enabled":
        return None
    failing = at(result, "message_send_failures")
    failing = failing if isinstance(failing, Mapping) else {}
    own, raft = whole(at(result, "peer_id")), at(result, "raft_info")
    leader = whole(at(raft, "leader"))
    found = tuple(
        Peer(
            number,
            uri,
            problem="no message of the consensus reaches it" if _is_failing(uri, failing) else "",
            role=_text(at(raft, "role")) if number == own else _leads(number == leader),
            pending=whole(at(raft, "pending_operations")) if number == own else None,
        )
        for number, uri in _addresses(at(result, "peers"))
    )
    return found if len(found) > 1 else None


def _leads(leads: bool) -> str | None:
    return "Leader" if leads else None


def _is_failing(uri: str, failing: Mapping[str, object]) -> bool:
    return any(address.rstrip("/") == uri.rstrip("/") for address in failing)


def _addresses(peers: object) -> Iterator[tuple[int, str]]:
    for number, about in sorted(peers.items()) if isinstance(peers, Mapping) else ():
        if str(number).isdigit():
            yield int(number), _text(at(about, "uri")) or ""


def peers_of_telemetry(answer: object) -> tuple[Peer, ...]:
    """Return the peers that one of them names in its telemetry, itself with what it says."""
    cluster, app = at(answer, "result", "cluster"), at(answer, "result", "app")
    own = peer_of(answer)
    return tuple(
        Peer(
            number,
            uri,
            version=_text(at(app, "version")) if number == own else None,
            role=_text(at(cluster, "status", "role")) if number == own else None,
            pending=whole(at(cluster, "status", "pending_operations")) if number == own else None,
        )
        for number, uri in _addresses(at(cluster, "peers"))
    )


def placements_of_telemetry(answer: object) -> dict[str, Placement]:
    """Return where the shards are, as one peer knows it: figures only of its own replicas."""
    own = peer_of(answer)
    entries = at(answer, "result", "collections", "collections")
    found = {}
    for entry in entries if isinstance(entries, list) else ():
        name, shards = at(entry, "id"), at(entry, "shards")
        if isinstance(name, str) and isinstance(shards, list) and own is not None:
            found[name] = Placement(
                name,
                tuple(filter(None, (_shard_of_telemetry(each, own) for each in shards))),
                _transfers(at(entry, "transfers")),
                _directions(at(entry, "resharding")),
            )
    return found


def _shard_of_telemetry(shard: object, own: int) -> Shard | None:
    number, states = whole(at(shard, "id")), at(shard, "replicate_states")
    if number is None:
        return None
    known = dict(_states(states))
    for each in at(shard, "remote") or ():
        known.setdefault(whole(at(each, "peer_id")) or 0, UNKNOWN_STATE)
    local = at(shard, "local")
    if isinstance(local, Mapping):
        known.setdefault(own, UNKNOWN_STATE)
    return Shard(number, _key(at(shard, "key")), tuple(
        _local_replica(peer, state, local) if peer == own and local else Replica(peer, state)
        for peer, state in sorted(known.items())
    ))  # fmt: skip


def _local_replica(peer: int, state: str, local: object) -> Replica:
    return Replica(
        peer, state, figure_of_shard(local, "num_points"), bytes_of_shard(local),
        _text(at(local, "status")), indexed_of_shard(local),
    )  # fmt: skip


def _states(states: object) -> Iterator[tuple[int, str]]:
    for peer, state in states.items() if isinstance(states, Mapping) else ():
        if str(peer).isdigit():
            yield int(peer), _text(state) or UNKNOWN_STATE


def peers_of_all(answer: object) -> tuple[Peer, ...] | None:
    """Read the peers out of `GET /cluster/telemetry` (Qdrant 1.17); None when it is not that."""
    peers = at(answer, "result", "cluster", "peers")
    if not isinstance(peers, Mapping) or not isinstance(at(answer, "result", "collections"), dict):
        return None
    return tuple(
        Peer(
            number, uri,
            problem="" if at(peers, str(number), "responsive") is True else "it did not answer",
            version=_text(at(peers, str(number), "details", "version")),
            role=_text(at(peers, str(number), "details", "role")),
            pending=whole(at(peers, str(number), "details", "num_pending_operations")),
        )
        for number, uri in _addresses(peers)
    )  # fmt: skip


def placements_of_all(answer: object) -> dict[str, Placement]:
    """Return where the shards are by `GET /cluster/telemetry`, with every replica's figures."""
    found = {}
    entries = at(answer, "result", "collections")
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        shards = at(entry, "shards")
        if isinstance(shards, list):
            found[name] = Placement(
                name,
                tuple(filter(None, map(_shard_of_all, shards))),
                _transfers(at(entry, "shard_transfers")),
                _directions(at(entry, "reshardings")),
            )
    return found


def _shard_of_all(shard: object) -> Shard | None:
    number, replicas = whole(at(shard, "id")), at(shard, "replicas")
    if number is None or not isinstance(replicas, list):
        return None
    return Shard(number, _key(at(shard, "key")), tuple(
        Replica(
            whole(at(each, "peer_id")) or 0, _text(at(each, "state")) or UNKNOWN_STATE,
            whole(at(each, "num_points")), bytes_of_shard(each), _text(at(each, "status")),
        )
        for each in replicas
    ))  # fmt: skip


def placement_of_collection(name: str, answer: object) -> Placement | None:
    """Read the answer of `GET /collections/{name}/cluster`; None when it is not that."""
    result = at(answer, "result")
    local, remote = at(result, "local_shards"), at(result, "remote_shards")
    own = whole(at(result, "peer_id"))
    if own is None or not isinstance(local, list) or not isinstance(remote, list):
        return None
    keys: dict[int, ShardKey | None] = {}
    replicas: dict[int, list[Replica]] = {}
    for each in (*local, *remote):
        number = whole(at(each, "shard_id"))
        if number is None:
            return None
        keys[number] = _key(at(each, "shard_key"))
        peer, state = at(each, "peer_id"), _text(at(each, "state")) or UNKNOWN_STATE
        points = whole(at(each, "points_count"))
        replica = Replica(own if peer is None else whole(peer) or 0, state, points)
        replicas.setdefault(number, []).append(replica)
    return Placement(
        name,
        tuple(Shard(number, key, tuple(replicas[number])) for number, key in sorted(keys.items())),
        _transfers(at(result, "shard_transfers")),
        _directions(at(result, "resharding_operations")),
    )


def _transfers(listed: object) -> tuple[Transfer, ...]:
    return tuple(
        Transfer(
            whole(at(each, "shard_id")) or 0, whole(at(each, "from")) or 0,
            whole(at(each, "to")) or 0, whole(at(each, "to_shard_id")),
        )
        for each in (listed if isinstance(listed, list) else ())
    )  # fmt: skip


def _directions(listed: object) -> tuple[str, ...]:
    entries = listed if isinstance(listed, list) else ()
    return tuple(_text(at(each, "direction")) or "in no known direction" for each in entries)


def _key(value: object) -> ShardKey | None:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

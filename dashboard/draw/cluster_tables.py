"""Qdrant's peers, what of its shards is not whole, and tenants by shards, as table rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from dashboard.draw.formatting import visible
from services.setup.tiers import Standing
from services.setup.words import DEEDS, TIERS, shards_words
from services.usage.vector_cluster import Peer, Placement, VectorCluster

UNSETTLED = ("Collection", "Shard", "State", "Peer")


def peers_frame(cluster: VectorCluster) -> pd.DataFrame:
    """Return one row a peer: whether it answered, and what it says of itself."""
    rows = [
        {
            "Peer": str(each.id),
            "State": f"unknown: {visible(each.problem)}" if each.problem else "ok",
            "Address": visible(each.uri) or None,
            "Version": each.version and visible(each.version),
            "Role": each.role and visible(each.role),
            "Pending operations": each.pending,
            "Replicas": cluster.replicas.get(each.id, 0),
        }
        for each in cluster.peers
    ]
    frame = pd.DataFrame(rows)
    frame["Pending operations"] = frame["Pending operations"].astype("Int64")
    return frame


def unsettled_frame(cluster: VectorCluster) -> pd.DataFrame:
    """Return one row for each replica that is not Active, and for what is on its way."""
    rows = [row for each in cluster.unsettled for row in _unsettled(each, cluster)]
    return pd.DataFrame(rows, columns=list(UNSETTLED))


def _unsettled(placement: Placement, cluster: VectorCluster) -> Iterator[tuple[str, ...]]:
    name = visible(placement.collection)
    for shard in placement.shards:
        for replica in shard.replicas:
            if not replica.active:
                peer = _short(cluster.peer(replica.peer))
                yield name, visible(shard.name), visible(replica.state), peer
    for each in placement.transfers:
        into = "" if each.to_shard is None else f" into shard {each.to_shard}"
        ends = _short(cluster.peer(each.source)), _short(cluster.peer(each.target))
        yield name, f"shard {each.shard}", f"on its way{into}", " to ".join(ends)
    for way in placement.resharding:
        yield name, "", f"being resharded ({visible(way)})", ""


def _short(peer: Peer) -> str:
    """Return where a peer is; its id where that is not known."""
    return visible(peer.uri or str(peer.id))


def standings_frame(standings: Iterable[Standing]) -> pd.DataFrame:
    """Return one row a tenant of a collection that has shards by key."""
    rows = [
        {
            "Tenant": visible(each.tenant),
            "Collection": visible(each.collection),
            "Points": each.points,
            "Shards": visible(shards_words(each)),
            "On": TIERS[each.tier],
            "To do": DEEDS[each.deed],
        }
        for each in standings
    ]
    columns = ["Tenant", "Collection", "Points", "Shards", "On", "To do"]
    return pd.DataFrame(rows, columns=columns)

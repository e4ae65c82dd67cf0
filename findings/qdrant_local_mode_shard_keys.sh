#!/usr/bin/env bash
# qdrant-client 1.20.0, local mode: it refuses to make a shard key, and takes one in every request
# that reads or deletes, where it means nothing.
#
# Most would expect: what is not supported is refused everywhere. create_shard_key raises
# NotImplementedError ("Sharding is not supported in the local Qdrant"), so a request that names a
# shard key would raise as well; or it would go to the points that were written under that key.
# Seen: a collection with custom sharding is made, points are written with shard_key_selector="a"
# and "b", and count, scroll, query_points and delete with a shard key see every point, whichever
# key is named, also one that nothing was written under. Deleting the points of tenant "a" by its
# shard key leaves nothing of tenant "b". A test on local mode then proves the opposite of what a
# server does: filter by payload as well.
#
# It installs qdrant-client into a temporary folder and runs it in one process. Exit 0: as described
# here. Exit 1: it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check qdrant-client==1.20.0
cat > "$folder/show.py" <<'PYTHON'
import sys

from qdrant_client import QdrantClient, models

client = QdrantClient(":memory:")
client.create_collection(
    "vectors",
    vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT),
    sharding_method=models.ShardingMethod.CUSTOM,
)
try:
    client.create_shard_key("vectors", "a")
    refused = False
except NotImplementedError as problem:
    refused = True
    print("create_shard_key:", problem)
for number, key in ((1, "a"), (2, "b")):
    point = models.PointStruct(id=number, vector=[1.0, 0.0], payload={"tenant": key})
    client.upsert("vectors", [point], shard_key_selector=key)
seen = {
    "count of a": client.count("vectors", shard_key_selector="a").count,
    "count of a key without points": client.count("vectors", shard_key_selector="c").count,
    "scroll of a": len(client.scroll("vectors", shard_key_selector="a")[0]),
    "query of a": len(client.query_points("vectors", [1.0, 0.0], shard_key_selector="a").points),
}
everything = models.FilterSelector(filter=models.Filter())
client.delete("vectors", everything, shard_key_selector="a")
seen["left after all of a was deleted"] = client.count("vectors").count
for what, number in seen.items():
    print(f"{what}: {number}")
sys.exit(0 if refused and list(seen.values()) == [2, 2, 2, 2, 0] else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"

"""What `kato-tenants doctor` says of a store that is a cluster."""

from __future__ import annotations

import json

from cli.doctor import json_text, text
from services.figures import StoreState
from services.health.models import Check, Health, Replica, ReplicaState

REPLICAS = (
    Replica("ch-1:9000", 1, 1, ReplicaState.WELL, behind=0, queue=0, speaks=True),
    Replica("ch-2:9000", 1, 2, ReplicaState.SILENT),
)
HEALTH = Health(
    "clickhouse", "26.9", 0.001, replicas=REPLICAS, notes=("no purge can be proven",),
)  # fmt: skip
CHECK = Check("clickhouse", StoreState.OK, HEALTH)


def test_it_names_each_server_and_what_to_know() -> None:
    assert text([CHECK], {}, None).splitlines()[1:] == [
        "  ch-1:9000 (shard 1, replica 1): well, 0 s behind",
        "  ch-2:9000 (shard 1, replica 2): does not answer",
        "  no purge can be proven",
    ]


def test_its_json_has_null_for_what_a_server_did_not_say() -> None:
    (store,) = json.loads(json_text([CHECK], {}, None))["stores"]
    assert store["notes"] == ["no purge can be proven"]
    assert [each["behind_seconds"] for each in store["replicas"]] == [0, None]
    assert store["replicas"][1] == {
        "server": "ch-2:9000", "shard": 1, "replica": 2, "state": "does not answer",
        "behind_seconds": None, "queue": None, "speaks": False,
    }  # fmt: skip

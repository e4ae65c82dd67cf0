"""A purge on a cluster whose nodes die, fail over and hand slots on: a short round of the loop.

`python -m bench.redis_faults` does as many as one likes.
"""

from __future__ import annotations

from pathlib import Path

from tests.servers.cluster_faults import rounds


def test_nothing_of_bystanders_is_lost_and_nothing_is_said_that_is_not_so(tmp_path: Path) -> None:
    (one,) = rounds(tmp_path, "valkey_9", range(7, 8), most=2)
    assert one.done["read"]
    assert one.done["_move"] + one.done["_kill"] + one.done["_take_over"]

"""The servers of a cluster as table rows."""

from __future__ import annotations

import pandas as pd

from dashboard.draw.store_tables import replicas_frame
from services.health.models import Replica, ReplicaState


def test_a_server_that_does_not_answer_has_no_figures() -> None:
    frame = replicas_frame([
        Replica("ch-1:9000", 1, 1, ReplicaState.WELL, behind=0, queue=0, speaks=True),
        Replica("ch-2:9000", 1, 2, ReplicaState.BEHIND, behind=40, queue=3),
        Replica("ch-\u202e3:9000", 2, 1, ReplicaState.SILENT),
    ])  # fmt: skip
    assert list(frame["Server"]) == ["ch-1:9000", "ch-2:9000", "ch-\\u202e3:9000"]
    assert list(frame["State"]) == ["well", "behind", "does not answer"]
    assert list(frame["Behind"])[:2] == ["0 s", "40 s"]
    assert pd.isna(frame["Behind"][2])
    assert list(frame["Read from"]) == ["yes", "no", "no"]
    assert list(frame["Waiting"])[:2] == [0, 3]
    assert frame["Waiting"][2] is pd.NA

"""Metrics of jobs of every kind but purges, which have more to tell (`purges.py`). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from services.jobs.models import JobState
from services.metrics.catalogue import gauge
from services.metrics.models import Moment


def jobs(moment: Moment) -> Iterator[Metric]:
    """Yield how many there are of each kind; nothing where it is not known.

    A kind of which there never was one has no series.
    """
    tally = moment.books.jobs
    if tally is None:
        return
    kept, unattended = gauge("jobs"), gauge("jobs_unattended")
    for kind, states in sorted(tally.states.items()):
        for state in JobState:
            kept.add_metric((kind, state.value), states.get(state, 0))
        held = [job.is_held(moment.now) for job in tally.running.get(kind, ())]
        unattended.add_metric((kind,), held.count(False))
    yield from (kept, unattended)

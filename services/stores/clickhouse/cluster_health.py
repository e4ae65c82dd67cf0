"""How the servers of a cluster are, and whether tables reach further than what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.errors import StoreDenied, StoreRejected
from services.health.models import Replica, ReplicaState
from services.stores.clickhouse.cluster import Target
from services.stores.clickhouse.query import Asking
from services.stores.clickhouse.servers import LATE, Answer, Server, behind, speakers, unlisted
from services.tenancy.layout import text_of

_OPERATION = "looking at the cluster"
_BEYOND = """
SELECT (SELECT groupArray((name, engine_full)) FROM system.tables
        WHERE database = {db:String} AND engine = 'Distributed'),
       (SELECT groupArray((table, total_replicas)) FROM system.replicas
        WHERE database = {db:String} AND total_replicas > 1)
"""


def replicas_of(asking: Asking) -> tuple[tuple[Replica, ...], tuple[str, ...]]:
    """Return the servers of the cluster with how they are, and what to know. Raises StoreError.

    Where no cluster is set there are none, and it is said which tables reach further than the one
    server that is asked.
    """
    if asking.cluster is None:
        return (), _beyond(asking)
    roll = asking.spread.roll(_OPERATION)
    speak = speakers(roll.servers, roll.answers)
    found = tuple(
        _replica(each, roll.answers.get(each), speaks=speak[each.shard] == each)
        for each in roll.servers
    )
    return found, tuple(_notes(found, speak, roll.answers.values()))


def users_of(asking: Asking) -> dict[str, str]:
    """Return as whom each server of the cluster that answers was asked. Raises StoreError."""
    answers = asking.spread.roll(_OPERATION, "SELECT currentUser()").answers
    return {server.address: text_of(answer.row[0]) for server, answer in answers.items()}


def unasked_of(asking: Asking) -> dict[str, tuple[int, int]]:
    """Return the tables with more replicas than are asked: how many there are, and how many are.

    Of who may not read `system.replicas` none. Raises StoreError.
    """
    if asking.cluster is not None:
        roll = asking.spread.roll(_OPERATION)
        return unlisted(roll.answers.values(), len(roll.silent))
    try:
        _, copies = asking.row(_OPERATION, _BEYOND, {})
    except (StoreDenied, StoreRejected):
        return {}
    return {text_of(table): (total, 1) for table, total in copies}


def _replica(server: Server, answer: Answer | None, *, speaks: bool) -> Replica:
    if answer is None:
        state, late, queue = ReplicaState.SILENT, None, None
    else:
        late, queue = behind(answer.copies), sum(each.queue for each in answer.copies)
        alone = any(each.alone for each in answer.copies)
        state = ReplicaState.READ_ONLY if alone else ReplicaState.WELL
        state = ReplicaState.BEHIND if late >= LATE else state
    return Replica(server.address, server.shard, server.replica, state, late, queue, speaks)


def _notes(
    replicas: Iterable[Replica], speak: dict[int, Server | None], answers: Iterable[Answer]
) -> Iterator[str]:
    for shard, server in speak.items():
        if server is None:
            yield f"nobody speaks for shard {shard}: how many patterns there are is not known"
    silent = [each.name for each in replicas if each.state is ReplicaState.SILENT]
    if silent:
        yield f"no purge can be proven until {', '.join(silent)} answers"
    alone = [each.name for each in replicas if each.state is ReplicaState.READ_ONLY]
    if alone:
        yield (
            f"{', '.join(alone)} may only read: without a session with Keeper a server hears of no "
            "write and carries out no purge; see that Keeper runs and is reached from there"
        )
    for table, (known, asked) in unlisted(answers, len(silent)).items():
        yield f"{table} has {known} replicas, of which {asked} are in the cluster and answer"


def _beyond(asking: Asking) -> tuple[str, ...]:
    try:
        faces, copies = asking.row(_OPERATION, _BEYOND, {})
    except (StoreDenied, StoreRejected):
        return ()
    return (
        *(_distributed(text_of(name), text_of(full), asking.database) for name, full in faces),
        *(
            f"{text_of(table)} has {total} replicas, of which one is asked: set "
            "CLICKHOUSE_CLUSTER, so that a purge is proven on each"
            for table, total in copies
        ),
    )


def _distributed(name: str, engine_full: str, home: str) -> str:
    target = Target.of(engine_full, home)
    to = f" to {target.cluster}" if target else ""
    return f"{name} is Distributed, over servers that are not asked: set CLICKHOUSE_CLUSTER{to}"

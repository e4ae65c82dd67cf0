"""Statements that go to every server of a cluster, followed until each has carried them out.

`ON CLUSTER` puts a statement into Keeper, from where each server takes it. What a server has not
done when the wait is over it does later: `system.distributed_ddl_queue` is asked until then.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.binding import quote_identifier

from services.errors import StoreRejected, StoreUnavailable
from services.stores.clickhouse.connect import STORE
from services.stores.clickhouse.query import Asking
from services.tenancy.layout import text_of

_LONGEST_WAIT = 60
WAITS = 120.0
"""Seconds for which tables are made and dropped on all servers."""
_QUEUE = """
SELECT groupArray((ifNull(host, ''), ifNull(port, 0), toString(status), ifNull(exception_code, 0)))
FROM system.distributed_ddl_queue
WHERE cluster = {cluster:String} AND settings['log_comment'] = {comment:String}
"""
_FLUSH = "SYSTEM FLUSH ASYNC INSERT QUEUE"
_NO_QUEUE = 36
"""The error of a server that never had anything to hold back."""
_FINISHED = "Finished"
_FIRST_PAUSE, _LAST_PAUSE = 0.2, 5.0


@dataclass(frozen=True, slots=True)
class Task:
    """How a statement stands on each server, by `host:port`.

    `failed` have the code of their error; what is `due` a server may still do, at any time.
    """

    due: frozenset[str]
    failed: Mapping[str, int]

    @classmethod
    def of_answer(cls, lines: Iterable[Sequence[str]]) -> Task:
        """Read what `ON CLUSTER` answers: host, port, status, error, and two counts.

        With `distributed_ddl_output_mode = never_throw` the status of a server that could not is
        its error, and that of one that has not yet is NULL, written as a backslash and N.
        """
        states = {f"{host}:{port}": status for host, port, status, *_ in lines}
        failed = {at: int(code) for at, code in states.items() if code not in {"0", "\\N"}}
        return cls(frozenset(at for at, code in states.items() if code == "\\N"), failed)

    def later(self, rows: Iterable[Sequence[Any]]) -> Task:
        """Return how it stands by the queue: one that is not there is as it was."""
        due, failed = set(self.due), dict(self.failed)
        for host, port, status, code in rows:
            at = f"{text_of(host)}:{port}"
            if text_of(status) == _FINISHED:
                due.discard(at)
                if code:
                    failed[at] = code
        return Task(frozenset(due), failed)


def on_cluster(asking: Asking) -> str:
    """Return what stands behind a table's name in a statement to all; empty without a cluster."""
    return f" ON CLUSTER {quote_identifier(asking.cluster)}" if asking.cluster else ""


def flush(asking: Asking, operation: str, *, seconds: float) -> None:
    """Have ClickHouse write the inserts that it holds back, on a cluster each server its own."""
    statement = _FLUSH + on_cluster(asking)
    try:
        run(asking, operation, statement, {}, seconds=seconds, harmless={_NO_QUEUE})
    except StoreRejected as exc:
        if getattr(exc.__cause__, "code", None) != _NO_QUEUE:
            raise


def run(
    asking: Asking,
    operation: str,
    statement: str,
    bound: Mapping[str, Any],
    *,
    settings: Mapping[str, Any] | None = None,
    seconds: float,
    harmless: Collection[int] = (),
) -> None:
    """Run a statement that has `on_cluster` in it, and wait until each server has done it.

    Raises StoreUnavailable, which names them, for those that have not within `seconds`, and
    StoreRejected for those that cannot, unless by an error that is `harmless`. Without a cluster
    it is a command as any other.
    """
    if asking.cluster is None:
        asking.command(operation, statement, bound, settings=settings)
        return
    ends = time.monotonic() + seconds
    comment = f"kato-tenants {uuid.uuid4().hex}"
    everywhere = {
        **(settings or {}),
        "distributed_ddl_output_mode": "never_throw",
        "distributed_ddl_task_timeout": max(1, int(min(_LONGEST_WAIT, seconds / 2))),
        "log_comment": comment,
    }
    answer = asking.text(operation, statement, bound, everywhere)
    task = Task.of_answer(line.split("\t") for line in answer.splitlines())
    pause = _FIRST_PAUSE
    _check(task, operation, harmless)
    while task.due:
        if time.monotonic() > ends:
            reason = f"{_named(task.due)} did not carry it out within {seconds:g} s, and may later"
            raise StoreUnavailable(STORE, operation, reason)
        time.sleep(pause)
        pause = min(2 * pause, _LAST_PAUSE)
        queued = {"cluster": asking.cluster, "comment": comment}
        (rows,) = asking.row(operation, _QUEUE, queued)
        task = task.later(rows)
        _check(task, operation, harmless)


def _check(task: Task, operation: str, harmless: Collection[int]) -> None:
    failed = {at: code for at, code in task.failed.items() if code not in harmless}
    if failed:
        codes = ", ".join(sorted({str(code) for code in failed.values()}))
        reason = f"{_named(failed)} could not carry it out (ClickHouse error {codes})"
        raise StoreRejected(STORE, operation, reason)


def _named(addresses: Iterable[str]) -> str:
    return ", ".join(sorted(addresses))

"""Several dashboards on one PostgreSQL, each a real process: one collects, all show the same."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.dashboards import Dashboards, dashboards
from tests.servers.deployment import Deployment
from tests.servers.postgres import Postgres
from tests.waiting import wait_until

A_ROUND = {"KATO_TENANTS_REFRESH_SECONDS": "1", "KATO_TENANTS_AUDIT_MINUTES": "0.01"}


@pytest.fixture
def many(kato: Deployment, postgres_server: Postgres, tmp_path: Path) -> Iterator[Dashboards]:
    url = postgres_server.new_database()
    anchors = {"KATO_TENANTS_ANCHOR_FILE": str(tmp_path / "anchors")}
    with dashboards(tmp_path, url, {**kato.environment, **A_ROUND, **anchors}) as found:
        yield found
    postgres_server.drop(url)


def test_one_collects_and_all_show_the_same(many: Dashboards) -> None:
    """Through a start at once, clocks that are apart, a death, a sleep, and an end."""
    many.start("a")
    many.start("b", ahead=400)
    many.start("c", ahead=-400)
    first = many.one_collects()
    wait_until(lambda: many.rounds() and many.same())
    ages = [many.said(name)["age"] for name in many.processes]
    assert max(ages) - min(ages) < 5, "whatever their clocks say"
    _once_each(many, rounds=3)

    # dies: another goes on, and what was shown stays
    many.kill(first)
    second = many.one_collects()
    many.after(2)
    wait_until(many.same)

    # sleeps in the middle of a round: another goes on, and it writes nothing when it wakes
    many.start("d")
    wait_until(lambda: many.said("d").get("at"))
    many.tell(second, "sleep")
    third = many.one_collects(second)
    many.after(1)
    many.send(second, signal.SIGCONT)
    wait_until(lambda: many.said(second)["refused"])
    wait_until(lambda: not many.said(second)["collects"])
    wait_until(many.same)

    # ends: another has it at once, and not only when the lease is over
    began = time.monotonic()
    many.stop(third)
    many.one_collects()
    assert time.monotonic() - began < 60
    many.after(1)
    wait_until(many.same)
    assert many.trespasses() == []
    assert {"usage_history", "history_head", "audit_run", "published", "node_seen"} <= (
        many.witnessed()
    )


def _once_each(many: Dashboards, *, rounds: int) -> None:
    """However many there are, a round is one pass, one point in each past, and one audit."""
    many.after(rounds)
    done = many.rounds()
    passes = many.asked("SELECT count(DISTINCT collected_at) FROM usage_history")[0][0]
    assert done <= passes <= done + 1

"""What happens once in a deployment happens once, though each of three processes looks for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services import bootstrap
from services.audit_log.models import LogFilter
from services.backups.models import Changes as BackupChanges
from services.backups.written import rule_written
from services.bootstrap import Services
from services.purge.job import Outcome
from services.purge.models import Request, Target
from services.retention.models import Changes
from services.retention.written import policy_of
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from tests.features.alerts.test_fleet import Receiver
from tests.features.dashboards.test_many import A_ROUND
from tests.servers.dashboards import Dashboards, dashboards
from tests.servers.deployment import Deployment
from tests.servers.faults import HttpServer
from tests.servers.postgres import Postgres
from tests.waiting import wait_until

ACME, GLOBEX = TenantKey("tenant", "acme"), TenantKey("tenant", "globex")
SECRET = "s" * 32
YEARLY, AGO = "0 0 1 1 *", "now() - interval '400 days'"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def many(
    kato: Deployment, postgres_server: Postgres, tmp_path: Path, receiver: Receiver
) -> Iterator[Dashboards]:
    url = postgres_server.new_database()
    with HttpServer(receiver.answer) as server:
        more = {
            "KATO_TENANTS_SETTLE_SECONDS": "3",
            "KATO_TENANTS_ANCHOR_FILE": str(tmp_path / "anchors"),
            "KATO_TENANTS_ANCHOR_MINUTES": "0.01",
            "KATO_TENANTS_ARCHIVES": str(tmp_path / "archives"),
            "KATO_TENANTS_ALERT_STORE_MINUTES": "0",
            "KATO_TENANTS_ALERT_ROUTES": f'[ops]\nwebhook = "{server.url}"\nsecret = "{SECRET}"',
        }
        with dashboards(tmp_path, url, {**kato.environment, **A_ROUND, **more}) as found:
            yield found
    postgres_server.drop(url)


@pytest.fixture
def services(many: Dashboards, kato_settings: Settings, tmp_path: Path) -> Iterator[Services]:
    """What a page of a fourth one would use, which has no threads."""
    more = {
        "state_url": SecretStr(many.url), "archives": SecretStr(str(tmp_path / "archives")),
        "data": tmp_path / "page",
    }  # fmt: skip
    with closing(bootstrap.build(kato_settings.model_copy(update=more))) as built:
        yield built


def test_once_each(
    many: Dashboards, services: Services, kato: Deployment, receiver: Receiver, tmp_path: Path
) -> None:
    for name in "abc":
        many.start(name)
    many.one_collects()
    many.after(1)

    # a purge goes on once, when the process that runs it is killed in its middle
    plan = services.purge.plan(Request(Target(ACME)))
    job = services.purge.begin(plan.digest, confirm=str(ACME), reason="R-1", asked_by="ann")
    settling = f"SELECT 1 FROM job_step WHERE job = '{job.id}' AND name = 'verify again' AND "
    wait_until(lambda: many.asked(settling + "state = 'started'"))
    runs = _name_of(many, many.asked(f"SELECT owner FROM job WHERE id = '{job.id}'")[0][0])
    many.kill(runs)
    wait_until(lambda: many.asked(f"SELECT 1 FROM job WHERE id = '{job.id}' AND state = 'ended'"))
    ended = services.purge.job(job.id)
    assert ended.outcome is Outcome.ERASED
    many.start(runs)

    # what is due, of retention and of backups
    services.retaining.service.change(
        Changes((policy_of("*", "caches:ttl", "1h", YEARLY),)), by="ann", why="R-2"
    )
    rule = rule_written(str(GLOBEX), YEARLY, keep="last=5", to="")
    services.backing.service.change(BackupChanges((rule,)), by="ann", why="R-3")
    many.told(f"UPDATE retention_policy SET at = {AGO}, begun = {AGO}")
    many.told(f"UPDATE backup_rule SET at = {AGO}")
    for kind in ("retention", "archive"):
        over = f"SELECT 1 FROM job WHERE kind = '{kind}' AND state = 'ended'"
        wait_until(lambda over=over: many.asked(over))

    # an alert: a store that is down
    wait_until(lambda: many.one_collects() and many.same())
    kato.fail("redis", "down")
    receiver.told("store_unknown")
    many.after(3)

    kinds = Counter(row[0] for row in many.asked("SELECT kind FROM job"))
    assert kinds == {"purge": 1, "retention": 1, "archive": 1}
    _told_once(receiver, "store_unknown")
    _logged_once(services)
    _anchored_once(tmp_path / "anchors", deaths=1)
    trespasses = {row[0] for row in many.trespasses()} - {"node_seen"}  # a purge sees nodes too
    assert not trespasses


def _name_of(many: Dashboards, owner: str) -> str:
    pid = int(owner.split("/")[1])
    return next(name for name, process in many.processes.items() if process.pid == pid)


def _told_once(receiver: Receiver, condition: str) -> None:
    messages = [
        each["id"] for message in receiver.got for each in message["alerts"]
        if each["condition"] == condition and each["state"] == "firing"
    ]  # fmt: skip
    assert messages
    assert len(messages) == len(set(messages)), receiver.got


def _logged_once(services: Services) -> None:
    """Every end of what ran by itself, whichever process noticed."""
    entries = services.logbook.page(LogFilter(), limit=1000)
    ends = Counter((e.event.request_id, e.event.outcome, e.event.target) for e in entries)
    assert ends
    assert max(ends.values()) == 1, ends


def _anchored_once(file: Path, *, deaths: int) -> None:
    heads: Any = Counter(json.loads(line)["number"] for line in file.read_text().splitlines())
    assert heads
    again = sum(count - 1 for count in heads.values())
    assert again <= deaths, "who takes over anchors once what it finds"

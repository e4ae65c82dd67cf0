"""Whoever is purged, everyone else stays as they are, to the byte: over hostile fleets."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from services import bootstrap
from services.embedded.write.stores import Targets, write
from services.purge.job import Outcome
from services.purge.models import Request, Target
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.schemes import NamingSchemes
from tests.engines.fleets import SmallFleet
from tests.features.purge.fingerprint import Fingerprint, fingerprint
from tests.servers.deployment import Deployment
from tests.servers.sqlite import put_tables

WHY = "ticket 4711"

NAMES = [
    "acme", "acme-corp", "acme_corp", "acme.corp", "acme corp", "acm",
    "a%", "a_", "a*", "a?", "a[b]", "a\\", "O'Brien", 'quo"te', "$(id)", "a;b", "{a}",
    "new\nline", "tab\t", "nul\0", "Söhne", "So\u0308hne", "日本", "😀",
    "test_x", "kato", "stm", "vectors_acme", "x" * 44, "x" * 45, "x" * 46, "y" * 200,
]  # fmt: skip
"""Names that are prefixes, patterns, quotes, controls, of other unicode forms, and of lengths
around the 60 characters above which KATO cuts a kb_id."""


def nodes() -> st.SearchStrategy[list[str]]:
    """Some node_ids, of a few tenants with a few users each."""
    tenant = st.one_of(st.sampled_from(NAMES), st.text(min_size=1, max_size=8))
    user = st.sampled_from(["bob", "corp_user_bob", "42", "b*b", "é"])
    node = st.one_of(
        st.builds("tenant:{}:user:{}".format, tenant, user),
        st.builds("tenant_{}".format, tenant),
        st.builds("user:{}".format, tenant),
        st.builds("team:{}:shared".format, tenant),
    )
    return st.lists(node, min_size=2, max_size=6, unique=True)


def targets_of(fleet: SmallFleet) -> list[TenantKey]:
    """The tenants of a fleet's node_ids."""
    readings = (NamingSchemes.of().read(node) for node in fleet.nodes)
    return list(dict.fromkeys(reading.tenant for reading in readings if reading))


def empty(targets: Targets) -> None:
    """Take everything out of the stores."""
    assert targets.clickhouse is not None
    assert targets.redis is not None
    assert targets.qdrant is not None
    for table in ("patterns_data", "lsh_buckets", "pattern_stats"):
        targets.clickhouse.command(f"TRUNCATE TABLE `{targets.database}`.{table}")
    targets.redis.flushall()
    for collection in targets.qdrant.get_collections().collections:
        targets.qdrant.delete_collection(collection.name)


def look(targets: Targets) -> Fingerprint:
    """Read everything, each session under its kb_id."""
    client = targets.redis
    assert client is not None
    return fingerprint(targets, session_owner=lambda key: OWNERS.get(key, ""))


OWNERS: dict[bytes, str] = {}


@pytest.mark.filterwarnings("ignore:.*not.*printable")
@settings(
    max_examples=8, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@example(nodes=[f"tenant:{name}:user:bob" for name in NAMES if "acme" in name], chosen=0)
@example(
    nodes=["tenant:a%:user:b", "tenant:ab:user:b", "tenant:a_:user:b", "tenant:a*:user:b"], chosen=0
)
@example(nodes=["tenant:kato:user:bob", "tenant_stm", "tenant:stm:user:x", "user:kato"], chosen=2)
@example(nodes=[f"tenant:{'x' * n}:user:bob" for n in (40, 41, 42, 43)], chosen=1)
@given(nodes=nodes(), chosen=st.integers(0, 5))
def test_bystanders_stay_to_the_byte(
    kato: Deployment, kato_settings: Settings, nodes: list[str], chosen: int
) -> None:
    """What the plan names is gone; everything else is the same, whatever the names."""
    fleet = SmallFleet(nodes)
    tenants = targets_of(fleet)
    if not tenants:
        return
    empty(kato.targets)
    write(fleet, kato.targets)
    OWNERS.clear()
    OWNERS.update({
        f"kato:session:session-{number}".encode(): f"session of {node!a}"
        for number, node in enumerate(nodes)
    })  # fmt: skip
    before = look(kato.targets)
    target = Target(tenants[chosen % len(tenants)])
    with tempfile.TemporaryDirectory() as data:
        put_tables(Path(data))
        options = {"data": Path(data), "settle_seconds": 0}
        with closing(bootstrap.build(kato_settings.model_copy(update=options))) as services:
            plan = services.purge.plan(Request(target))
            if plan.obstacles:
                assert look(kato.targets) == before
                return
            job = services.purge.begin(
                plan.digest, confirm=plan.confirmation, reason=WHY, asked_by="ada"
            )
            job = services.purge.run_here(job.id)
            ours = services.usage.ownership()
            mine = {node for node in nodes if ours.tenant_of(node) == target.tenant}
            receipt = json.loads(services.purge.receipt_text(job.id))
    rest = any(left.is_there for left in plan.left_out)
    wanted = Outcome.ERASED_EXCEPT if rest else Outcome.ERASED
    assert job.outcome is wanted, (job.problem, receipt)
    kb_ids = {kb_id_of(node) for node in mine} - {left.kb_id for left in plan.left_out}
    assert plan.surface.kb_ids == kb_ids
    gone = frozenset(kb_ids | {f"session of {node!a}" for node in mine})
    after = look(kato.targets)
    assert after.residue(gone) == 0
    assert after.without(gone) == before.without(gone)
    others = {kb_id_of(node) for node in nodes} - kb_ids
    assert all(after.rows[kb_id] == before.rows[kb_id] for kb_id in others)

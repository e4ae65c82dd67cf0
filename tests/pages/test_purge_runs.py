"""The Purge page from the plan to the receipt, of purges that erase."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import redis

from dashboard.app import state_keys as session, viewer as access
from dashboard.draw.formatting import visible
from services.bootstrap import Services
from services.jobs.models import JobState
from services.purge.job import Outcome
from services.tenancy.kb_ids import kb_id_of
from tests.pages.conftest import Open, plan_purge, refresh, words
from tests.pages.test_purge import (
    NEIGHBOUR,
    by_hand,
    clickhouse_is_down,
    confirm,
    erase_button,
    found_out,
    planned,
    says_it_is_down,
    titles,
    typed_in,
)
from tests.pages.test_sessions import press, table
from tests.servers.deployment import Deployment

__all__ = ["by_hand", "titles"]
Counts = Callable[[], dict[str, int]]


@pytest.fixture
def counts(kato: Deployment, valkey: redis.Redis) -> Counts:
    """Count what each kb_id has in ClickHouse, Redis and Qdrant."""

    def counted() -> dict[str, int]:
        clickhouse, qdrant = kato.targets.clickhouse, kato.targets.qdrant
        assert clickhouse is not None
        assert qdrant is not None
        found: dict[str, int] = {}
        rows = clickhouse.query("SELECT kb_id, count() FROM patterns_data GROUP BY kb_id")
        for kb_id, count in rows.result_rows:
            found[str(kb_id)] = found.get(str(kb_id), 0) + int(count)
        for key in valkey.scan_iter():
            owner = key.partition(b":")[0].decode("utf-8", "replace")
            found[owner] = found.get(owner, 0) + 1
        for collection in qdrant.get_collections().collections:
            owner = collection.name.removeprefix("vectors_")
            found[owner] = found.get(owner, 0) + qdrant.count(collection.name).count
        return {owner: count for owner, count in found.items() if count}  # emptied ones stay

    return counted


def test_a_tenant_is_purged_and_proven_and_its_neighbour_is_untouched(
    services: Services, kato: Deployment, open_page: Open, counts: Counts, titles: list[str]
) -> None:
    """From the plan to the receipt; then it is in the list, and nothing of it is found.

    A store fails on the way: what failed is said, and that the rest is as it was; then it goes on.
    When it fails again, the receipt says so.
    """
    before = counts()
    assert "None yet." in words(open_page("purge"))
    app = confirm(planned(open_page, services), "tenant/acme")
    (job,) = services.purge.jobs()
    assert app.query_params[session.JOB] in (job.id, [job.id])
    assert "This tab can be closed" in words(app)
    assert job.reason == "ticket 4711"
    assert job.asked_by == access.LOCAL_ADMIN
    kato.fail("clickhouse", "down")
    assert services.purge.run_here(job.id).state is JobState.FAILED
    app = open_page("purge", job=job.id)
    assert "It failed at" in words(app)
    assert "did not answer" in words(app)
    assert "It can go on where it is" in words(app)
    kato.heal()
    found_out(services)
    app = press(open_page("purge", job=job.id), "Resume")
    assert services.purge.job(job.id).state is JobState.RUNNING
    assert services.purge.run_here(job.id).outcome is Outcome.ERASED
    app = open_page("purge", job=job.id)
    assert "All data of tenant/acme that was found was erased by" in words(app)
    sums = next(e.value for e in app.dataframe if "Planned" in e.value.columns)
    assert sums["Left"].tolist() == [0, 0, 0, 0]
    assert sums["Deleted"].tolist() == sums["Planned"].tolist()
    assert "ticket 4711" in table(app)
    assert {b.label for b in app.get("download_button")} >= {"Receipt as JSON", "Printable page"}
    after, mine = counts(), {kb for kb in before if kb.startswith("tenant_acme_user_")}
    assert mine
    assert not mine & after.keys()
    assert after[NEIGHBOUR] == before[NEIGHBOUR]
    assert {kb: n for kb, n in after.items() if kb in before and kb.endswith("_kato")} == {
        kb: n for kb, n in before.items() if kb not in mine and kb.endswith("_kato")
    }
    app = press(app, "All purges")
    listed = next(e.value for e in app.dataframe if "Outcome" in e.value.columns)
    assert listed["Outcome"].tolist() == ["erased"]
    clickhouse_is_down(services, kato)
    assert says_it_is_down(open_page("purge", job=job.id), "Verify again")
    assert titles[-1] == "Receipt of tenant/acme · Purge · KATO tenants"


HOSTILE = [
    "<script>alert(1)</script>", "[x](//evil.example)", "$x^2$ **b** `c`", "back\\slash",
    "日本 ü", "nul\x00", "a b", "\u202egnp",
]  # fmt: skip
ERASED = ["".join(HOSTILE[::2]), "".join(HOSTILE[1::2])]
"""Names with all that these have in them: a purge takes seconds."""


@pytest.fixture
def emptied(kato: Deployment) -> None:
    """The deployment without the capture's data."""
    clickhouse, keys, qdrant = kato.targets.clickhouse, kato.targets.redis, kato.targets.qdrant
    assert clickhouse is not None
    assert keys is not None
    assert qdrant is not None
    keys.flushall()
    clickhouse.command("TRUNCATE TABLE patterns_data")
    for collection in qdrant.get_collections().collections:
        qdrant.delete_collection(collection.name)


def test_hostile_names_are_planned_confirmed_and_proven(
    emptied: None, services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    """As what they are, typed as they are shown; each alone, with the others beside it."""
    nodes = {name: f"tenant:{name}:user:x" for name in (*HOSTILE, *ERASED)}
    for number, node in enumerate(nodes.values()):
        stored = json.dumps({"node_id": node, "stm": []})
        valkey.set(f"kato:session:session-{number}", stored, ex=5000)
        valkey.set(f"{kb_id_of(node)}:symbols:freq", "1")
    refresh(services)
    app = open_page("purge")
    for name, node in nodes.items():
        shown = visible(f"tenant/{name}")
        assert shown in app.selectbox(key=session.PURGE_TENANT).options
        app.selectbox(key=session.PURGE_TENANT).set_value(shown).run()
        app = plan_purge(app, services)
        assert app.code[0].value == shown
        app = typed_in(app, shown)
        assert "cannot be undone" in words(app)
        assert not erase_button(app).disabled
        if name not in ERASED:
            app = press(app, "Edit selection")
            continue
        erase_button(app).click().run()
        assert not app.exception
        job = services.purge.jobs()[0]
        left = valkey.dbsize()
        assert services.purge.run_here(job.id).outcome is Outcome.ERASED
        receipt = words(open_page("purge", job=job.id))
        assert "Every store was looked at again at the end, and nothing of it was found" in receipt
        assert not valkey.exists(f"{kb_id_of(node)}:symbols:freq")
        assert valkey.dbsize() == left - 2
        app = open_page("purge")
    assert valkey.dbsize() == 2 * len(HOSTILE)
    assert len(next(e.value for e in app.dataframe if "By" in e.value.columns)) == len(ERASED)

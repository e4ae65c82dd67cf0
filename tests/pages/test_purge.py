"""The Purge page in every state: chosen, planned, confirmed, running, halted, and proven."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import redis
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys as session, viewer as access
from dashboard.draw.formatting import visible
from dashboard.purge import choose as purge_choose
from services.bootstrap import Services
from services.errors import StoreUnavailable
from services.figures import Measure
from services.purge.job import Job, JobState, Outcome, Tombstone
from services.purge.models import Request, Target
from services.purge.worker import PurgeWorker
from services.tenancy.kb_ids import TenantKey, kb_id_of
from tests.pages.conftest import Open, refresh, words
from tests.pages.test_sessions import press, table
from tests.pages.test_unknown import wordless
from tests.servers.deployment import Deployment

ACME = TenantKey("tenant", "acme")
NEIGHBOUR = "tenant_acme_corp_user_alice_kato"
Counts = Callable[[], dict[str, int]]


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run when a test says so, and at once."""
    monkeypatch.setenv("KATO_TENANTS_SETTLE_SECONDS", "0")
    monkeypatch.setattr(PurgeWorker, "start", lambda self: None)


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


def planned(open_page: Open, tenant: str = "tenant/acme") -> AppTest:
    """The plan of a tenant, as a link to the page begins it."""
    return press(open_page("purge", tenant=tenant), "Plan (changes nothing)")


def typed_in(app: AppTest, name: str, *, reason: str = "ticket 4711") -> AppTest:
    """Type what a confirmation asks for."""
    app.text_input(key=session.PURGE_CONFIRM).set_value(name)
    return app.text_input(key=session.PURGE_REASON).set_value(reason).run()


def confirm(app: AppTest, name: str) -> AppTest:
    """Type it, and press the button."""
    typed_in(app, name)
    next(b for b in app.button if b.label.startswith("Erase ")).click().run()
    assert not app.exception, app.exception
    return app


def began(services: Services, target: Target, **options: object) -> Job:
    """A job that was confirmed and has not run."""
    plan = services.purge.plan(Request(target, **options))  # type: ignore[arg-type]
    return services.purge.begin(
        plan.digest, confirm=plan.confirmation, reason="ticket 4711", asked_by="ada"
    )


def test_the_page_begins_with_the_tenant_of_the_link(services: Services, open_page: Open) -> None:
    """And without one it asks, and says that there was no purge yet."""
    app = open_page("purge")
    assert next(b for b in app.button if b.label.startswith("Plan")).disabled
    assert "Choose a tenant, node or user." in words(app)
    assert "Sessions always end" in words(app)
    assert "None yet." in words(app)
    app = open_page("purge", tenant="tenant/acme")
    assert app.selectbox(key=session.PURGE_TENANT).value == "tenant/acme"
    assert not next(b for b in app.button if b.label.startswith("Plan")).disabled


def test_a_plan_shows_what_goes_and_what_is_left_out_and_changes_nothing(
    services: Services, open_page: Open, counts: Counts
) -> None:
    """Totals a store, each thing, who else would lose data, and what cannot be told apart."""
    before = counts()
    app = planned(open_page, "tenant/acme-corp")
    shown = {metric.label: metric.value for metric in app.metric}
    assert set(shown) == {"ClickHouse rows", "Redis keys", "Qdrant points", "Sessions"}
    assert shown["ClickHouse rows"] not in {"0", "unknown"}
    frames = {tuple(e.value.columns): e.value for e in app.dataframe}
    items = frames["Store", "Owner", "What", "Count", "Size", "How"]
    assert NEIGHBOUR in set(items["Owner"])
    left = next(frame for columns, frame in frames.items() if columns[0] == "kb_id")
    assert left["ClickHouse rows"].tolist() == [16]
    assert left["Who else would lose data"].tolist() == [["tenant/acme_corp"]]
    assert "Observations of tenant/acme-corp may remain in 2 streams" in words(app)
    assert items["Size"].isna().any()
    assert "A dash means unknown: Size." in words(app)
    assert not list(wordless(app))
    assert counts() == before
    assert not services.purge.jobs()


def test_what_is_included_all_the_same_is_planned_again_with_a_warning(
    services: Services, open_page: Open
) -> None:
    """Who loses data is named; until it is planned, nothing can be confirmed."""
    app = planned(open_page, "tenant/acme-corp")
    (kb_id,) = app.multiselect[0].options
    app.multiselect[0].set_value([kb_id]).run()
    assert "tenant/acme_corp will lose data" in words(app)
    assert not [b for b in app.button if b.label.startswith("Erase ")]
    app = press(app, "Plan again with these")
    assert next(b for b in app.button if b.label == "Plan again with these").disabled
    assert "tenant/acme_corp will lose data" in words(app)
    items = next(e.value for e in app.dataframe if "How" in e.value.columns)
    assert kb_id in set(items["Owner"])
    app.multiselect[0].set_value([]).run()
    app = press(app, "Plan again with these")
    assert "will lose data" not in words(app)
    assert [b for b in app.button if b.label.startswith("Erase ")]


@pytest.mark.parametrize("typed", ["tenant/acm", "tenant/Acme", "tenant/acme ", "acme", ""])
def test_a_wrong_name_does_nothing(
    services: Services, open_page: Open, counts: Counts, typed: str
) -> None:
    """Its button stays off, and says what is missing."""
    before = counts()
    app = typed_in(planned(open_page), typed)
    assert next(b for b in app.button if b.label.startswith("Erase ")).disabled
    assert "Still needed: what is to be erased." in words(app)
    assert "cannot be undone" not in words(app)
    assert not services.purge.jobs()
    assert counts() == before


def test_a_reason_is_needed(services: Services, open_page: Open) -> None:
    app = typed_in(planned(open_page), "tenant/acme", reason=" ")
    assert next(b for b in app.button if b.label.startswith("Erase ")).disabled
    assert not services.purge.jobs()


def test_what_the_service_refuses_is_one_line(services: Services, open_page: Open) -> None:
    """Another admin began in between."""
    app = typed_in(planned(open_page), "tenant/acme")
    first = began(services, Target(ACME))
    next(b for b in app.button if b.label.startswith("Erase ")).click().run()
    assert f"Nothing was started: the purge job {services.purge.jobs()[0].id}" in words(app)
    assert [job.id for job in services.purge.jobs()] == [first.id]


def test_a_tenant_is_purged_and_proven_and_its_neighbour_is_untouched(
    services: Services, open_page: Open, counts: Counts
) -> None:
    """From the plan to the receipt; then it is in the list, and nothing of it is found."""
    before = counts()
    app = confirm(planned(open_page), "tenant/acme")
    (job,) = services.purge.jobs()
    assert app.query_params[session.JOB] in (job.id, [job.id])
    assert "This tab can be closed" in words(app)
    assert job.reason == "ticket 4711"
    assert job.asked_by == access.LOCAL_ADMIN
    services.purge.run_here(job.id)
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


def test_a_node_or_a_user_alone_can_be_chosen(services: Services, open_page: Open) -> None:
    """A node_id out of the tenant's own or typed; a user of all tenants, or of one."""
    app = open_page("purge", tenant="tenant/acme")
    app.segmented_control(key=session.PURGE_WHAT).set_value(purge_choose.NODE).run()
    node = app.selectbox(key=session.of(session.PURGE_NODE, ACME))
    assert "tenant:acme:user:dana" in node.options
    node.set_value("tenant:acme:user:dana").run()
    app = press(app, "Plan (changes nothing)")
    assert "the node_id tenant:acme:user:dana of tenant/acme" in words(app)
    app = press(app, "Edit selection")
    assert app.segmented_control(key=session.PURGE_WHAT).value == purge_choose.NODE
    app = open_page("purge")
    app.segmented_control(key=session.PURGE_WHAT).set_value(purge_choose.USER).run()
    app.text_input(key=session.PURGE_USER).set_value("dana").run()
    app = press(app, "Plan (changes nothing)")
    assert app.header[0].value == "dana in 1 tenant"
    assert "In **1 tenant**: tenant/acme" in words(app)


def test_sessions_alone_can_be_ended(services: Services, open_page: Open) -> None:
    app = open_page("purge", tenant="tenant/globex")
    app = press(app, "Sessions only")
    assert "Only sessions end." in words(app)
    app = press(app, "Plan (changes nothing)")
    about = {metric.label: metric.delta for metric in app.metric}
    assert about["ClickHouse rows"] == "not chosen"
    items = next(e.value for e in app.dataframe if "How" in e.value.columns)
    assert set(items["Store"]) == {"Sessions"}


@pytest.mark.parametrize("store", ["clickhouse", "redis", "qdrant"])
def test_with_a_store_down_nothing_can_be_confirmed(
    services: Services, kato: Deployment, open_page: Open, store: str
) -> None:
    """What it has is unknown and not 0; once it answers, planning again goes on."""
    kato.fail(store, "down")
    app = planned(open_page)
    assert "This cannot be purged now. Nothing was changed." in words(app)
    assert "could not be asked" in words(app)
    assert "unknown" in {metric.value for metric in app.metric}
    assert not [b for b in app.button if b.label.startswith("Erase ")]
    kato.heal()
    app = press(app, "Plan again")
    assert [b for b in app.button if b.label.startswith("Erase ")]


def test_a_failed_purge_says_what_is_safe_and_can_be_resumed(
    services: Services, kato: Deployment, open_page: Open
) -> None:
    """What failed, that the rest is as it was; resumed, it ends well."""
    job = began(services, Target(ACME))
    kato.fail("clickhouse", "down")
    assert services.purge.run_here(job.id).state is JobState.FAILED
    app = open_page("purge", job=job.id)
    assert "It failed at" in words(app)
    assert "did not answer" in words(app)
    assert "It can go on where it is" in words(app)
    kato.heal()
    app = press(app, "Resume")
    assert services.purge.job(job.id).state is JobState.RUNNING
    assert services.purge.run_here(job.id).outcome is Outcome.ERASED


@pytest.mark.parametrize("view", ["list", "plan", "job", "receipt"])
def test_a_store_that_is_down_is_said_on_every_view_of_a_purge(
    services: Services, kato: Deployment, open_page: Open, monkeypatch: pytest.MonkeyPatch,
    view: str,
) -> None:  # fmt: skip
    """By the card of every page; what needs it is off, and says so. The tab says what is open."""
    named = list[str]()
    monkeypatch.setattr("streamlit.set_page_config", lambda **how: named.append(how["page_title"]))
    job = began(services, Target(ACME))
    if view == "receipt":
        assert services.purge.run_here(job.id).outcome is Outcome.ERASED
    elif view == "job":
        services.purge.stop(job.id)
        services.purge.run_here(job.id)
    else:
        services.purge.stop(job.id)
        services.purge.run_here(job.id)
        services.purge.abandon(job.id)
    app = typed_in(planned(open_page), "tenant/acme") if view == "plan" else None
    kato.fail("clickhouse", "down")
    for _ in range(2):  # the first may have begun before, as a purge that ended asks for one
        refresh(services)
    query = {"job": job.id} if view in {"job", "receipt"} else {"tenant": "tenant/acme"}
    app = app.run() if app is not None else open_page("purge", **query)
    (card,) = (each.value for each in app.error if "Works:" in each.value)
    assert "ClickHouse is down since" in card
    needing = {"list": "Plan (changes nothing)", "plan": "Erase ", "job": "Resume",
               "receipt": "Verify again"}[view]  # fmt: skip
    (button,) = (each for each in app.button if each.label.startswith(needing))
    assert button.disabled
    assert "ClickHouse is down since" in button.help
    opened = {"plan": "Plan of tenant/acme", "job": "Stopped: tenant/acme",
              "receipt": "Receipt of tenant/acme", "list": "tenant/acme"}[view]  # fmt: skip
    assert named[-1] == f"{opened} · Purge · KATO tenants"


def test_a_running_purge_is_stopped_and_ended_as_it_is(services: Services, open_page: Open) -> None:
    """Stopping waits for the step; ending asks once more, and leaves a receipt of what is left."""
    job = began(services, Target(ACME))
    app = press(open_page("purge", job=job.id), "Stop")
    assert services.purge.job(job.id).stop_asked
    assert next(b for b in app.button if b.key == "purge_stop").disabled
    assert services.purge.run_here(job.id).state is JobState.STOPPED
    app = open_page("purge", job=job.id)
    assert "It was stopped between two steps. Nothing was erased." in words(app)
    app = press(app, "End as it is…")
    assert services.purge.job(job.id).state is JobState.STOPPED
    app = press(app, "End it")
    assert services.purge.job(job.id).outcome is Outcome.PARTIAL
    assert "Not all data of tenant/acme was erased" in words(open_page("purge", job=job.id))


def test_what_cannot_be_resumed_says_so(services: Services, open_page: Open) -> None:
    """A second look at a page whose job went on elsewhere."""
    job = began(services, Target(ACME))
    services.purge.stop(job.id)
    services.purge.run_here(job.id)
    app = open_page("purge", job=job.id)
    services.purge.abandon(job.id)
    app = press(app, "Resume")
    assert "Nothing was done: this purge has ended: plan another." in words(app)


def test_an_unknown_job_says_so(services: Services, open_page: Open) -> None:
    assert "there is no purge job <b>x" in words(open_page("purge", job="<b>x"))


def test_two_purges_of_one_tenant_are_refused(services: Services, open_page: Open) -> None:
    began(services, Target(ACME))
    app = confirm(planned(open_page), "tenant/acme")
    assert "Nothing was started:" in words(app)
    assert len(services.purge.jobs()) == 1


def test_a_tenants_page_says_that_it_is_being_purged_and_leads_there(
    services: Services, open_page: Open
) -> None:
    assert "is being purged" not in words(open_page("tenant", tenant="tenant/acme"))
    began(services, Target(ACME))
    app = open_page("tenant", tenant="tenant/acme")
    assert "tenant/acme is being purged." in words(app)
    assert "is being purged" not in words(open_page("tenant", tenant="tenant/acme-corp"))


def test_what_came_back_is_said_on_three_pages(
    services: Services, valkey: redis.Redis, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overview, the tenant's page, and the purge's."""
    kb_id = "tenant_acme_user_dana_kato"
    stone = Tombstone(kb_id, "tenant/acme", "j1", datetime.now(UTC))
    monkeypatch.setattr(services.purge, "tombstones", lambda _=None: (stone,), raising=False)
    time.sleep(0.05)
    refresh(services)
    assert f"1 kb_id that has been purged came back: {kb_id}." in words(open_page())
    assert "Came back after it was purged" in words(open_page("tenant", tenant="tenant/acme"))
    assert "a client still writes to them" in words(open_page("purge"))


def test_a_state_store_that_fails_is_said_so(
    services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> object:
        raise StoreUnavailable("state", "reading purge jobs", "the file is locked")

    monkeypatch.setattr(services.purge, "jobs", fail, raising=False)
    assert "Purges so far cannot be read: state did not answer" in words(open_page("purge"))


HOSTILE = [
    "<script>alert(1)</script>", "[x](//evil.example)", "$x^2$ **b** `c`", "back\\slash",
    "日本 ü", "nul\x00", "a b", "\u202egnp",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_planned_confirmed_and_proven(
    services: Services, valkey: redis.Redis, open_page: Open, name: str
) -> None:
    """As what they are, typed as they are shown."""
    node = f"tenant:{name}:user:x"
    valkey.set("kato:session:session-h", json.dumps({"node_id": node, "stm": []}), ex=5000)
    valkey.set(f"{kb_id_of(node)}:symbols:freq", "1")
    refresh(services)
    app = open_page("purge")
    shown = visible(f"tenant/{name}")
    assert shown in app.selectbox(key=session.PURGE_TENANT).options
    app.selectbox(key=session.PURGE_TENANT).set_value(shown).run()
    app = press(app, "Plan (changes nothing)")
    assert app.code[0].value == shown
    assert "cannot be undone" in words(typed_in(app, shown))
    app = confirm(app, shown)
    (job,) = services.purge.jobs()
    assert services.purge.run_here(job.id).outcome is Outcome.ERASED
    app = open_page("purge", job=job.id)
    assert "Every store was looked at again at the end, and nothing of it was found" in words(app)
    assert not valkey.exists(f"{kb_id_of(node)}:symbols:freq")
    assert len(next(e.value for e in open_page("purge").dataframe if "By" in e.value.columns)) == 1


def test_every_store_is_chosen_unless_said_otherwise(services: Services, open_page: Open) -> None:
    """And streams are only emptied when that is ticked beside what stays, and planned."""
    app = press(open_page("purge", tenant="tenant/acme"), "Plan (changes nothing)")
    next(box for box in app.checkbox if box.label.startswith("Empty the streams")).check().run()
    assert not [b for b in app.button if b.label.startswith("Erase ")]
    app = press(app, "Plan again with these")
    assert "streams will be emptied, of everyone's observations" in words(app)
    assert [b for b in app.button if b.label.startswith("Erase ")]
    request = app.session_state[session.PURGE_PLAN].plan.request
    assert request.stores == frozenset(Measure)
    assert request.trim_streams


@pytest.mark.parametrize("asked", ["tenant/gone", r"tenant/g\u200bone"])
def test_a_tenant_in_the_address_is_chosen_though_nothing_of_it_is_known(
    services: Services, open_page: Open, asked: str
) -> None:
    """It may have gone, or not been read yet: then a link must not lose it."""
    app = open_page("purge", tenant=asked)
    assert app.selectbox(key=session.PURGE_TENANT).value == asked
    app = press(app, "Plan (changes nothing)")
    assert "was ever seen here" in words(app)

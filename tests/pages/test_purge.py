"""The Purge page as long as nothing is erased: chosen, planned, confirmed, refused, halted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock, patch

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from dashboard.app import state_keys as session
from dashboard.purge import choose as purge_choose
from services.bootstrap import Services
from services.errors import PurgeRefused, StoreUnavailable
from services.figures import Measure
from services.jobs.looks import Tells
from services.jobs.models import JobState
from services.purge.job import Job, Outcome, Tombstone
from services.purge.models import Plan, Request, Target
from services.purge.planning import KIND as PLANNING
from services.purge.worker import PurgeWorker
from services.tenancy.kb_ids import TenantKey
from tests.pages.conftest import Open, looked, plan_purge, refresh, words
from tests.pages.test_sessions import press
from tests.pages.test_unknown import wordless
from tests.servers.deployment import Deployment

ACME = TenantKey("tenant", "acme")
NEIGHBOUR = "tenant_acme_corp_user_alice_kato"


@pytest.fixture(scope="module", autouse=True)
def by_hand() -> Iterator[None]:
    """Jobs run when a test says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PurgeWorker, "start", lambda self: None)
        yield


@pytest.fixture
def services(restored_services: Services) -> Services:
    """One deployment for all: what one test plans, and ends before it erases, changes nothing."""
    return restored_services


def planned(open_page: Open, services: Services, tenant: str = "tenant/acme") -> AppTest:
    """The plan of a tenant, as a link to the page begins it."""
    return plan_purge(open_page("purge", tenant=tenant), services)


def typed_in(app: AppTest, name: str, *, reason: str = "ticket 4711") -> AppTest:
    """Type what a confirmation asks for."""
    app.text_input(key=session.PURGE_CONFIRM).set_value(name)
    return app.text_input(key=session.PURGE_REASON).set_value(reason).run()


def erase_button(app: AppTest) -> Button:
    """The button that begins the purge."""
    return next(button for button in app.button if button.label.startswith("Erase "))


def confirm(app: AppTest, name: str) -> AppTest:
    """Type it, and press the button."""
    typed_in(app, name)
    erase_button(app).click().run()
    assert not app.exception, app.exception
    return app


def began(services: Services, target: Target, **options: object) -> Job:
    """A job that was confirmed and has not run."""
    plan = services.purge.plan(Request(target, **options))  # type: ignore[arg-type]
    return services.purge.begin(
        plan.digest, confirm=plan.confirmation, reason="ticket 4711", asked_by="ada"
    )


def test_the_page_begins_with_the_tenant_of_the_link(services: Services, open_page: Open) -> None:
    """And without one it asks."""
    app = open_page("purge")
    assert next(b for b in app.button if b.label.startswith("Plan")).disabled
    assert "Choose a tenant, node or user." in words(app)
    assert "Sessions always end" in words(app)
    app = open_page("purge", tenant="tenant/acme")
    assert app.selectbox(key=session.PURGE_TENANT).value == "tenant/acme"
    assert not next(b for b in app.button if b.label.startswith("Plan")).disabled


def test_a_plan_shows_what_goes_and_what_is_left_out_and_changes_nothing(
    services: Services, open_page: Open
) -> None:
    """Totals a store, each thing, who else would lose data, and what cannot be told apart."""
    before = services.purge.jobs()
    app = planned(open_page, services, "tenant/acme-corp")
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
    assert services.purge.jobs() == before  # the deployment itself is compared in the end


def test_a_plan_is_made_while_nobody_looks_and_is_there_when_the_page_is_opened_again(
    services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is followed and stopped by whoever has chosen the same; why one failed is said."""
    begun, held, real = threading.Event(), threading.Event(), services.purge.plan

    def waits(request: Request, *, tells: Tells) -> Plan:
        begun.set()
        assert held.wait(240)
        tells("looking at every store")
        return real(request)

    monkeypatch.setattr(services.purge, "plan", waits)
    press(open_page("purge", tenant="tenant/globex"), "Plan (changes nothing)")
    assert begun.wait(240)
    app = open_page("purge", tenant="tenant/globex")  # another tab, of the same or another person
    assert "This tab can be closed" in words(app)
    press(app, "Stop")
    held.set()
    assert "Planning was stopped" in words(looked(app, services, PLANNING))
    press(app, "Plan (changes nothing)")
    app = looked(open_page("purge", tenant="tenant/globex"), services, PLANNING)
    assert "This was planned" in words(app)
    app = press(app, "Show the plan")
    assert "Planned just now for local admin, digest" in words(app)
    assert [b for b in app.button if b.label.startswith("Erase ")]
    monkeypatch.setattr(services.purge, "plan", Mock(side_effect=PurgeRefused("nobody knows it")))
    app = plan_purge(press(app, "Edit selection"), services)
    assert "There is no plan. Nobody knows it." in words(app)


def test_a_halted_purge_is_planned_anew_and_goes_on_by_that(
    services: Services, open_page: Open
) -> None:
    """Without a selection, which it has already; one that was begun is offered to nobody."""
    confirm(planned(open_page, services), "tenant/acme")
    job = services.purge.jobs()[0].id
    assert "This was planned" not in words(open_page("purge", tenant="tenant/acme"))
    services.purge.stop(job)
    services.purge.run_here(job)
    app = plan_purge(open_page("purge", job=job), services, "Plan anew…")
    assert [b for b in app.button if b.label.startswith("Go on, and erase ")]
    services.purge.abandon(job)


def test_what_is_included_all_the_same_is_planned_again_with_a_warning(
    services: Services, open_page: Open
) -> None:
    """Who loses data is named; until it is planned, nothing can be confirmed."""
    app = planned(open_page, services, "tenant/acme-corp")
    (kb_id,) = app.multiselect[0].options
    app.multiselect[0].set_value([kb_id]).run()
    assert "tenant/acme_corp will lose data" in words(app)
    assert not [b for b in app.button if b.label.startswith("Erase ")]
    app = plan_purge(app, services, "Plan again with these")
    assert next(b for b in app.button if b.label == "Plan again with these").disabled
    assert "tenant/acme_corp will lose data" in words(app)
    items = next(e.value for e in app.dataframe if "How" in e.value.columns)
    assert kb_id in set(items["Owner"])
    app.multiselect[0].set_value([]).run()
    app = plan_purge(app, services, "Plan again with these")
    assert "will lose data" not in words(app)
    assert [b for b in app.button if b.label.startswith("Erase ")]


def test_without_the_very_name_and_a_reason_nothing_can_be_done(
    services: Services, open_page: Open
) -> None:
    """The button stays off, and says what is missing."""
    before, app = services.purge.jobs(), planned(open_page, services)
    for typed in ("tenant/acm", "tenant/Acme", "tenant/acme ", "acme", ""):
        app = typed_in(app, typed)
        assert erase_button(app).disabled, typed
        assert "Still needed: what is to be erased." in words(app), typed
        assert "cannot be undone" not in words(app), typed
    app = typed_in(app, "tenant/acme", reason=" ")
    assert erase_button(app).disabled
    assert services.purge.jobs() == before


def test_a_node_or_a_user_alone_can_be_chosen(services: Services, open_page: Open) -> None:
    """A node_id out of the tenant's own or typed; a user of all tenants, or of one."""
    app = open_page("purge", tenant="tenant/acme")
    app.segmented_control(key=session.PURGE_WHAT).set_value(purge_choose.NODE).run()
    node = app.selectbox(key=session.of(session.PURGE_NODE, ACME))
    assert "tenant:acme:user:dana" in node.options
    node.set_value("tenant:acme:user:dana").run()
    app = plan_purge(app, services)
    assert "the node_id tenant:acme:user:dana of tenant/acme" in words(app)
    app = press(app, "Edit selection")
    assert app.segmented_control(key=session.PURGE_WHAT).value == purge_choose.NODE
    app = open_page("purge")
    app.segmented_control(key=session.PURGE_WHAT).set_value(purge_choose.USER).run()
    app.text_input(key=session.PURGE_USER).set_value("dana").run()
    app = plan_purge(app, services)
    assert app.header[0].value == "dana in 1 tenant"
    assert "In **1 tenant**: tenant/acme" in words(app)


def test_sessions_alone_can_be_ended(services: Services, open_page: Open) -> None:
    app = open_page("purge", tenant="tenant/globex")
    app = press(app, "Sessions only")
    assert "Only sessions end." in words(app)
    app = plan_purge(app, services)
    about = {metric.label: metric.delta for metric in app.metric}
    assert about["ClickHouse rows"] == "not chosen"
    items = next(e.value for e in app.dataframe if "How" in e.value.columns)
    assert set(items["Store"]) == {"Sessions"}


@pytest.mark.parametrize("store", ["clickhouse", "redis", "qdrant"])
def test_with_a_store_down_nothing_can_be_confirmed(
    services: Services, reading_kato: Deployment, open_page: Open, store: str
) -> None:
    """What it has is unknown and not 0; once it answers, planning again goes on."""
    reading_kato.fail(store, "down")
    app = planned(open_page, services)
    assert "This cannot be purged now. Nothing was changed." in words(app)
    assert "could not be asked" in words(app)
    assert "unknown" in {metric.value for metric in app.metric}
    assert not [b for b in app.button if b.label.startswith("Erase ")]
    reading_kato.heal()
    app = plan_purge(app, services, "Plan again")
    assert [b for b in app.button if b.label.startswith("Erase ")]


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the browser's tab has been named, the last last."""
    named = list[str]()
    monkeypatch.setattr("streamlit.set_page_config", lambda **how: named.append(how["page_title"]))
    return named


def clickhouse_is_down(services: Services, running: Deployment) -> None:
    """Let it fail, and the collector find that out."""
    running.fail("clickhouse", "down")
    found_out(services)


def found_out(services: Services) -> None:
    """Have the collector see how the stores are now."""
    for _ in range(2):  # the first may have begun before, as a purge that ended asks for one
        refresh(services)


def says_it_is_down(app: AppTest, needing: str) -> bool:
    """Tell whether the card of every page says it, and the button that needs it, which is off."""
    (card,) = (each.value for each in app.error if "Works:" in each.value)
    (button,) = (each for each in app.button if each.label.startswith(needing))
    said = "ClickHouse is down since"
    return said in card and button.disabled and said in button.help


def test_a_store_that_is_down_is_said_on_every_view_of_a_purge(
    services: Services, reading_kato: Deployment, open_page: Open, titles: list[str]
) -> None:
    """By the card; what needs it is off, and says so. The tab says what is open.

    The fourth view is the receipt: `test_purge_runs` has it.
    """
    app = typed_in(planned(open_page, services), "tenant/acme")
    job = began(services, Target(ACME))
    services.purge.stop(job.id)
    services.purge.run_here(job.id)
    clickhouse_is_down(services, reading_kato)
    opened = open_page("purge", job=job.id)
    assert says_it_is_down(opened, "Resume")
    assert titles[-1] == "Stopped: tenant/acme · Purge · KATO tenants"
    services.purge.abandon(job.id)
    assert says_it_is_down(app.run(), "Erase ")
    assert titles[-1] == "Plan of tenant/acme · Purge · KATO tenants"
    opened = open_page("purge", tenant="tenant/acme")
    assert says_it_is_down(opened, "Plan (changes nothing)")
    assert titles[-1] == "tenant/acme · Purge · KATO tenants"


def test_a_purge_under_way_refuses_another_and_can_be_stopped_and_ended(
    services: Services, open_page: Open
) -> None:
    """The tenant's page says it; stopping waits for the step, ending asks once more.

    What is left then has a receipt, and somebody else's look at it cannot resume it.
    """
    before = services.purge.jobs()
    assert "is being purged" not in words(open_page("tenant", tenant="tenant/acme"))
    app = typed_in(planned(open_page, services), "tenant/acme")
    job = began(services, Target(ACME))
    erase_button(app).click().run()
    assert f"Nothing was started: the purge job {job.id}" in words(app), "begun in between"
    app = confirm(planned(open_page, services), "tenant/acme")
    assert "Nothing was started:" in words(app), "and it would not be with a new plan"
    assert [each.id for each in services.purge.jobs()] == [job.id, *(each.id for each in before)]
    app = open_page("tenant", tenant="tenant/acme")
    assert "tenant/acme is being purged." in words(app)
    assert "is being purged" not in words(open_page("tenant", tenant="tenant/acme-corp"))

    app = press(open_page("purge", job=job.id), "Stop")
    assert services.purge.job(job.id).stop_asked
    assert next(b for b in app.button if b.key == "purge_stop").disabled
    assert services.purge.run_here(job.id).state is JobState.STOPPED
    app, another = open_page("purge", job=job.id), open_page("purge", job=job.id)
    assert "It was stopped between two steps. Nothing was erased." in words(app)
    app = press(app, "End as it is…")
    assert services.purge.job(job.id).state is JobState.STOPPED
    app = press(app, "End it")
    assert services.purge.job(job.id).outcome is Outcome.PARTIAL
    assert "Not all data of tenant/acme was erased" in words(open_page("purge", job=job.id))
    another = press(another, "Resume")
    assert "Nothing was done: this purge has ended: plan another." in words(another)


def test_an_unknown_job_says_so(services: Services, open_page: Open) -> None:
    assert "there is no purge job <b>x" in words(open_page("purge", job="<b>x"))


def test_what_came_back_is_said_on_three_pages(services: Services, open_page: Open) -> None:
    """Overview, the tenant's page, and the purge's."""
    kb_id = "tenant_acme_user_dana_kato"
    stone = Tombstone(kb_id, "tenant/acme", "j1", datetime.now(UTC) - timedelta(hours=1))
    with patch.object(services.purge, "tombstones", lambda _=None: (stone,)):
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


def test_every_store_is_chosen_unless_said_otherwise(services: Services, open_page: Open) -> None:
    """And streams are only emptied when that is ticked beside what stays, and planned."""
    app = plan_purge(open_page("purge", tenant="tenant/acme"), services)
    next(box for box in app.checkbox if box.label.startswith("Empty the streams")).check().run()
    assert not [b for b in app.button if b.label.startswith("Erase ")]
    app = plan_purge(app, services, "Plan again with these")
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
    app = plan_purge(app, services)
    assert "was ever seen here" in words(app)

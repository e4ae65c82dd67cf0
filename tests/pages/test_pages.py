"""Every page in every state: data, empty, loading, partial, failed, and hostile names."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from dashboard.app import navigation, read, runtime
from services.audit_log.models import LogFilter
from services.bootstrap import Services
from services.figures import Measure, Precision
from services.settings.environment import Settings
from services.stores.redis.usage import KeyspaceStore
from services.tenancy.ownership import ClaimState
from services.usage.collect import UsageService
from services.usage.refresh import CollectorState
from services.usage.snapshot import Snapshot
from tests.pages.conftest import Open, Put, SignIn, refresh, words
from tests.servers.deployment import SECRET, Deployment
from tests.waiting import SOON

PAGES = [page.name for page in navigation.PAGES]


def columns(app: AppTest, index: int = 0) -> list[str]:
    return list(app.dataframe[index].value.columns)


def test_every_page_opens_with_data(reading_services: Services, open_page: Open) -> None:
    """Each has its title and no exception, and shows no secret."""
    for name in PAGES:
        app = open_page(name)
        assert app.title[0].value == navigation.row(name).title
        assert SECRET not in words(app), name


def test_overview_shows_the_stores_totals(reading_services: Services, open_page: Open) -> None:
    app = open_page()
    values = {metric.label: metric.value for metric in app.metric}
    assert values == {
        "Patterns": "136", "Redis keys": "2,315", "Vectors": "75", "Sessions": "28"
    }  # fmt: skip
    assert "one memory" in words(app)
    assert "Updated" in words(app)


UNKNOWN = {
    "clickhouse": ("Patterns", "Patterns"),
    "redis": ("Redis keys", "Keys"),
    "qdrant": ("Vectors", "Vectors"),
}
STORE_NAMES = {"clickhouse": "ClickHouse", "redis": "Redis", "qdrant": "Qdrant"}


@pytest.mark.parametrize("store", UNKNOWN)
def test_every_page_stays_up_when_a_store_is_down(
    restored_services: Services, reading_kato: Deployment, open_page: Open, store: str
) -> None:
    """Its figure is unknown, with reason and age, and never 0."""
    label, missing = UNKNOWN[store]
    reading_kato.fail(store, "down")
    refresh(restored_services)
    for name in PAGES:
        app = open_page(name, tenant="tenant/acme") if name == "tenant" else open_page(name)
        shown = {metric.label: metric.value for metric in app.metric}
        if shown and name not in ("isolation", "system"):  # which count other things
            assert shown[label] == "unknown", name
        if name not in ("audit_log", "approvals"):  # these need no store
            assert f"{STORE_NAMES[store]} is down since" in words(app), name
            assert f"{STORE_NAMES[store]} last read" in words(app), name
        for frame in (element.value for element in app.dataframe):
            if missing in frame.columns and "Tenant" in frame.columns:
                assert frame[missing].isna().all(), name


SAID = {
    "tenant": "Whether it is being purged cannot be read: state store did not answer",
    "sessions": "Whose sessions there are cannot be read: state store",
    "isolation": "The findings cannot be read: state store did not answer",
    "purge": "What should be here cannot be read: state store did not answer",
    "approvals": "Requests cannot be read: state store did not answer",
    "audit_log": "The audit log cannot be read: state store did not answer",
    "system": "state store**: check that it runs and is reachable from here",
    "find": "state store did not answer",
}
"""What each page says where this product's own records do not answer; the others need none."""


@pytest.mark.parametrize("scope", ["*", "tenant/acme"])
def test_every_page_stays_up_when_the_records_are_gone(
    put: Put, sign_in: SignIn, request: pytest.FixtureRequest, open_page: Open, scope: str
) -> None:
    """What was read before is shown to who sees all; for others nothing can be decided."""
    sign_in("admin", scope)
    put({"TWO_PERSONS": "run a purge", "ID_CLAIM": "email"})
    services: Services = request.getfixturevalue("services")
    services.collector.stop()
    break_records(services)
    for name in PAGES:
        query = {"tenant": {"tenant": "tenant/acme"}, "find": {"find": "alice"}}.get(name, {})
        app = open_page(name, **query)
        if scope == "*":
            assert SAID.get(name, "") in words(app), name
        else:
            assert "cannot be read: state store did not answer" in words(app), name
    if scope == "*":
        assert open_page().metric[0].value == "136"
        assert open_page("tenant", tenant="tenant/acme").metric[0].value not in ("", "unknown")


def break_records(services: Services) -> None:
    """Make the file of this product's own records one that is no database."""
    engine = services.state._engine
    engine.dispose()
    assert engine.url.database
    Path(engine.url.database).write_bytes(b"no database" * 1000)


def test_a_store_without_an_address_is_called_so(
    kato: Deployment, monkeypatch: pytest.MonkeyPatch, open_page: Open
) -> None:
    monkeypatch.setenv("REDIS_URL", kato.environment["REDIS_URL"])
    assert runtime.services().collector.wait(timeout=240)
    deltas = {metric.label: metric.delta for metric in open_page().metric}
    runtime.services().close()
    assert deltas["Patterns"] == "not configured"


def test_before_the_first_figures_there_is_a_loading_state(
    kato_settings: Settings, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No figure is shown before there is one."""
    release = threading.Event()
    collect = UsageService.collect
    monkeypatch.setattr(
        UsageService, "collect", lambda self, **k: (release.wait(240), collect(self, **k))[1]
    )
    app = open_page()
    release.set()
    assert kato_settings
    assert not app.metric
    assert "for the first time" in words(app)
    runtime.services().close()


def test_sessions_are_unknown_until_the_pass_has_ended(
    services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Redis' keys estimated, no page says that there are 0 sessions, or none."""
    services.collector.stop()
    shown, came, read = list[Snapshot](), threading.Event(), KeyspaceStore.read

    def show(snapshot: Snapshot) -> None:
        shown.append(snapshot)
        if snapshot.keys is not None:
            came.set()

    def later(*given: Any, **more: Any) -> Any:
        assert came.wait(SOON)  # or the exact pass over so few keys is as quick
        return read(*given, **more)

    monkeypatch.setattr(KeyspaceStore, "read", later)
    services.usage.collect(progress=show)
    estimated = next(s for s in shown if s.keys is not None)
    assert estimated.keys
    assert estimated.keys.precision is Precision.ESTIMATE
    services.collector.state = CollectorState(estimated, datetime.now(UTC))
    for page, query in (("overview", {}), ("tenant", {"tenant": "tenant/acme"})):
        app = open_page(page, **query)
        values = {metric.label: metric.value for metric in app.metric}
        assert values["Sessions"] == "unknown"
        assert values["Redis keys"].startswith("≈")
        assert "No live session" not in words(app)
        assert "0 tenants" not in words(app)
    assert open_page("tenants").dataframe[0].value["Sessions"].isna().all()
    app = open_page("sessions")
    assert "come at the end of the pass" in words(app)
    assert "There is no session" not in words(app)


def test_an_empty_deployment_says_what_to_do_next(
    services: Services, kato: Deployment, valkey: redis.Redis, open_page: Open
) -> None:
    """Nothing in the stores is a fact, not an error."""
    valkey.flushall()
    client, qdrant = kato.targets.clickhouse, kato.targets.qdrant
    assert client
    assert qdrant
    client.command("TRUNCATE TABLE patterns_data")
    for collection in qdrant.get_collections().collections:
        qdrant.delete_collection(collection.name)
    refresh(services)
    app = open_page()
    assert {metric.value for metric in app.metric} == {"0"}
    assert "There is no tenant yet" in words(app)
    assert "There is no tenant yet" in words(open_page("tenants"))
    assert "There is no tenant yet" in words(open_page("tenant"))


def test_a_wrong_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, open_page: Open
) -> None:
    monkeypatch.setenv("CLICKHOUSE_PORT", "http")
    (error,) = open_page().error
    assert "CLICKHOUSE" in error.value
    assert "cannot start" in error.value


def test_tenants_can_be_searched_filtered_and_sorted(
    reading_services: Services, open_page: Open
) -> None:
    app = open_page("tenants")
    names = list(app.dataframe[0].value["Tenant"])
    assert len(names) == 16
    memory = list(app.dataframe[0].value["Memory"])
    assert memory == sorted(memory, reverse=True)
    app.text_input(key="q").set_value("ACME").run()
    assert set(app.dataframe[0].value["Tenant"]) == {
        "tenant/acme", "tenant/acme-corp", "tenant/acme_corp"
    }  # fmt: skip
    app.text_input(key="q").set_value(".*").run()
    assert "No tenant matches" in words(app)
    app.text_input(key="q").set_value("").run()
    app.selectbox(key="sort").set_value("Name").run()
    assert list(app.dataframe[0].value["Tenant"]) == sorted(names)


def test_shared_memory_and_what_belongs_to_nobody_are_on_the_tenants_page(
    reading_services: Services, open_page: Open
) -> None:
    app = open_page("tenants")
    assert "they share one memory" in words(app)
    assert "tenant_acme_corp_user_bob_kato" in str(app.dataframe[1].value)


@pytest.mark.parametrize(
    "name",
    ["tenant/acme-corp", "tenant/a*b[c]?", "tenant/O'Brien & Söhne", "kb/x_kato", "kb/_kato",
     "user/zed"],
)  # fmt: skip
def test_a_tenant_has_a_link_that_can_be_pasted(
    reading_services: Services, open_page: Open, name: str
) -> None:
    """The adversarial names of the capture all the way through."""
    app = open_page("tenant", tenant=name)
    assert len(app.metric) == 4
    assert app.header[0].value.replace("\\", "") == name


def test_a_tenants_page_shows_what_it_shares(reading_services: Services, open_page: Open) -> None:
    """What lies on a shared kb_id is not among its own figures."""
    reading_services.isolation.audit()
    app = open_page("tenant", tenant="tenant/acme-corp")
    assert "tenant_acme_corp_user_bob_kato: Also written by tenant/acme_corp" in words(app)
    assert "The finding" in [each.proto.label for each in app.get("page_link")]
    assert {m.label: m.value for m in app.metric}["Patterns"] == "9"


def test_an_unknown_tenant_can_be_searched_for(reading_services: Services, open_page: Open) -> None:
    app = open_page("tenant", tenant="tenant/nobody")
    assert "Nothing in the stores belongs to" in words(app)
    app.text_input[0].set_value("globex").run()
    assert list(app.dataframe[0].value["Tenant"]) == ["tenant/globex"]


def fill(app: AppTest, tenant: str, user: str) -> AppTest:
    scheme = "tenant:{tenant}:user:{user}"
    app.text_input(key=f"{scheme}.tenant").set_value(tenant)
    app.text_input(key=f"{scheme}.user").set_value(user)
    return app.run()


def create_button(app: AppTest) -> Button:
    return next(button for button in app.button if button.label == "Create session")


def test_a_session_is_created_and_its_answer_shown(
    services: Services, open_page: Open, valkey: redis.Redis
) -> None:
    """The node_id and kb_id are seen before, KATO's session id after."""
    app = fill(open_page("new_session"), "newcomer", "eve")
    codes = [code.value for code in app.code]
    assert codes == ["tenant:newcomer:user:eve", "tenant_newcomer_user_eve_kato"]
    assert "New for tenant/newcomer" in words(app)
    create_button(app).click().run()
    assert not app.exception
    session_id = app.code[2].value
    assert valkey.exists(f"kato:session:{session_id}")
    assert "The session was created." in words(app)


def test_landing_on_another_tenants_memory_is_refused(
    reading_services: Services, open_page: Open
) -> None:
    """`acme.corp` would read and write what `acme-corp` has learnt."""
    app = fill(open_page("new_session"), "acme.corp", "bob")
    assert "already used by tenant/acme-corp, tenant/acme_corp" in words(app)
    assert create_button(app).disabled


def test_a_session_on_older_data_takes_a_word_and_stays_unproven(
    services: Services, open_page: Open
) -> None:
    """Nobody was seen on it since the records begin; the word is in the log, the rule finds it."""
    app = open_page("new_session", tenant="user/zed")
    app.text_input(key="user:{user}.user").set_value("zed").run()
    assert "holds 6 patterns and 62 keys, from before any node_id" in words(app)
    assert create_button(app).disabled
    key = next(each.key for each in app.text_input if each.label.startswith("Why this tenant"))
    app.text_input(key=key).set_value("asked Zed").run()
    create_button(app).click().run()
    assert not app.exception
    assert "The session was created." in words(app)
    assert services.collector.wait(rounds=2, timeout=240)
    assert services.usage.ownership().kb("user_zed_kato").state is ClaimState.INFERRED
    assert "Unproven: user/zed uses it" in words(app.run())
    targets = [entry.event.target for entry in services.logbook.page(LogFilter())]
    assert "user:zed, onto older data: asked Zed" in targets
    report = services.isolation.audit()
    assert "collision.older-data" in {each.finding.code for each in report.records}


def test_values_that_could_not_be_read_back_are_refused(
    reading_services: Services, open_page: Open
) -> None:
    app = fill(open_page("new_session"), "a", "b:user:c")
    assert "more than one way" in words(app)
    assert create_button(app).disabled


def test_a_tenants_link_fills_the_form(reading_services: Services, open_page: Open) -> None:
    app = open_page("new_session", tenant="org/bigco")
    assert app.selectbox(key="scheme").value == "org:{org}:dept:{dept}:user:{user}"
    assert app.text_input(key="org:{org}:dept:{dept}:user:{user}.org").value == "bigco"


def test_without_a_key_nothing_can_be_sensitive(
    reading_services: Services, open_page: Open
) -> None:
    app = open_page("new_session")
    assert app.checkbox(key="metadata_sensitive_0").disabled
    assert "Encryption is off" in words(app)


def test_a_kato_that_is_down_creates_nothing_and_says_so(
    restored_services: Services, reading_kato: Deployment, open_page: Open
) -> None:
    app = fill(open_page("new_session"), "newcomer", "eve")
    reading_kato.fail("kato", "down")
    create_button(app).click().run()
    assert not app.exception
    assert "did not answer" in words(app)
    assert "The session was created." not in words(app)


def test_a_newcomer_reads_what_this_is_once(reading_services: Services, open_page: Open) -> None:
    """Until it is dismissed, and in later tabs no more; the glossary is on every page."""
    app = open_page()
    assert "KATO learns from what its clients send" in words(app)
    app.button(key="dismiss_welcome").click().run()
    for later in (app, open_page(), open_page("tenants")):
        assert "KATO learns from what its clients send" not in words(later)
        assert any("- **kb_id**: " in each.value for each in later.markdown)


def test_system_shows_settings_without_secrets(reading_services: Services, open_page: Open) -> None:
    app = open_page("system")
    frames = "\n".join(str(element.value.to_dict()) for element in app.dataframe)
    assert "CLICKHOUSE_PASSWORD" in frames
    assert "(set)" in frames
    assert SECRET not in frames
    assert "tenant:{tenant}:user:{user}" in words(app)


def test_system_shows_katos_workers(reading_services: Services, open_page: Open) -> None:
    """With their caches when these are asked for; how KATO counts stands beside what there is."""
    app = open_page("system")
    workers = next(e.value for e in app.dataframe if "Sessions it counts" in e.value.columns)
    assert "Cache" not in workers
    assert list(workers["Stores"]) == ["well"]
    assert "sessions of KATO's layout in Redis" in words(app)
    app.toggle(key="worker_caches").set_value(True).run()
    workers = next(e.value for e in app.dataframe if "Sessions it counts" in e.value.columns)
    assert list(workers["Cache"]) == ["disabled"]


def test_the_history_draws_a_sparkline(reading_services: Services, open_page: Open) -> None:
    """With two points of the past there is a trend."""
    refresh(reading_services)
    assert len(read.history(Measure.KEYS)) >= 2
    open_page()

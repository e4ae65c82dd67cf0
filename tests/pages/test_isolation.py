"""The Isolation page in every state: audited, filtered, accepted, unknown, failing, and before."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys as session, viewer as access
from dashboard.draw.formatting import escaped, visible
from dashboard.isolation import tables as isolation_tables, words as isolation_words
from services.bootstrap import Services
from services.errors import FindingError, StoreUnavailable
from services.isolation.audit import IsolationService
from services.isolation.models import Report, Status
from services.isolation.severity import Severity
from services.usage.snapshot import Snapshot
from tests.pages.conftest import Open, refresh, words
from tests.pages.test_sessions import press, table
from tests.servers.deployment import Deployment

SHARED = "tenant_acme_corp_user_bob_kato"


@pytest.fixture
def report(services: Services) -> Report:
    """What the audit of the whole deployment found."""
    found = services.isolation.report()
    assert found is not None, "the first audit follows the first figures"
    return found


@pytest.fixture
def found(reading_services: Services) -> Report:
    """The same, for tests that only read."""
    report = reading_services.isolation.report()
    assert report is not None
    return report


def id_of(report: Report, code: str) -> str:
    """The id of the first finding of a rule."""
    return next(r.finding.id for r in report.records if r.finding.code == code)


def listed(app: AppTest) -> Any:
    """The table of findings, if there is one."""
    return next((e.value for e in app.dataframe if "Finding" in e.value.columns), None)


def rules(app: AppTest) -> Any:
    """The table of rules, by code."""
    return next(e.value for e in app.dataframe if "Reason" in e.value.columns).set_index("Code")


def metrics(app: AppTest) -> dict[str, str]:
    """Every figure by its name, without its icon."""
    return {metric.label.rpartition(":")[2].strip("] "): metric.value for metric in app.metric}


def accept(app: AppTest, *, why: str = "ticket 4711", until: str = "") -> AppTest:
    """Fill the dialog in, and press its button."""
    label = next(b.label for b in app.button if b.label.startswith("Accept "))
    app = press(app, label)
    app.text_area(key=session.ACCEPT_WHY).set_value(why)
    if until:
        app.segmented_control(key=session.ACCEPT_UNTIL).set_value(until)
    return press(app, "Accept")


def test_the_page_shows_score_counts_and_every_finding(
    reading_services: Services, found: Report, open_page: Open
) -> None:
    """The gravest first, with figures that are those of the found."""
    app = open_page("isolation")
    shown = metrics(app)
    assert shown["Score"] == isolation_words.score(found, reading_services.isolation.rules).value
    assert str(found.score) in shown["Score"]
    now = datetime.now(UTC)
    for severity in Severity:
        count = sum(r.finding.severity is severity for r in found.standing(now))
        assert shown[severity.capitalize()] in (str(count), f"≥ {count}")
    assert shown["Accepted"] == "0"
    frame = listed(app)
    assert len(frame) == len(found.records)
    assert frame["Severity"].iloc[0] == ["critical"]
    assert set(frame["Status"]) == {"new"}
    assert SHARED in frame["Finding"].iloc[0]
    assert "Last audit" in words(app)
    assert len(rules(app)) == len(found.rules)


def test_conservation_is_shown_for_every_measure(found: Report, open_page: Open) -> None:
    """Total, sum, difference and times."""
    app = open_page("isolation")
    shown = {metric.label: (metric.value, metric.delta) for metric in app.metric}
    assert shown["Patterns"] == ("136", "adds up")
    assert shown["Redis keys"] == ("2,315", "adds up")
    assert len(app.get("plotly_chart")) == 4
    assert words(app).count("Total read 20") == 4
    assert "tenants **120** · shared **16** · unowned **0**" in words(app)


def test_findings_are_searched_and_filtered(found: Report, open_page: Open) -> None:
    """By text, severity, area, status and tenant, and by a link."""
    app = open_page("isolation")
    app.text_input(key=session.ISOLATION_SEARCH).set_value("BOB_KATO").run()
    about_it = [r for r in found.records if SHARED in (*r.finding.kb_ids, r.finding.subject)]
    assert len(found.records) > len(listed(app)) >= len(about_it) > 0
    assert SHARED in listed(app)["Finding"].iloc[0]
    app.text_input(key=session.ISOLATION_SEARCH).set_value("bob.kato").run()
    assert listed(app) is None
    assert "No finding matches." in words(app)
    app = open_page("isolation", severity="critical")
    assert [*map(list, listed(app)["Severity"])] == [["critical"]] * 2
    app = open_page("isolation", about="tenant/acme_corp")
    assert app.selectbox(key=session.ISOLATION_TENANT).value == "tenant/acme_corp"
    assert 0 < len(listed(app)) < len(found.records)
    app.pills(key=session.ISOLATION_AREA).set_value(["collision"]).run()
    assert [*map(list, listed(app)["Severity"])] == [["critical"], ["critical"], ["medium"]]
    app = open_page("isolation", about="tenant/of nobody")
    assert "No finding matches." in words(app)


def test_one_finding_shows_what_whose_why_and_what_to_do(found: Report, open_page: Open) -> None:
    """At an address of its own, with links to its tenants."""
    app = open_page("isolation", finding=id_of(found, "collision.shared-kb"))
    assert app.header[0].value.replace("\\", "") == "Tenants that share a kb_id"
    text = words(app)
    assert f"tenant/acme-corp and tenant/acme_corp share one memory: {SHARED}" in text
    assert "KATO keeps one memory for each kb_id" in text
    assert "Take it apart" in text
    assert "critical" in text
    assert "First seen" in table(app)
    names = [list(e.value.iloc[:, 0]) for e in app.dataframe]
    assert ["tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob"] in names
    links = [link.proto for link in app.get("page_link")]
    assert [escaped(f"Open tenant/{each}") for each in ("acme-corp", "acme_corp")] == [
        link.label for link in links
    ]
    assert "tenant=tenant%2Facme-corp" in links[0].query_string
    app = press(app, "All findings")
    assert len(listed(app)) == len(found.records)


def test_every_finding_can_be_opened(found: Report, open_page: Open) -> None:
    for record in found.records:
        app = open_page("isolation", finding=record.finding.id)
        assert "What to do" in words(app)


def test_an_unknown_finding_says_so(found: Report, open_page: Open) -> None:
    assert "There is no finding <b>x" in words(open_page("isolation", finding="<b>x"))


def test_a_finding_is_accepted_withdrawn_and_accepted_for_good(
    reading_services: Services, found: Report, open_page: Open
) -> None:
    """By whom, why and until when; it leaves the list and Overview, and comes back; then anew."""
    id_ = id_of(found, "collision.shared-kb")
    app = accept(open_page("isolation", finding=id_))
    assert access.LOCAL_ADMIN in table(app)
    assert "ticket 4711" in table(app)
    assert "accepted" in words(app)
    (record,) = [r for r in reading_services.isolation.report().records if r.finding.id == id_]  # type: ignore[union-attr]
    assert record.acceptance is not None
    assert record.acceptance.until is not None
    app = open_page("isolation")
    assert metrics(app)["Critical"] == "1"  # live sessions run into it all the same
    assert metrics(app)["Accepted"] == "1"
    assert not any(SHARED in text and "read and write" in text for text in listed(app)["Finding"])
    app.pills(key=session.ISOLATION_STATUS).set_value(["accepted"]).run()
    assert listed(app)["Status"].tolist() == ["accepted"]
    links = [link.proto.query_string for link in open_page().get("page_link")]
    assert f"finding={id_}" not in links
    app = press(open_page("isolation", finding=id_), "Withdraw")
    assert "ticket 4711" not in table(app)
    assert metrics(open_page("isolation"))["Critical"] == "2"
    app = accept(open_page("isolation", finding=id_), until="For good")
    assert "for good" in table(app)
    app = accept(app, why="ticket 4712", until="For 30 days")
    assert "ticket 4712" in table(app)
    assert "for good" not in table(app)
    press(app, "Withdraw")


def test_an_acceptance_without_a_name_or_a_reason_is_refused(
    reading_services: Services, found: Report, open_page: Open
) -> None:
    """In one line, and nothing changes."""
    id_ = id_of(found, "collision.shared-kb")
    app = accept(open_page("isolation", finding=id_), why=" ")
    assert "Nothing was changed: say who accepts it, and why." in words(app)
    assert "accepted" not in words(app)


def test_what_the_records_refuse_is_one_line(
    reading_services: Services, found: Report, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was resolved in between, or the records cannot be written."""

    def refuse(*_: object, **__: object) -> None:
        raise FindingError("there is no such finding, or it has been resolved")

    app = open_page("isolation", finding=id_of(found, "collision.shared-kb"))
    monkeypatch.setattr(IsolationService, "accept", refuse)
    assert "Nothing was changed: there is no such finding" in words(accept(app))


def test_rules_of_a_store_that_is_down_are_unknown_and_not_passed(
    services: Services, kato: Deployment, report: Report, open_page: Open
) -> None:
    """With the reason; findings stay as not looked at, and its sum is unknown and not 0."""
    for store in ("clickhouse", "redis", "qdrant"):
        kato.fail(store, "down")
        services.isolation.want()
        refresh(services)
        after = services.isolation.report()
        assert after is not None
        assert len(after.unknown) > len(report.unknown)
        app = open_page("isolation")
        assert metrics(app)["Rules unknown"] == str(len(after.unknown))
        assert "These rules are unknown, not passed" in words(app)
        called = {"clickhouse": "ClickHouse", "redis": "Redis", "qdrant": "Qdrant"}[store]
        assert f"{called} did not answer" in words(app)
        frame = rules(app)
        for rule in after.unknown:
            assert frame.loc[rule.code, "State"] == "unknown"
            assert frame.loc[rule.code, "Reason"]
        assert frame[frame["State"] == "unknown"]["Findings"].isna().all()
        label = {"clickhouse": "Patterns", "redis": "Redis keys", "qdrant": "Vectors"}[store]
        assert metrics(app)[label] == "unknown"
        assert "Unknown, so nothing can be summed" in words(app)
        gravest = {services.isolation.rules[rule.code].severity for rule in after.unknown}
        for severity in gravest:
            assert metrics(app)[severity.capitalize()] == "unknown" or (
                metrics(app)[severity.capitalize()].startswith("≥ ")
            )
        unseen = [r for r in after.records if r.status(datetime.now(UTC)) is Status.UNSEEN]
        for record in unseen[:1]:
            assert "could not be run" in words(open_page("isolation", finding=record.finding.id))
        kato.heal()


def test_a_store_without_an_address_makes_its_rules_not_applicable(
    kato: Deployment, monkeypatch: pytest.MonkeyPatch, open_page: Open
) -> None:
    from dashboard.app import runtime

    monkeypatch.setenv("REDIS_URL", kato.environment["REDIS_URL"])
    assert runtime.services().collector.wait(timeout=240)
    app = open_page("isolation")
    runtime.services().close()
    frame = rules(app)
    assert frame.loc["shared.points", "State"] == "not applicable"
    assert "not configured" in frame.loc["shared.points", "Reason"]


def test_before_the_first_audit_there_is_a_loading_state(
    kato_settings: object, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No score is shown; the sums are there already."""
    from dashboard.app import runtime

    monkeypatch.setattr(IsolationService, "follow", lambda self, snapshot: None)
    services = runtime.services()
    assert services.collector.wait(timeout=240)
    app = open_page("isolation")
    assert "The first audit follows the first figures." in words(app)
    assert "Score" not in metrics(app)
    assert metrics(app)["Patterns"] == "136"
    assert "There is no audit yet" in words(open_page("isolation", finding="0" * 16))
    assert "one memory" in words(open_page())
    services.close()


def test_a_failed_audit_says_why_and_the_last_one_stays_until_another_is_asked_for(
    reading_services: Services, found: Report, open_page: Open
) -> None:
    """The button waits for it, and the page follows."""

    def fail(*_: object) -> Report:
        raise StoreUnavailable("records", "keeping an audit", "the disk is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IsolationService, "audit", fail)
        reading_services.isolation.want()
        refresh(reading_services)
    app = open_page("isolation")
    assert "The last audit failed" in words(app)
    assert "the disk is full" in words(app)
    assert len(listed(app)) == len(found.records)
    may, collect = threading.Event(), reading_services.usage.collect

    def late(**more: Any) -> Snapshot:
        assert may.wait(240)
        return collect(**more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading_services.usage, "collect", late)
        following = reading_services.collector.begun + 1
        app = press(app, "Audit now")
        assert next(b for b in app.button if b.label == "Auditing…").disabled
        may.set()
        assert reading_services.collector.wait(rounds=following, timeout=240)
    app.run()
    assert not next(b for b in app.button if b.label == "Audit now").disabled
    assert "The last audit failed" not in words(app)
    after = reading_services.isolation.report()
    assert after is not None
    assert after.at > found.at


def test_records_that_cannot_be_read_are_one_line(
    reading_services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the page; Overview and Tenant do without."""

    def fail(*_: object) -> Report:
        raise StoreUnavailable("records", "reading findings", "the file is locked")

    monkeypatch.setattr(IsolationService, "report", fail)
    app = open_page("isolation")
    assert "The findings cannot be read: records did not answer" in words(app)
    assert "the file is locked" in words(app)
    assert "one memory" in words(open_page())
    assert len(open_page("tenant", tenant="tenant/acme").metric) == 4


def test_what_is_resolved_is_kept_and_not_in_the_way(
    services: Services, valkey: redis.Redis, report: Report, open_page: Open
) -> None:
    """Gone from what stands, there when asked for, and it has an end."""
    id_ = id_of(report, "shared.streams")
    for key in valkey.scan_iter("stm:*"):
        valkey.delete(key)
    services.isolation.want()
    refresh(services)
    app = open_page("isolation")
    assert "shared.streams" not in str(listed(app))
    app.pills(key=session.ISOLATION_STATUS).set_value(["resolved"]).run()
    assert set(listed(app)["Status"]) == {"resolved"}
    app = open_page("isolation", finding=id_)
    assert "Resolved" in table(app)
    assert not [b for b in app.button if b.label.startswith("Accept")]


def test_overview_says_the_gravest_once_with_links(found: Report, open_page: Open) -> None:
    """Critical and high; what tenants share is not said a second time."""
    app = open_page()
    text = words(app)
    assert text.count(SHARED + ".") == 1
    links = [link.proto.query_string for link in app.get("page_link")]
    about_it = {f"finding={r.finding.id}" for r in found.records if SHARED in r.finding.kb_ids}
    assert len(about_it.intersection(links)) == 1
    grave = [r for r in found.records if r.finding.severity.at_least(Severity.HIGH)]
    once = {(r.finding.code.partition(".")[0], r.finding.kb_ids or r.finding.id) for r in grave}
    assert sum(link.startswith("finding=") for link in links) == min(
        len(once), isolation_tables.NOTICED
    )


def test_a_tenants_page_says_what_concerns_it(found: Report, open_page: Open) -> None:
    """And nothing where nothing does."""
    app = open_page("tenant", tenant="tenant/acme-corp", tab="Findings")
    assert f"one memory: {SHARED}" in words(app)
    spared = words(open_page("tenant", tenant="tenant/globex", tab="Findings"))
    assert "Nothing that concerns it." in spared


def test_hostile_names_are_text(services: Services, valkey: redis.Redis, open_page: Open) -> None:
    """In the list, on a finding and in what is said elsewhere."""
    names = ["<b>a\nb\\c](//x) $y$", "<b>a\nb-c](//x) $y$"]  # KATO gives both one kb_id
    for at, name in enumerate(names):
        record = json.dumps({"node_id": f"tenant:{name}:user:x"})
        valkey.set(f"kato:session:session-{at}", record, ex=900)
    refresh(services)
    report = services.isolation.audit()
    mine = [r.finding for r in report.records if any("<b>" in str(t) for t in r.finding.tenants)]
    assert mine
    for finding in mine:
        app = open_page("isolation", finding=finding.id)
        shown = [element.value for element in app.markdown]
        assert any(escaped(visible(finding.what)) in text for text in shown), shown
    assert "<b>a\\nb" in str(list(listed(open_page("isolation"))["Tenant"])).replace("\\\\", "\\")

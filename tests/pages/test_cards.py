"""Cards: written on a tenant's page, and told wherever a tenant is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys
from dashboard.draw import cards
from services.bootstrap import Services
from services.cards.models import Edit, Label
from services.cards.scope import LabelScope
from services.errors import StoreUnavailable
from services.history.models import second
from services.limits.models import Rule
from services.limits.preview import Changes
from services.purge.models import Request, Target
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from tests.pages.conftest import Open, SignIn, words
from tests.pages.test_history import recording
from tests.pages.test_limits import table
from tests.pages.test_scope import snapshot_of
from tests.pages.test_sessions import press
from tests.unit.history.snapshots import snapshot

ACME, GLOBEX = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "globex")
GONE = TenantKey("tenant", "<b>gone\x00")
GOLD = {"plan": "gold"}


def have(services: Services) -> None:
    """Cards as they were before a page was opened."""
    edits = [Edit(ACME, "Acme *Inc*", "ops@acme", "a\nb", {**GOLD, "eu": "1"}),
             Edit(GLOBEX, "Globex", labels={"plan": "free"}), Edit(GONE, "Gone")]  # fmt: skip
    services.cards.change(edits, by="zoe")


def test_a_card_is_written_and_told_wherever_its_tenant_is(
    services: Services, open_page: Open
) -> None:
    """Its names, labels and hold; Tenants filters and groups by labels, and Find finds by them."""
    have(services)
    app = open_page("tenant", tenant=str(ACME))
    for said in ("**Acme *Inc***", "ops@acme", "plan=gold"):
        assert said in words(app)
    app = press(app, "Set a legal hold…")
    app.text_input(key=state_keys.HOLD_REASON).set_value("file 12")
    app = press(app, "Hold")
    assert "It is on legal hold." in words(app)
    assert "file 12. Nothing of it is erased until that is lifted." in words(app)
    (held,) = services.card_book.holds()
    assert (held.tenant, held.hold.reason) == (ACME, "file 12")

    app = open_page("tenants")
    assert table(app, cards.STATE)[str(ACME)] == "on hold"
    assert list(table(app, cards.LABELS)[str(ACME)]) == ["eu=1", "plan=gold"]
    assert "1 tenant without data" in [each.label.removeprefix("Cards of ")
                                       for each in app.expander]  # fmt: skip
    app = open_page("tenants", labels="plan=gold", group="plan")
    assert table(app, cards.NAME) == {str(ACME): "Acme *Inc*"}
    grouped = next(each.value for each in app.dataframe if "plan" in each.value.columns)
    assert list(grouped["plan"]) == ["gold"]
    assert grouped["Tenants"].tolist() == [1]
    assert table(open_page("tenants", q="globex"), cards.NAME) == {str(GLOBEX): "Globex"}

    for asked in ("acme *inc*", "plan=gold"):
        assert str(ACME) in table(open_page("find", find=asked), "Found as")
    assert "Gone" in words(open_page("tenant", tenant=r"tenant/<b>gone\x00"))
    plan = services.purge.plan(Request(Target(ACME)))
    app = open_page("purge", plan=plan.digest)
    assert "tenant/acme-corp is on legal hold" in words(app)


def test_a_session_a_finding_and_a_purge_say_what_people_call_their_tenant(
    services: Services, open_page: Open
) -> None:
    report = services.isolation.report()
    assert report is not None
    record = next(each for each in report.records if len(each.finding.tenants) == 1)
    (tenant,) = record.finding.tenants
    services.cards.change([Edit(tenant, "Found *Inc*")], by="zoe")
    assert r"Found \*Inc\*" in said(open_page("isolation", finding=record.finding.id))

    have(services)
    found, own = snapshot_of(services).sessions or (), services.usage.ownership()
    theirs = next(each for each in found if own.owner(each.owner).tenant == GLOBEX)
    assert "Globex" in said(open_page("sessions", session=theirs.session_id))
    plan = services.purge.plan(Request(Target(GLOBEX)))
    job = services.purge.begin(plan.digest, confirm=str(GLOBEX), reason="OPS-1", asked_by="zoe")
    assert "Globex" in said(open_page("purge", job=job.id))


def said(app: AppTest) -> list[str]:
    """What every paragraph begins with, up to a dot between facts."""
    return [each.value.partition(" · ")[0] for each in app.markdown]


def test_a_form_changes_what_was_changed_in_it(services: Services, open_page: Open) -> None:
    """What somebody else changed meanwhile stays, and what cannot be taken changes nothing."""
    have(services)
    app = press(open_page("tenant", tenant=str(ACME)), "Edit card…")
    services.cards.change([Edit(ACME, contact="new@acme", labels={"eu": "2"})], by="eve")
    app.text_input(key=state_keys.of("card_name", ACME)).set_value("Acme")
    app.text_input(key=state_keys.of("card_labels", ACME)).set_value("plan=free, eu=1")
    app = press(app, "Save")
    assert "1 card changed." in words(app)
    card = services.cards.card(ACME)
    assert (card.name, card.contact, card.notes) == ("Acme", "new@acme", "a\nb")
    assert card.labels == {"plan": "free", "eu": "2"}
    app = press(open_page("tenant", tenant=str(ACME)), "Edit card…")
    app.text_input(key=state_keys.of("card_labels", ACME)).set_value("plan")
    assert "Nothing was changed: a label is written key=value" in words(press(app, "Save"))


def test_a_limit_by_label_says_where_it_is_from(services: Services, open_page: Open) -> None:
    have(services)
    rule = Rule(LabelScope(Label("plan", "gold")), "patterns", 8)
    services.limits.change(Changes((rule,)), by="zoe", why="")
    services.cards.change([Edit(GLOBEX, labels={"plan": "gold"})], by="zoe")
    app = open_page("limits")
    assert table(app, "Holds for") == {"label:plan=gold": 2}
    assert "limit for label plan=gold" in words(open_page("tenant", tenant=str(ACME)))


def test_who_is_confined_sees_their_own_cards(
    sign_in: SignIn, request: pytest.FixtureRequest, open_page: Open
) -> None:
    """And of these what the role is for; labels are set by who sees all."""
    sign_in("viewer", str(ACME))
    services: Services = request.getfixturevalue("services")
    have(services)
    services.cards.hold([ACME, GLOBEX], reason="file 12", by="zoe")
    app = open_page("tenants")
    assert table(app, cards.NAME) == {str(ACME): "Acme *Inc*"}
    for hidden in ("Globex", "gone", "plan=free"):
        assert hidden not in f"{words(app)} {[each.value.to_csv() for each in app.dataframe]}"
    said = words(open_page("tenant", tenant=str(ACME)))
    assert "On legal hold" in said
    for hidden in ("file 12", "zoe", "ops@acme"):
        assert hidden not in said
    sign_in("admin", str(ACME))
    app = press(open_page("tenant", tenant=str(ACME)), "Edit card…")
    assert app.text_input(key=state_keys.of("card_labels", ACME)).disabled
    assert not app.text_input(key=state_keys.of("card_name", ACME)).disabled


def test_a_file_of_cards_is_looked_at_before_it_is_taken(
    services: Services, open_page: Open
) -> None:
    app = open_page("tenants")
    app.session_state[state_keys.CARDS_OPEN] = True
    app = app.run()
    app.text_area(key=state_keys.CARDS_TEXT).set_value(
        "tenant,name\ntenant/acme-corp,Acme\nacme,x\n"
    ).run()
    assert "1 line cannot be taken." in words(app)
    assert table(app, "Then") == {str(ACME): "Acme"}
    assert services.cards.cards() == {}
    app = press(app, "Change 1 card")
    assert "1 card changed." in words(app)
    assert services.cards.card(ACME).name == "Acme"


def test_where_the_records_do_not_answer_nobody_is_said_not_to_be_held(
    reading_services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page says so, and is drawn all the same."""

    def down(_: object) -> int:
        raise StoreUnavailable("state store", "reading cards", "it gave no answer in time")

    monkeypatch.setattr("services.stores.records.cards.CardBook.version", down)
    for page, asked in (("tenants", {}), ("tenant", {"tenant": str(ACME)})):
        assert "legal holds are unknown" in words(open_page(page, **asked))


def test_usage_adds_up_by_label(
    kato_settings: Settings, request: pytest.FixtureRequest, open_page: Open
) -> None:
    """As a chart and a table, by the labels of now."""
    began = second(datetime.now(UTC) - timedelta(hours=5))
    with recording(kato_settings) as one:
        for hour, had in enumerate((5, 7, 8, 9)):
            one.follow(snapshot(began + 3600 * hour, {"acme-corp": had, "globex": 1}))
    services: Services = request.getfixturevalue("services")
    have(services)
    app = open_page("usage", cohort="plan")
    frame = next(each.value for each in app.dataframe if "Before" in each.value.columns
                 and "plan" in each.value.columns)  # fmt: skip
    assert dict(zip(frame["plan"], frame["Before"], strict=True))["gold"] == 5
    spec = next(json.loads(chart.proto.spec) for chart in app.get("plotly_chart")
                if "gold" in chart.proto.spec)  # fmt: skip
    (gold,) = (trace for trace in spec["data"] if trace["name"] == "gold")
    assert len(gold["y"]) > 3
    assert gold["y"][0] == 5

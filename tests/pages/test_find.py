"""The Find page in every state: nothing typed, found, nothing found, partial, and hostile."""

from __future__ import annotations

import re
from typing import NoReturn
from urllib.parse import unquote

import pandas as pd
import pytest
import redis
from streamlit.errors import StreamlitAPIException
from streamlit.testing.v1 import AppTest

from dashboard.app import navigation, state_keys
from dashboard.draw.chosen import key_of
from dashboard.draw.formatting import visible
from services.bootstrap import Services
from services.tenancy.layout import text_of
from tests.pages.conftest import Open, SignIn, refresh, words
from tests.servers.deployment import Deployment


@pytest.fixture
def keys(reading_kato: Deployment) -> redis.Redis:
    """The Redis of the deployment."""
    assert reading_kato.targets.redis is not None
    return reading_kato.targets.redis


def ask(open_page: Open, typed: str, **query: str) -> AppTest:
    """Open the page by its deep link."""
    return open_page("find", find=typed, **query)


def tables(app: AppTest) -> list[pd.DataFrame]:
    return [element.value for element in app.dataframe]


def hits(app: AppTest) -> dict[str, int]:
    """The tenants found, with their patterns."""
    (frame,) = [frame for frame in tables(app) if {"Tenant", "Patterns"} <= set(frame.columns)]
    counts = frame.groupby("Tenant")["Patterns"].sum()
    return {tenant: int(count) for tenant, count in counts.items()}


def test_with_nothing_typed_it_says_what_can_be(
    reading_services: Services, open_page: Open
) -> None:
    """With examples out of this fleet, each of which finds something."""
    app = open_page("find")
    assert "as it stands in a ticket" in words(app)
    (examples,) = tables(app)
    assert len(examples) == 8
    for what, example, _ in examples.itertuples(index=False):
        if what != "A pattern name":
            app.text_input(key="find").set_value(example).run()
            assert any("Found as" in each.value for each in app.header), example


def test_a_user_is_found_in_every_tenant(reading_services: Services, open_page: Open) -> None:
    """By a link that can be pasted; the shared memory is pointed out."""
    app = ask(open_page, "bob")
    assert hits(app) == {"tenant/acme": 4, "tenant/acme-corp": 16, "tenant/acme_corp": 16}
    assert "Found as user in 3 tenants" in words(app)
    assert words(app).count("its data cannot be separated") == 1
    assert [each.icon for each in app.warning] == [":material/group_work:"], "all could be asked"
    found = tables(app)[0]
    assert len(found) == 3, "no row stands twice"
    assert set(found["Name"]) == {
        "tenant:acme:user:bob", "tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob"
    }  # fmt: skip
    assert set(found["Match"]) == {"exact"}


def queries(app: AppTest) -> list[tuple[str, str]]:
    """Every link on the page: what it is called, and the query of its address."""
    return [(link.proto.label, unquote(link.proto.query_string)) for link in app.get("page_link")]


def test_each_row_leads_to_its_own_tenant_patterns_sessions_and_kb_id(
    reading_services: Services, open_page: Open
) -> None:
    """Of two words, one row; its links name its tenant and its kb_id, and so lead to no others."""
    app = ask(open_page, "bob of acme-corp")
    assert list(tables(app)[0]["Name"]) == ["tenant:acme-corp:user:bob"]
    assert words(app).count("Also written by tenant/acme_corp (tenant:acme_corp:user:bob).") == 1
    assert not re.search("(is|are) shared", words(app))
    kb_id = "tenant_acme_corp_user_bob_kato"
    found = dict(queries(app))
    assert found["Patterns, newest first"] == (f"tenant=tenant/acme-corp&tab=Browse&kb={kb_id}")
    assert found["Its sessions"] == f"of=tenant/acme-corp&in={kb_id}"
    (button,) = [each for each in app.button if each.label == "Who else has its kb_id"]
    button.click().run()
    assert set(hits(app)) == {"tenant/acme-corp", "tenant/acme_corp"}
    assert app.text_input(key="find").value == kb_id


def test_the_links_lead_to_what_they_say(reading_services: Services, open_page: Open) -> None:
    """The one kb_id's sessions of that tenant, and its patterns, read without another click."""
    kb_id = "tenant_acme_corp_user_bob_kato"
    app = open_page("sessions", of="tenant/acme-corp", **{"in": kb_id})
    assert set(tables(app)[0]["Node"]) == {"tenant:acme-corp:user:bob"}
    assert f"Only sessions of the kb_id {kb_id}" in words(app)
    (button,) = [each for each in app.button if each.label == "Of every kb_id"]
    button.click().run()
    assert len(set(tables(app)[0]["Node"])) > 1
    app = open_page("tenant", tenant="tenant/acme-corp", kb=kb_id, tab="Browse")
    (listed,) = [frame for frame in tables(app) if "Frequency" in frame.columns]
    assert set(listed["kb_id"]) == {kb_id}
    assert listed["Created"].is_monotonic_decreasing
    assert f"{kb_id} is shared with tenant/acme_corp" in words(app)


def test_what_is_inferred_says_so(reading_services: Services, open_page: Open) -> None:
    found = tables(ask(open_page, "zed"))[0]
    assert "guessed from the name" in set(found["Match"])
    assert found["Evidence"].str.contains("no node_id on it was seen").any()


def test_a_text_with_several_meanings_says_so(reading_services: Services, open_page: Open) -> None:
    app = ask(open_page, "x")
    assert "This can mean different things: node_id, user" in words(app)


def test_a_tenants_button_leads_to_its_page(reading_services: Services, open_page: Open) -> None:
    app = ask(open_page, "hank")
    key = key_of("found", ["tenant/globex · tenant:globex:user:hank"])
    app.session_state[f"{key}_open"] = {"row": 0}
    app.run()
    assert app.header[0].value.replace("\\", "") == "tenant/globex"


def test_the_patterns_of_a_user_are_one_list_grouped_by_tenant(
    reading_services: Services, open_page: Open
) -> None:
    """Of all tenants at once, of each as many as it has, read when it is opened and then logged."""
    app = ask(open_page, "alice")
    assert not [frame for frame in tables(app) if "Frequency" in frame.columns]
    app.session_state[state_keys.FOUND_PATTERNS] = True
    app.run()
    (listed,) = [frame for frame in tables(app) if "Frequency" in frame.columns]
    expected = {tenant: count for tenant, count in hits(app).items() if count}
    assert listed["Tenant"].value_counts().to_dict() == expected
    assert len(expected) > 1
    assert list(listed["Tenant"]) == sorted(listed["Tenant"])
    for _, rows in listed.groupby("Tenant"):
        assert rows["Created"].is_monotonic_decreasing
    begun = next(e for e in reading_services.logbook.page() if e.event.target == "patterns")
    assert set(begun.event.tenants) >= set(expected)


def test_shared_patterns_stand_with_all_who_hold_them(
    reading_services: Services, open_page: Open
) -> None:
    app = ask(open_page, "bob")
    app.session_state[state_keys.FOUND_PATTERNS] = True
    app.run()
    (listed,) = [frame for frame in tables(app) if "Frequency" in frame.columns]
    assert set(listed["Tenant"]) == {"tenant/acme", "tenant/acme-corp and tenant/acme_corp"}


def test_the_entry_in_the_sidebar_leads_here(reading_services: Services, open_page: Open) -> None:
    """From any page, with what was typed; here there is no second entry."""
    app = open_page("tenants")
    app.session_state[state_keys.ANYWHERE] = True  # of a search before: a name is whole again
    app.text_input(key="find_entry").set_value("alice").run()
    assert app.toggle(key=state_keys.ANYWHERE).value is False
    assert app.title[0].value == "Find"
    assert app.text_input(key="find").value == "alice"
    assert set(hits(app)) == {"org/bigco", "tenant/acme-corp", "tenant/globex"}
    assert not [each for each in app.text_input if each.key == "find_entry"]


def test_the_entry_leads_here_though_this_page_was_left_in_a_run_that_was_cut_off(
    reading_services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own entry still has the address then, and Streamlit lets nobody else write to it."""
    go = navigation.go

    def bound(name: str, query: dict[str, str] | None = None) -> NoReturn:
        if query:
            raise StreamlitAPIException("it is bound to a widget")
        go(name)

    monkeypatch.setattr(navigation, "go", bound)
    app = open_page("tenants")
    app.text_input(key="find_entry").set_value("alice").run()
    assert app.title[0].value == "Find"
    assert app.text_input(key="find").value == "alice"
    assert app.toggle(key=state_keys.ANYWHERE).value is False


def test_back_leads_to_what_was_found(reading_services: Services, open_page: Open) -> None:
    """Over the entry of the history that has this page with a tenant's parameters."""
    app = open_page("find", find="CME", anywhere="true")
    assert set(hits(app)) == {"tenant/acme", "tenant/acme-corp", "tenant/acme_corp"}
    app.switch_page("dashboard/pages/limits.py").run()
    app.query_params.clear()
    app.query_params[state_keys.TENANT] = "tenant/acme"
    app.switch_page("dashboard/pages/find.py").run()
    assert app.text_input(key=state_keys.FIND).value == "CME"
    assert set(hits(app)) == {"tenant/acme", "tenant/acme-corp", "tenant/acme_corp"}
    assert state_keys.TENANT not in app.query_params


def test_nothing_found_says_where_was_looked(reading_services: Services, open_page: Open) -> None:
    """And offers to look inside of names, which then finds it."""
    app = ask(open_page, "CME")
    assert "No match." in words(app)
    assert set(tables(app)[0]["Store"]) == {"Own records", "ClickHouse", "Redis", "Qdrant"}
    assert set(tables(app)[0]["Result"]) == {"searched"}
    (button,) = [each for each in app.button if each.label == "Search inside names"]
    button.click().run()
    assert set(hits(app)) == {"tenant/acme", "tenant/acme-corp", "tenant/acme_corp"}
    assert set(tables(app)[0]["Match"]) == {"holds the text"}
    assert "different things" not in words(app)


@pytest.mark.parametrize("store", ["clickhouse", "redis"])
def test_a_store_that_is_down_is_not_said_to_have_nothing(
    restored_services: Services, reading_kato: Deployment, open_page: Open, store: str
) -> None:
    """It may be there, and the reason is given."""
    reading_kato.fail(store, "down")
    name = {"clickhouse": "ClickHouse", "redis": "Redis"}[store]
    app = ask(open_page, "0" * 40)
    assert f"Nothing was found, but {name} could not be asked" in words(app)
    assert "No match." not in words(app)
    results = tables(app)[0]
    failed = results[results["Result"] != "searched"]
    assert list(failed["Store"]) == [name]
    assert failed["Result"].str.contains("did not answer").all()


def test_what_was_found_may_not_be_all(
    restored_services: Services, reading_kato: Deployment, open_page: Open
) -> None:
    """With a store unknown since the last pass, its figures are unknown and never 0."""
    reading_kato.fail("clickhouse", "down")
    refresh(restored_services)
    app = ask(open_page, "alice")
    assert "There may be more: ClickHouse could not be asked" in words(app)
    assert tables(app)[0]["Patterns"].isna().all()
    assert (tables(app)[0]["Keys"] > 0).all()


def test_what_belongs_to_nobody_is_found_too(reading_services: Services, open_page: Open) -> None:
    app = ask(open_page, "stm:global")
    assert "Redis key of no tenant" in words(app)
    assert list(tables(app)[0]["Tenant"]) == ["unowned"]


HOSTILE = [
    b"it's", b'say "hi"', b"100%", b"star*", b"line\nbreak", b"nul\x00", b"\xff\xfe",
    b"back\\slash",
    b"[link](//evil.example)", b"<script>alert(1)</script>", b"$x^2$ **b** # ~~c~~ :red[x]",
    b"a/../b?c=d&e", "ünïcode 日本".encode(), b"x" * 10_000,
]  # fmt: skip


def test_a_hostile_name_is_found_and_shown_as_what_it_is(
    restored_services: Services, keys: redis.Redis, open_page: Open
) -> None:
    """As a key of nobody's, typed with the escapes that pages show."""
    app = open_page("find")
    for name in HOSTILE:
        keys.set(name, "v")
        shown = visible(text_of(name))
        app.text_input(key="find").set_value(shown).run()
        assert not app.exception
        assert list(tables(app)[0]["Name"]) == [shown]
        assert app.header[0].value == "Found as Redis key of no tenant"


def test_a_hostile_question_finds_nothing_else(reading_services: Services, open_page: Open) -> None:
    """Nothing in it is a wildcard, a query or Markdown."""
    app = open_page("find", anywhere="true")
    for name in HOSTILE:
        app.text_input(key="find").set_value(visible(text_of(name))).run()
        assert not app.exception
        assert [each.value for each in app.header] == ["Searched"]


def test_many_hits_are_cut_and_say_so(
    restored_services: Services, keys: redis.Redis, open_page: Open
) -> None:
    """A page stays small however much holds the text."""
    for at in range(250):
        keys.set(f"tenant_t{at:03d}_user_u_kato:symbols:freq", "1")
    refresh(restored_services)
    app = ask(open_page, "_user_u_", anywhere="true")
    assert len(tables(app)[0]) == 200
    assert "The first 200 of 250 names" in words(app)


def test_figures_that_are_not_in_scope_are_not_said_to_be_unknown_to_a_store(
    reading_services: Services, open_page: Open, sign_in: SignIn
) -> None:
    """A node_id whose kb_id others hold too: every store told, and the viewer is not."""
    sign_in("admin", "tenant/acme-corp")
    app = ask(open_page, "tenant:acme-corp:user:bob")
    (frame,) = [frame for frame in tables(app) if {"Tenant", "Patterns"} <= set(frame.columns)]
    assert frame["Patterns"].isna().all()
    assert "does not tell" not in words(app)
    assert "could not be asked" not in words(app)
    assert "Figures of tenant:acme-corp:user:bob are not told" in words(app)

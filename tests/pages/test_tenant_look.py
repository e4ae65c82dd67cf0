"""The sections that look into a tenant: nothing is read before they are opened, and each state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys as session
from dashboard.draw.chosen import key_of
from services.bootstrap import Services
from services.browse.models import KeyInventory, KindSummary, PatternPage, PatternRow, ReadCost
from services.browse.service import InspectionService
from services.embedded.write.stores import Targets
from services.errors import Problem
from services.tenancy.claims import CLAIM_WORDS
from tests.pages.conftest import Open, words
from tests.servers.deployment import SECRET, Deployment

TENANT = "tenant/acme-corp"
NOW = datetime.now(UTC)
CALLED = {"Patterns": "ClickHouse", "Keys": "Redis", "Vectors": "Qdrant"}
STORES = {
    "Patterns": "clickhouse",
    "Keys": "redis",
    "Vectors": "qdrant",
}


@pytest.fixture(scope="module")
def more() -> Callable[[Targets], None]:
    """A tenant with more patterns than a page shows."""

    def put(targets: Targets) -> None:
        assert targets.clickhouse
        targets.clickhouse.command(
            "INSERT INTO patterns_data (kb_id, name, created_at) "
            "SELECT 'tenant_many_user_u_kato', toString(1000 + number), toDateTime(1000 + number) "
            "FROM numbers(120)"
        )

    return put


def looking(open_page: Open, section: str, *, tenant: str = "tenant/acme") -> AppTest:
    """Open a tenant's page with the tab Browse open, at one of its sections."""
    app = open_page("tenant", tenant=tenant)
    app.session_state[session.TAB] = "Browse"
    app.session_state[session.LOOK_INTO] = section
    app.run()
    assert not app.exception, app.exception
    return app


def table(app: AppTest, column: str) -> list[dict[str, object]]:
    """Return the rows of the first table that has a column."""
    found = next(f.value for f in app.dataframe if column in f.value.columns)
    return found.to_dict("records")


def test_a_closed_tab_asks_no_store_and_reads_no_records(
    reading_services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each tab reads its own when it is opened, and nothing of the others."""
    asked: list[str] = []
    for name in ("patterns", "inventory", "space", "points"):
        monkeypatch.setattr(InspectionService, name, lambda *_, name=name, **__: asked.append(name))
    whose = lambda name: asked.append(f"log of {name}")  # noqa: E731
    monkeypatch.setattr("dashboard.audit_log.listing.tenant_log", whose)
    read = {}
    for tab in ("Users & memory", "Sessions", "Usage", "Findings", "History"):
        asked.clear()
        app = open_page("tenant", tenant="tenant/acme")
        app.session_state[session.TAB] = tab
        assert not app.run().exception
        read[tab] = list(asked)
    assert read.pop("History") == ["log of tenant/acme"]
    assert read == {tab: [] for tab in read}
    assert [tab.label for tab in app.tabs] == [*read, "Browse", "History"]


def test_a_row_of_users_and_memory_says_what_was_learnt_last(
    reading_services: Services, open_page: Open
) -> None:
    """Who shares stands first, with the four columns that matter at the left."""
    app = open_page("tenant", tenant=TENANT)
    frame = next(f.value for f in app.dataframe if "User" in f.value.columns)
    assert list(frame.columns)[:4] == ["User", "Memory", "Patterns", "Last write"]
    assert frame["User"][0] == "bob"
    assert frame["Ownership"][0] == "shared"
    assert "Also written by tenant/acme_corp" in words(app)
    shown = {metric.label: metric.value for metric in app.metric}
    own = frame[frame["Ownership"] != "shared"]
    assert own["Sessions"].sum() == int(shown["Sessions"])


def test_patterns_are_shown_with_their_cost(reading_services: Services, open_page: Open) -> None:
    app = looking(open_page, "Patterns")
    rows = table(app, "Pattern")
    assert rows
    assert all(str(row["kb_id"]).startswith("tenant_acme_user_") for row in rows)
    dates = [row["Created"] for row in rows]
    assert dates == sorted(dates, reverse=True)  # type: ignore[type-var]
    assert "Reads at most" in words(app)
    assert "of 256 rows" in words(app)
    app.selectbox(key="patterns_sort").select("most frequent").run()
    often = [row["Frequency"] for row in table(app, "Pattern")]
    assert often == sorted(often, reverse=True)  # type: ignore[type-var]
    app.text_input(key="patterns_prefix").set_value("zz").run()
    assert "No pattern matches" in words(app)
    assert not app.exception


def test_pages_turn(reading_services: Services, open_page: Open) -> None:
    app = looking(open_page, "Patterns", tenant="tenant/many")
    seen = [row["Pattern"] for row in table(app, "Pattern")]
    assert app.button(key="patterns_back").disabled
    for _ in range(2):
        app.button(key="patterns_next").click().run()
        seen += [row["Pattern"] for row in table(app, "Pattern")]
    assert seen == [str(at) for at in range(1119, 999, -1)]
    assert app.button(key="patterns_next").disabled
    assert "Page 3" in words(app)
    app.button(key="patterns_back").click().run()
    assert "Page 2" in words(app)
    app.selectbox(key="patterns_sort").select("oldest").run()
    assert "Page 1" in words(app)
    assert table(app, "Pattern")[0]["Pattern"] == "1000"


def test_keys_and_a_value(reading_services: Services, open_page: Open) -> None:
    app = looking(open_page, "Keys")
    counted = {row["Kind"]: row["Keys"] for row in table(app, "Longest TTL")}
    assert counted["frequency"] == counted["emotives"] > 0  # type: ignore[operator]
    largest = table(app, "TTL")[0]["Key"]
    app.text_input(key="keys_typed_tenant/acme").set_value(str(largest)).run()
    assert "in memory" in words(app)
    assert "never expires" in words(app)
    app.text_input(key="keys_typed_tenant/acme").set_value("tenant_third_kato:global:x").run()
    assert "is not of tenant/acme" in words(app)
    mine = "tenant_acme_user_bob_kato:frequency:nothing"
    app.text_input(key="keys_typed_tenant/acme").set_value(mine).run()
    assert "There is no such key" in words(app)


def test_memory_that_redis_does_not_tell_is_not_none(
    reading_services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cell is a dash, and a line says what that means."""
    kinds = (KindSummary("frequency", 3, None, 0, None, None),)
    refused = KeyInventory(kinds, (), 3)
    monkeypatch.setattr(InspectionService, "inventory", lambda *_, **__: refused)
    app = looking(open_page, "Keys")
    (drawn,) = (each for each in app.dataframe if "Longest TTL" in each.value.columns)
    assert drawn.value["Memory"].isna().all()
    assert drawn.proto.placeholder == "–"
    assert "A dash means unknown: Memory. Redis does not let it be asked." in words(app)


@pytest.mark.parametrize("problem", [None, Problem("it is down", "redis")])
def test_a_users_newest_patterns_say_why_their_frequencies_are_not_known(
    reading_services: Services, open_page: Open, monkeypatch: pytest.MonkeyPatch,
    problem: Problem | None,
) -> None:  # fmt: skip
    """And where all are known, one without has none."""
    row = PatternRow("tenant_acme_user_bob_kato", "0" * 40, 3, 4, NOW, NOW)
    page = PatternPage((row,), None, ReadCost(1, 1, None, None), problem)
    monkeypatch.setattr(InspectionService, "patterns", lambda *_, **__: page)
    app = open_page("tenant", tenant="tenant/acme")
    frame = next(each.value for each in app.dataframe if "User" in each.value.columns)
    states = {word: state for state, word in CLAIM_WORDS.items()}
    names = [f"{states[word]} {kb_id}" for word, kb_id in zip(frame["Ownership"], frame["kb_id"],
                                                              strict=True)]  # fmt: skip
    app.session_state[key_of("users", names)] = {"selection": {"rows": [0], "columns": []}}
    app.run()
    (drawn,) = (each for each in app.dataframe if "Frequency" in each.value.columns)
    assert drawn.proto.placeholder == ("–" if problem else "none")
    assert ("Frequencies unknown: " in words(app)) is (problem is not None)


def test_vectors_and_the_nearest(reading_services: Services, open_page: Open) -> None:
    app = looking(open_page, "Vectors")
    points = table(app, "Payload")
    assert points
    typed = app.text_area(key="nearest_typed_tenant/acme")
    typed.set_value(str(points[0]["Point"])).run()
    near = table(app, "Score")
    assert points[0]["Point"] not in [row["Point"] for row in near]
    assert len(near) == len(points) - 1
    typed.set_value("not an id").run()
    assert "whole number or a UUID" in words(app)
    typed.set_value("999999").run()
    assert "enant/acme has no point 999999 here" in words(app)
    app.segmented_control(key="nearest_by").set_value("a vector").run()
    app.text_area(key="nearest_typed_tenant/acme").set_value("1, 2").run()
    assert "It has 2 numbers" in words(app)


def test_what_is_shared_says_with_whom(reading_services: Services, open_page: Open) -> None:
    app = looking(open_page, "Keys", tenant=TENANT)
    box = app.selectbox(key=f"keys_of_{TENANT}")
    at = next(i for i, label in enumerate(box.options) if "shared with tenant/acme_corp" in label)
    box.select_index(at).run()
    assert "Shared with tenant/acme_corp" in words(app)


@pytest.mark.parametrize("section", STORES)
@pytest.mark.parametrize("fault", ["down", "dropped"])
def test_a_store_that_fails_is_one_clear_line(
    restored_services: Services, reading_kato: Deployment, open_page: Open, section: str, fault: str
) -> None:
    """The rest of the page stays, and trying again works once the store is back."""
    reading_kato.fail(STORES[section], fault)
    app = looking(open_page, section)
    shown = words(app)
    assert f"{CALLED[section]} did not answer" in shown
    assert SECRET not in shown
    assert app.header[0].value.replace("\\", "") == "tenant/acme"
    reading_kato.heal()
    again = next(b for b in app.button if b.label == "Try again")
    again.click().run()
    assert f"{CALLED[section]} did not answer" not in words(app)
    assert not app.exception


def test_patterns_stand_without_redis(
    restored_services: Services, reading_kato: Deployment, open_page: Open
) -> None:
    reading_kato.fail("redis", "down")
    app = looking(open_page, "Patterns")
    assert "Frequencies unknown" in words(app)
    assert all(row["Frequency"] is None or row["Frequency"] != row["Frequency"] or
               str(row["Frequency"]) == "<NA>" for row in table(app, "Pattern"))  # fmt: skip

"""The page Retention: policies set, planned and run, and what a confined viewer sees of it."""

from __future__ import annotations

import pytest

from services.bootstrap import Services
from services.retention.models import Changes
from services.retention.planning import KIND
from services.retention.written import policy_of
from tests.pages.conftest import Open, SignIn, looked, words


def keep(services: Services, *policies: tuple[str, str, str]) -> None:
    service = services.retaining.service
    service.change(
        Changes((), tuple(each.policy.key for each in service.policies())), by="x", why=""
    )
    service.change(Changes(tuple(policy_of(*each) for each in policies)), by="zed-admin", why="why")


def test_without_a_policy_it_says_that_all_is_kept(
    reading_services: Services, open_page: Open
) -> None:
    keep(reading_services)
    assert "everything is kept" in words(open_page("retention"))


def test_a_policy_is_planned_and_nothing_is_changed(
    reading_services: Services, open_page: Open
) -> None:
    """A plan says what would go, of whom, and that shared and guessed kb_ids stay."""
    keep(reading_services, ("*", "predictions:count", "0"), ("*", "patterns:age", "1d"))
    page = open_page("retention")
    page.button("retention_plan_button").click().run()
    text = words(looked(page, reading_services, KIND))
    assert "· planned" in text
    page = open_page("retention")
    assert "· planned" in words(page)
    assert "predictions" in text
    assert "parts of ClickHouse" in text
    assert [each.label for each in page.expander if each.label.startswith("Left as it is")]
    assert page.button("retention_run").disabled
    page.text_input("retention_reason").set_value("ticket").run()
    assert not page.button("retention_run").disabled
    keep(reading_services, ("*", "predictions:count", "1"))
    assert "· planned" not in words(open_page("retention"))


def test_a_policy_that_cannot_be_taken_says_why(
    reading_services: Services, open_page: Open
) -> None:
    keep(reading_services)
    page = open_page("retention")
    page.selectbox("retention_quantity").set_value("predictions:idle").run()
    page.text_input("retention_keep").set_value("300d").run()
    assert "194 days" in words(page)


def test_a_confined_viewer_sees_what_may_hold_for_their_own(
    reading_services: Services, open_page: Open, sign_in: SignIn
) -> None:
    """And neither sets nor runs anything."""
    keep(reading_services, ("tenant/globex", "predictions:count", "0"),
         ("tenant/acme", "sessions:idle", "1d"))  # fmt: skip
    sign_in("operator", "tenant/acme")
    page = open_page("retention")
    table = page.dataframe[0].value
    assert list(table["For"]) == ["tenant/acme"]
    assert "Set by" not in table.columns
    page.button("retention_plan_button").click().run()
    looked(page, reading_services, KIND)
    assert "globex" not in words(page)
    assert page.button("retention_run").disabled
    with pytest.raises(KeyError):
        page.text_input("retention_keep")


def test_a_receipt_names_what_was_left_and_knows_that_nobody_else_erased(
    services: Services, open_page: Open
) -> None:
    """Nothing is no unknown: a dash is for what is not known."""
    keep(services, ("*", "predictions:count", "0"))
    service = services.retaining.service
    job = service.begin(None, digest=service.plan().digest, by="ann", reason="ticket")
    assert service.run_here(job.id).outcome == "done"
    page = open_page("retention", job=job.id)
    assert "Run of 20" in words(page)
    lines, left = (each.value for each in page.dataframe)
    assert set(lines["By others"]) == {0}
    assert "Got a TTL" not in lines
    assert "tenant_acme_corp_user_bob_kato" in set(left["Owner"])
    assert page.expander[0].label == f"Left as before ({len(left)})"

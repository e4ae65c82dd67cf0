"""The page Backups: rules set and removed, and what a confined viewer sees of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboard.backups import tables
from services.backups.models import Changes, Standing
from services.backups.written import rule_written
from services.bootstrap import Services
from services.tenancy.kb_ids import TenantKey
from tests.pages.conftest import Open, SignIn, words


def keep(services: Services, *scopes: str) -> None:
    service = services.backing.service
    gone = tuple(each.rule.scope for each in service.rules())
    service.change(Changes((), gone), by="x", why="")
    rules = tuple(rule_written(each, "30 3 * * *", to="s3://zed/x") for each in scopes)
    service.change(Changes(rules), by="zed-admin", why="why")


def test_a_rule_is_set(reading_services: Services, open_page: Open) -> None:
    """Without one nobody is backed up; one that cannot be says why."""
    keep(reading_services)
    page = open_page("backups")
    assert "nobody is backed up" in words(page)
    page.text_input("backup_cron").set_value("99 3 * * *").run()
    assert "cannot be read" in words(page)
    page.text_input("backup_cron").set_value("30 3 * * *").run()
    page.button("backup_set_rule").click().run()
    assert not page.exception
    (kept,) = reading_services.backing.service.rules()
    assert str(kept.rule.schedule) == "30 3 * * * UTC"
    assert "tenants backed up by a rule" in words(page)
    assert page.button("backup_now").disabled
    standings = page.dataframe[0].value
    assert "Problem" not in standings.columns  # there is none
    rules = [str(kept.rule.scope) for kept in reading_services.backing.service.rules()]
    assert set(standings["Rule"]) == set(rules)


def test_tenants_are_named_as_people_do_where_anybody_is() -> None:
    acme, zed = TenantKey("tenant", "acme"), TenantKey("user", "zed")
    rows = [Standing(each, None, None, None, None, None) for each in (acme, zed)]
    named = tables.standings_frame(rows, datetime(2026, 11, 29, tzinfo=UTC), {acme: "Acme Inc"})
    assert list(named["Name"]) == ["Acme Inc", ""]
    assert "Name" not in tables.standings_frame(rows, datetime(2026, 11, 29, tzinfo=UTC), {})


def test_a_tenant_is_chosen_by_its_name_and_archived_by_hand(
    reading_services: Services, open_page: Open
) -> None:
    """By keyboard too; and who is backed up by no rule has another way to an archive."""
    keep(reading_services)
    page = open_page("backups")
    (box,) = (each for each in page.selectbox if each.label == "Choose a tenant …")
    box.set_value(box.options.index("tenant/acme")).run()
    links = [(link.proto.label, link.proto.query_string) for link in page.get("page_link")]
    assert ("Archive it by hand…", "tenant=tenant%2Facme") in links


def test_a_confined_viewer_sees_what_may_hold_for_their_own(
    reading_services: Services, open_page: Open, sign_in: SignIn
) -> None:
    """And sets no rule."""
    keep(reading_services, "tenant/globex", "tenant/acme")
    sign_in("operator", "tenant/acme")
    page = open_page("backups")
    standings, rules = (each.value for each in page.dataframe[:2])
    assert list(standings["Tenant"]) == ["tenant/acme"]
    assert list(rules["For"]) == ["tenant/acme"]
    assert not {"Set by", "Kept in"} & set(rules.columns)
    assert "zed" not in words(page)
    with pytest.raises(KeyError):
        page.text_input("backup_cron")

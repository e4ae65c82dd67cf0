"""What every page says, to whoever sees everything and to somebody who sees one tenant."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys as session
from services.bootstrap import Services
from tests.golden.expected import check
from tests.golden.kept import keep_records
from tests.golden.seen import seen
from tests.golden.test_commands import purged
from tests.pages.conftest import Open, Put, SignIn, plan_purge
from tests.pages.test_sessions import press

TENANT = "tenant/acme-corp"
SESSION = "session-9907854ac98b45ed921d2a758bb0d938-1795414978066"
FINDING = "68fb7787a7c0686d"

PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "overview": ("overview", {}),
    "tenants": ("tenants", {}),
    "usage": ("usage", {}),
    "limits": ("limits", {}),
    "bill": ("bill", {}),
    "bill-one": ("bill", {"tenant": TENANT}),
    "tenant": ("tenant", {"tenant": TENANT}),
    "sessions": ("sessions", {}),
    "sessions-one": ("sessions", {"session": SESSION}),
    "new_session": ("new_session", {"tenant": TENANT}),
    "find": ("find", {"find": "alice"}),
    "isolation": ("isolation", {}),
    "isolation-one": ("isolation", {"finding": FINDING}),
    "purge": ("purge", {"tenant": TENANT}),
    "approvals-none": ("approvals", {}),
    "audit_log": ("audit_log", {}),
    "system": ("system", {}),
}
"""By the name of what is expected: a page's file and its query."""


def job_of(receipt: str) -> str:
    return str(json.loads(receipt)["job"])


def asked_for(plan: AppTest) -> AppTest:
    """Confirm a plan, which waits for a second person then."""
    plan.text_input(key=session.PURGE_CONFIRM).set_value(TENANT)
    plan.text_input(key=session.PURGE_REASON).set_value("ticket 4711").run()
    (erase,) = (button for button in plan.button if button.label.startswith("Erase "))
    return erase.click().run()


def accepted(finding: AppTest) -> AppTest:
    """Accept a finding."""
    (label,) = (button.label for button in finding.button if button.label.startswith("Accept "))
    app = press(finding, label)
    app.text_area(key=session.ACCEPT_WHY).set_value("ticket 4711")
    return press(app, "Accept")


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize(("folder", "scope"), [("admin", "*"), ("confined", TENANT)])
def test_what_pages_say(
    folder: str, scope: str, *, open_page: Open, sign_in: SignIn, put: Put,
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """As they are opened, and after what is done on them."""
    others = job_of(purged("tenant/globex"))
    sign_in("admin", scope)
    put({"TWO_PERSONS": "run a purge", "ID_CLAIM": "email"})
    services: Services = request.getfixturevalue("services")
    found: dict[str, str] = {}

    def look(name: str, app: AppTest) -> AppTest:
        assert not app.exception, name
        found[f"{name}.txt"] = seen(app)
        return app

    for name, (page, query) in PAGES.items():
        look(name, open_page(page, **query))
    for tab in ("Sessions", "Usage", "Findings", "Browse", "History"):
        tenant = look(f"tenant-{tab.lower()}", open_page("tenant", tenant=TENANT, tab=tab))
        for section in ("Keys", "Vectors") if tab == "Browse" else ():
            tenant.session_state[session.LOOK_INTO] = section
            look(f"tenant-{section.lower()}", tenant.run())

    plan = plan_purge(open_page("purge", tenant=TENANT), services)
    look("purge-plan", plan)
    look("purge-asked", asked_for(plan))
    look("approvals", open_page("approvals"))
    monkeypatch.delenv("KATO_TENANTS_TWO_PERSONS")
    look("purge-ended", open_page("purge", job=job_of(purged(TENANT, code=1))))
    look("purge-of-others", open_page("purge", job=others))
    look("purge-list", open_page("purge"))
    if scope == "*":
        look("isolation-accepted", accepted(open_page("isolation", finding=FINDING)))
        keep_records()
    check(folder, found)

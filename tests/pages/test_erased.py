"""What was erased says so wherever it comes back: New session, Find, and the receipt."""

from __future__ import annotations

from services.bootstrap import Services
from services.purge.models import Request, Target
from services.tenancy.kb_ids import TenantKey
from tests.pages.conftest import Open, refresh, words
from tests.pages.test_pages import create_button, fill
from tests.pages.test_purge import by_hand as by_hand  # noqa: PLC0414  a fixture
from tests.pages.test_sessions import press

NODE = "tenant:acme:user:dana"


def test_an_erased_user_does_not_come_back_without_a_word(
    services: Services, open_page: Open
) -> None:
    """Find names the day though all else is forgotten; a session is asked for once more."""
    assert "erased on" not in words(open_page("find", find="dana"))
    plan = services.purge.plan(Request(Target(TenantKey("tenant", "acme"), user="dana")))
    job = services.purge.begin(
        plan.digest, confirm=plan.confirmation, reason="GDPR-4711", asked_by="ada"
    )
    ended = services.purge.run_here(job.id).ended_at
    assert ended is not None
    refresh(services)
    for typed in ("dana", NODE, "tenant_acme_user_dana_kato"):
        app = open_page("find", find=typed)
        assert f"tenant/acme: erased on {ended:%Y-%m-%d %H:%M}" in words(app), typed
    app = fill(open_page("new_session"), "acme", "dana")
    assert f"data was erased on {ended:%Y-%m-%d %H:%M}" in words(app)
    assert "(GDPR-4711)" in words(app)
    assert create_button(app).disabled
    next(box for box in app.checkbox if box.label == "Create it all the same").check().run()
    app = press(app, "Create session")
    assert "The session was created." in words(app)
    assert not [b for b in fill(app, "acme", "zoe").checkbox if "all the same" in b.label]
    refresh(services)
    app = open_page("find", find="dana")
    assert "tenant/acme: erased on" in words(app)
    found = next(e.value for e in app.dataframe if "Match" in e.value.columns)
    assert found["Erased"].str.startswith(f"{ended:%Y-%m-%d}").all()

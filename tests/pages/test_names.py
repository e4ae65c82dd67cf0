"""Importing node_ids on the Tenants page, and confirming an owner on a tenant's."""

from __future__ import annotations

import redis
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys
from services.bootstrap import Services
from tests.pages.conftest import Open, refresh, words
from tests.pages.test_sessions import press

KB = "tenant_idle_user_bob_kato"
IDLE = {"tenant": "tenant/idle", "tab": "Findings"}


def claims(app: AppTest) -> dict[str, str]:
    """The row of the kb_id in the table that says how it is known."""
    frame = next(e.value for e in app.dataframe if "Confirmed" in e.value.columns)
    row: dict[str, str] = frame.set_index("kb_id").loc[KB].to_dict()
    return row


def test_names_are_looked_at_and_then_imported(services: Services, open_page: Open) -> None:
    """What conflicts is said before anything is written, and stays out."""
    app = open_page("tenants")
    app.session_state[state_keys.IMPORT_OPEN] = True
    app.run()
    pasted = "node_id,tenant\ntenant:idle:user:bob,idle\ntenant:zed:user:x,acme\n"
    app.text_area(key=state_keys.IMPORT_TEXT).set_value(pasted).run()
    told = next(e.value for e in app.dataframe if "Comes to" in e.value.columns)
    assert list(told["Comes to"]) == ["conflicting"]
    assert "tenant:idle:user:bob" not in {node.node_id for node in services.state.nodes()}
    app = press(app, "Import 1 node_id")
    assert "1 node_id imported" in words(app)
    (node,) = (n for n in services.state.nodes() if n.source == "import")
    assert (node.node_id, bool(node.by)) == ("tenant:idle:user:bob", True)


def test_an_inferred_owner_is_confirmed_and_revoked(
    services: Services, open_page: Open, valkey: redis.Redis
) -> None:
    """With a reason, shown with who and why; and it is as known as before afterwards."""
    valkey.set(f"{KB}:frequency:x", 1)
    refresh(services)
    app = press(open_page("tenant", **IDLE), "Confirm an owner…")
    assert app.multiselect(key=state_keys.CONFIRM_KBS).value == [KB]
    app.text_area(key=state_keys.CONFIRM_WHY).set_value("ticket 4711")
    press(app, "Confirm")
    refresh(services)
    app = open_page("tenant", **IDLE)
    assert claims(app)["Confirmed"].startswith("tenant/idle, by ")
    assert claims(app)["Confirmed"].endswith(": ticket 4711")
    app = press(app, "Revoke a confirmation…")
    app.multiselect(key=state_keys.CONFIRM_KBS).set_value([KB])
    app.text_area(key=state_keys.CONFIRM_WHY).set_value("a mistake")
    press(app, "Revoke")
    refresh(services)
    assert claims(open_page("tenant", **IDLE))["Confirmed"] == ""

"""Rows are pasted, checked, and only then written; a new tenant is set up step by step."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys
from services.audit_log.models import LogFilter
from services.bootstrap import Services
from services.tenancy.kb_ids import TenantKey, held_names
from tests.pages.conftest import Open, SignIn, words
from tests.pages.test_sessions import press
from tests.servers.deployment import Deployment
from tests.waiting import wait_until


def pick(app: AppTest, label: str, value: object) -> AppTest:
    found = [*app.radio, *app.selectbox, *app.text_input, *app.text_area, *app.checkbox]
    next(each for each in found if each.label == label).set_value(value).run()
    return app


def test_rows_are_checked_and_written(
    services: Services, kato: Deployment, open_page: Open
) -> None:
    """What is refused says why, and keeps the others out unless they are to be left out."""
    app = open_page("imports", tenant="tenant/globex")
    app.segmented_control(key="data_kind").set_value("keys").run()
    pick(app, "Layout", "The guide's")
    pick(app, "Rows", '{"key": "a", "value": "=1"}\n{"key": "tenant:zed:a", "value": "1"}')
    app = press(app, "Check rows")
    assert "Some rows are refused" in words(app)
    assert next(each for each in app.button if each.label == "Write 1 row").disabled
    assert "Mend these rows" in words(app)
    app = press(app, "All imports")  # with what was typed, to be mended
    assert "tenant:zed:a" in next(each.value for each in app.text_area if each.label == "Rows")
    run = services.imports._folder.runs()[0]
    app = open_page("imports", tenant="tenant/globex")
    app.segmented_control(key="data_kind").set_value("keys").run()
    pick(app, "Layout", "The guide's")
    pick(app, "Leave out refused rows and write the others", True)
    pick(app, "Rows", '{"key": "a", "value": "=1"}\n{"key": "tenant:zed:a", "value": "1"}')
    app = press(press(app, "Check rows"), "Write 1 row")
    whole = services.imports.runs
    wait_until(lambda: (found := whole()) and found[0].state.value != "writing")
    runs = whole()
    assert runs[0].id != run.id
    app = open_page("imports", **{state_keys.IMPORT_RUN: runs[0].id})
    assert "1 new, 0 replaced." in words(app)
    assert kato.targets.redis is not None
    assert kato.targets.redis.get("tenant:globex:a") == b"=1"
    assert kato.targets.redis.get("tenant:zed:a") is None
    logged = services.logbook.page(LogFilter(text="import data"))
    assert {each.event.tenants for each in logged} == {("tenant/globex",)}


def test_one_whose_rows_are_on_another_machine_says_so_and_is_given_up(
    services: Services, open_page: Open, sign_in: SignIn
) -> None:
    """It does not look as if it went on; whoever may not see its tenant is told nothing of it."""
    run, names = "f" * 16, held_names([TenantKey("tenant", "globex")], ())
    plan = {"import": run, "tenant": "tenant/globex", "machine": "web-2 [x](y)"}
    services.job_book.begin(
        "import", plan, asked_by="ann", reason="keys out of a file", names=names,
        steps=("write", "take back"), at=services.now(),
    )  # fmt: skip
    app = open_page("imports")
    assert list(app.dataframe[0].value["State"]) == ["cannot go on here"]
    app = open_page("imports", **{state_keys.IMPORT_RUN: run})
    assert "nobody here can write it" in words(app)
    assert "web-2 [x](y)" in words(app).replace("\\", "")
    assert app.button(key="data_give_up").disabled
    app.text_input(key=f"{state_keys.DATA_WHY_UP}_{run}").set_value("web-2 is gone").run()
    app.button(key="data_give_up").click().run()
    assert not app.exception
    assert "It was given up by" in words(app)
    assert "It had written nothing." in words(app)
    assert services.work.holder(names) is None
    (logged, *_) = services.logbook.page(LogFilter(text="import data"))
    assert (logged.event.reason, logged.event.tenants) == ("web-2 is gone", ("tenant/globex",))
    sign_in("admin", "tenant/acme")
    assert "cannot be shown" in words(open_page("imports", **{state_keys.IMPORT_RUN: run}))
    assert "globex" not in words(open_page("imports"))


def test_a_tenant_is_set_up(services: Services, open_page: Open, sign_in: SignIn) -> None:
    """And what stands near its name is said before; who may not sees why."""
    app = open_page("setup")
    pick(app, "Tenant", "acme_corp")
    pick(app, "User", "new")
    assert "would hit both" in words(app) or "is there already" in words(app)
    pick(app, "Tenant", "acme corp")
    pick(app, "User", "bob")
    assert "already used by tenant/acme-corp, tenant/acme_corp" in words(app)
    assert "It would share one memory" not in words(app)  # that is what was just said
    pick(app, "User", "new")
    pick(app, "Tenant", "newco")
    assert "People would take it" not in words(app)
    app.segmented_control(key="setup_vectors").set_value("Its own collection").run()
    app.number_input(key="setup_size").set_value(4).run()
    app.checkbox(key="setup_session").set_value(True).run()
    pick(app, "Labels", "nonsense")
    assert "Set up" not in [each.label for each in app.button]  # what is typed is not left out
    pick(app, "Labels", "")
    app = press(app, "Set up")
    assert "tenant/newco is set up." in words(app), words(app)
    assert "is there already" not in words(app)  # it was made here and now
    facts = services.stores.writers.vector_setup.facts("vectors_tenant_newco_user_new_kato")
    assert facts is not None
    assert (facts.size, facts.distance) == (4, "Euclid")
    sign_in("operator")
    assert "takes the role admin" in words(open_page("setup"))

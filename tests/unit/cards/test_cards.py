"""Cards: what is taken as a label or a text, what a file of them brings, and who sees what."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from services.access.gate import Gate
from services.access.viewer import Action, Role, TenantPattern, Viewer
from services.cards.access import DeskCards
from services.cards.confined import confined_card, confined_doing
from services.cards.csv_file import Refused
from services.cards.holds import held_among, refuse_held
from services.cards.labels import (
    contact_of,
    label_of,
    labels_of,
    name_of,
    notes_of,
    reason_of,
    value_of,
    words_of,
)
from services.cards.models import (
    Card,
    CardError,
    Doing,
    Edit,
    Held,
    Hold,
    Label,
    OnHold,
    State,
    each_label,
    states_of,
)
from services.cards.preview import changes
from services.cards.written import csv_of, read
from services.errors import AccessDenied
from services.sessions.models import Deed
from services.tenancy.kb_ids import TenantKey
from tests.unit.access.desks import RECORD, World, viewer_of

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")
HOLD = Hold("ticket 4711", "ann", AT)
FULL = Card(ACME, "Acme", "bob@acme", {"plan": "gold"}, "pays late", HOLD, "eve", AT)
HOSTILE = ["a*", "=1+1", "-", "'=x", "a,b", 'a"b', "a\r\nb", " a ", "\udcff", "a;b", "\ufeff", "/"]
NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1) | st.sampled_from(HOSTILE)
KEYS = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?", fullmatch=True)
LINES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))) | st.just("=1+1")


def taken(parse, texts):  # type: ignore[no-untyped-def]
    """Texts as a card has them: those that are taken, as they are then."""

    def kept(text: str) -> str:
        try:
            return str(parse(text))
        except CardError:
            return ""

    return texts.map(kept)


VALUES = taken(value_of, LINES).filter(bool)
CARDS = st.builds(
    Card, st.builds(TenantKey, st.sampled_from(["tenant", "+x"]), NAMES), taken(name_of, LINES),
    taken(contact_of, LINES), st.dictionaries(KEYS, VALUES, max_size=4),
    taken(notes_of, st.text() | st.just("-a\nb,c")),
)  # fmt: skip


@settings(max_examples=min(60, settings().max_examples))
@given(st.lists(CARDS, unique_by=lambda card: card.tenant, max_size=6))
def test_what_is_exported_is_imported_the_same(cards: list[Card]) -> None:
    """Whatever a tenant is called, and whatever stands on its card."""
    edits = read(csv_of(cards))
    assert not [each for each in edits if isinstance(each, Refused)]
    brought = {each.tenant: each.after(Card(each.tenant)) for each in edits
               if isinstance(each, Edit)}  # fmt: skip
    assert brought == {card.tenant: card for card in cards}


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_labels_are_read_as_they_are_written(labels: dict[str, str]) -> None:
    assert labels_of(words_of(labels)) == labels
    for label in each_label(labels):
        assert label_of(str(label)) == label
        assert label.on(labels)
        assert "/" not in str(label)  # a tenant's name has one: the two are told apart


def test_no_cell_of_an_export_is_a_formula() -> None:
    card = Card(
        TenantKey("=x", "1"), "=1+1", "@a", {"plan": "-1"}, "+1", Hold("=2", "=a", AT), "=b"
    )
    assert csv_of([card]).decode().splitlines()[1] == (
        "'=x/1,'=1+1,'@a,plan=-1,'+1,'=2,2026-01-31T12:00:00Z,'=b,"
    )


@pytest.mark.parametrize(
    "text",
    ["plan", "=gold", "Plan=gold", "pl an=gold", "plan=", "plan=a/b", "plan=a\x00b", "plan=a\\b",
     "plan=a\u200bb", "-x=1", "plan=" + "x" * 64, "x" * 41 + "=1", "plan=a\udcffb"],
)  # fmt: skip
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(CardError):
        label_of(text)


def test_a_value_is_one_text_however_it_was_composed() -> None:
    """What Unicode draws the same is the same label: a rule for one holds for the other."""
    assert (
        label_of("stadt=Ko\u0308ln") == label_of("stadt=K\u00f6ln") == Label("stadt", "K\u00f6ln")
    )


@pytest.mark.parametrize(
    ("parse", "text"),
    [(name_of, "a\nb"), (name_of, "x" * 121), (contact_of, "\x1b[31m"), (notes_of, "a\x00b"),
     (notes_of, "x" * 4_001), (name_of, "a\udcffb"), (reason_of, "  "),
     (labels_of, "plan=a, plan=b"), (labels_of, ",".join(f"k{n}=1" for n in range(33)))],
)  # fmt: skip
def test_what_is_no_text_of_a_card_is_refused(parse: object, text: str) -> None:
    assert callable(parse)
    with pytest.raises(CardError):
        parse(text)


def test_a_file_changes_what_its_columns_name() -> None:
    """An empty cell empties, a column that is not there leaves; other labels go, holds stay."""
    first, second, *rest = read(
        b'tenant,labels,contact,hold\ntenant/acme,"plan=free,eu=1",,\nacme,,,\n\n'
        b"tenant/acme,,,\ntenant/zed,bad,,\n"
    )
    assert isinstance(first, Edit)
    after = first.after(FULL)
    assert (after.name, after.notes, after.contact, after.hold) == ("Acme", "pays late", "", HOLD)
    assert after.labels == {"plan": "free", "eu": "1"}
    found = [(each.number, each.why[:16]) for each in (second, *rest) if isinstance(each, Refused)]
    assert found == [(3, "a tenant is writ"), (5, "there is one for"), (6, "a label is writt")]


@pytest.mark.parametrize("data", [b"", b"tenant\nx/y\n", b"name\nx\n", b"\xff\xfea\x00"])
def test_what_is_no_file_of_cards_is_refused_whole(data: bytes) -> None:
    with pytest.raises(CardError):
        read(data)


def test_what_is_so_already_is_no_change() -> None:
    edits = (Edit(ACME, name="Acme"), Edit(ACME, labels={"plan": "gold", "old": None}),
             Edit(ZED, notes="new"), Edit(ACME, labels={}, only=True))  # fmt: skip
    found = changes(edits, {ACME: FULL})
    assert [(each.after.tenant, each.fields) for each in found] == [
        (ZED, ("notes",)), (ACME, ("labels",))
    ]  # fmt: skip
    assert found[1].labels == "tenant/acme no label"


def test_the_gravest_state_is_first() -> None:
    """It follows from holds and jobs alone; a tenant with neither is active."""
    parked, purging = Doing(State.PARKED, AT), Doing(State.PURGING, AT, "ann", "job-1")
    found = states_of(FULL, (parked, purging))
    assert [each.state for each in found] == [State.ON_HOLD, State.PURGING, State.PARKED]
    assert (found[0].since, found[0].by) == (AT, "ann")
    assert states_of(Card(ZED)) == (Doing(State.ACTIVE),)


def test_who_is_held_is_read_anew_each_time() -> None:
    held: list[Held] = []
    refuse_held([ACME, ZED], lambda: tuple(held))
    held.append(Held(ZED, HOLD))
    assert held_among([ACME], lambda: tuple(held)) == ()
    with pytest.raises(OnHold, match=r"tenant/zed is on legal hold \(ticket 4711\)"):
        refuse_held([ACME, ZED], lambda: tuple(held))


def viewer(role: Role, scope: str = "*") -> Viewer:
    return Viewer("ann", role, frozenset({TenantPattern.parse(scope)}))


def test_what_a_viewer_sees_goes_by_role_and_scope() -> None:
    """Its name and that it is held, all; people and reasons, support; who it was, who sees all."""
    least = confined_card(FULL, viewer(Role.VIEWER, "tenant/acme"))
    assert least == Card(ACME, "Acme", "", {"plan": "gold"}, "", Hold("", "", AT), "", AT)
    support = confined_card(FULL, viewer(Role.SUPPORT, "tenant/acme"))
    assert (support.contact, support.notes, support.hold) == (
        "bob@acme", "pays late", Hold("ticket 4711", "", AT)
    )  # fmt: skip
    assert support.by == ""
    assert confined_card(FULL, viewer(Role.SUPPORT)) == FULL
    assert confined_card(FULL, viewer(Role.VIEWER)).contact == ""
    job = Doing(State.PURGING, AT, "ann", "job-1")
    assert confined_doing(job, viewer(Role.ADMIN, "tenant/acme")) == Doing(State.PURGING, AT)
    assert confined_doing(job, viewer(Role.VIEWER)) == job


def desk_of(who: Viewer, log: list[tuple[object, ...]]) -> DeskCards:
    def begin(_: Viewer, action: Action, **said: Any) -> str:
        log.append((action, [*said["tenants"]], said["target"], said["reason"]))
        return "1"

    noted = SimpleNamespace(begin=begin, end=lambda *_, **__: None, refused=lambda *_, **__: None)
    gate = Gate(lambda: who, noted, lambda: None, lambda: AT)  # type: ignore[arg-type, return-value]
    inner = SimpleNamespace(
        cards=lambda: {ACME: FULL}, change=lambda edits, by: None, hold=lambda *_, **__: None
    )
    return DeskCards(gate, lambda: inner)  # type: ignore[arg-type, return-value]


def test_labels_are_set_by_who_sees_all() -> None:
    """Limits and prices may go by them: who is confined could set their own."""
    log: list[tuple[object, ...]] = []
    confined = desk_of(viewer(Role.ADMIN, "tenant/acme"), log)
    with pytest.raises(AccessDenied, match="not all are in scope"):
        confined.change([Edit(ACME, name="New", labels={"plan": "free"})])
    with pytest.raises(AccessDenied, match="not all are in scope"):
        confined.change([Edit(ACME, only=True)])
    assert log == []
    confined.change([Edit(ACME, name="New", contact="new@acme")])
    desk_of(viewer(Role.ADMIN), log).change([Edit(ACME, notes="x", labels={"plan": "free"})])
    assert log == [
        (Action.EDIT_CARD, [ACME], "tenant/acme: name, contact", ""),  # no text of it
        (Action.EDIT_CARD, [ACME], "tenant/acme: notes", ""),
        (Action.LABEL, [ACME], "tenant/acme plan=free", ""),
    ]


def test_a_hold_says_why_and_is_set_once() -> None:
    log: list[tuple[object, ...]] = []
    desk = desk_of(viewer(Role.ADMIN), log)
    for tenants, reason in (([ZED], " "), ([ACME], "again"), ([], "of whom")):
        with pytest.raises(CardError):
            desk.hold(tenants, reason=reason)
    with pytest.raises(CardError, match="not on hold"):
        desk.lift([ZED], why="it is over")
    desk.hold([ZED, ACME], reason=" ticket 9 ")
    assert log == [(Action.HOLD, [ZED], "tenant/zed", "ticket 9")]


def test_no_session_of_who_is_held_is_cleared_or_ended(tmp_path: Path) -> None:
    """Extending one takes nothing away; what was refused is in the log with the reason."""
    world = World(tmp_path)
    world.card_book.holds = lambda: (Held(ACME, HOLD),)
    desk = world.desk(lambda: viewer_of(Role.SUPPORT))
    for deed in (Deed.DELETE, Deed.CLEAR_STM):
        with pytest.raises(OnHold, match="ticket 4711"):
            desk.care.act(deed, [RECORD])
    assert "care.act" not in world.asked()
    desk.care.act(Deed.EXTEND, [RECORD], ttl_seconds=60)
    assert "care.act" in world.asked()
    assert "ticket 4711" in str([entry.event.reason for entry in world.log.entries()])
    world.close()

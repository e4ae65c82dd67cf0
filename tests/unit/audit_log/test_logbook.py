"""The chain of the audit log: what is written is read back, and any tampering is found."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import Outcome, TenantPattern
from services.audit_log import models
from services.audit_log.chain import LogKeys, linked, verify
from services.audit_log.formats import COLUMNS, csv_lines, json_lines
from services.audit_log.models import Anchor, Entry, Event, Index, Kept, State, cut
from services.audit_log.service import in_scope
from services.audit_log.texts import (
    anchor_line,
    anchors_of,
    entry_of,
    index_of,
    kept_of,
    needle,
    readable,
)
from services.errors import LogError

T0 = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY, OTHER = "k" * 32, "o" * 32
SEALED, PLAIN = LogKeys((KEY,)), LogKeys()
NAMES = st.text(st.characters(), max_size=8)  # any code point, halves of characters too


def event(number: int = 0, **more: object) -> Event:
    values: dict[str, object] = {
        "at": T0 + timedelta(seconds=number), "who": f"ann{number}", "role": "admin",
        "action": "run a purge", "tenants": [f"tenant/t{number}"], "target": "x",
        "outcome": Outcome.DONE, "reason": "", "request_id": f"{number:016x}", "digest": "d" * 64,
    }  # fmt: skip
    return Event.of(**values | more)  # type: ignore[arg-type]


def chain(events: Sequence[Event], keys: LogKeys = PLAIN) -> list[Entry]:
    """The entries that these events make."""
    entries: list[Entry] = []
    for each in events:
        entries.append(linked(each, entries[-1] if entries else None, keys))
    return entries


def log(length: int, keys: LogKeys = PLAIN) -> list[Kept]:
    return [kept_of(entry) for entry in chain([event(n) for n in range(length)], keys)]


def anchor(kept: Sequence[Kept]) -> Anchor:
    return Anchor(kept[-1].number, kept[-1].hash, T0)


EVENTS = st.builds(
    Event.of, at=st.datetimes(timezones=st.just(UTC)), who=NAMES, role=NAMES, action=NAMES,
    tenants=st.lists(NAMES, max_size=3), target=NAMES, outcome=st.sampled_from(Outcome),
    reason=NAMES, request_id=NAMES, digest=NAMES,
)  # fmt: skip
KEYS = st.sampled_from([PLAIN, SEALED])


@given(st.lists(EVENTS, max_size=5), KEYS)
def test_what_is_written_is_read_back_and_verifies(events: list[Event], keys: LogKeys) -> None:
    """Whatever the names hold; the text is ASCII."""
    entries = chain(events, keys)
    kept = [kept_of(entry) for entry in entries]
    assert [entry_of(row.text, row.hash) for row in kept] == entries
    assert all(row.text.isascii() for row in kept)
    found = verify(kept, [], keys)
    assert (found.state, found.checked, found.bad) == (State.UNANCHORED, len(events), None)
    if kept:
        found = verify(kept, [anchor(kept)], keys)
        assert (found.state, found.anchored_to) == (State.OK, len(events))


@given(
    st.integers(0, 5), st.sampled_from([f.name for f in fields(Event)]), st.data(), KEYS,
    st.booleans(),
)  # fmt: skip
def test_an_edit_of_any_field_is_found(
    at: int, name: str, data: st.DataObject, keys: LogKeys, rehash: bool
) -> None:
    """With the hash that was there, and with one that was computed anew without the key."""
    kept = log(6, keys)
    entry = entry_of(kept[at].text, kept[at].hash)
    old = getattr(entry.event, name)
    new = data.draw(
        {"at": st.datetimes(timezones=st.just(UTC)), "outcome": st.sampled_from(Outcome),
         "tenants": st.lists(NAMES).map(tuple)}.get(name, NAMES).filter(lambda v: v != old)
    )  # fmt: skip
    edited = replace(entry, event=replace(entry.event, **{name: new}))
    row = kept_of(edited)
    if rehash:
        row = replace(row, hash=PLAIN.hash(row.text, ""))
    anchors = [anchor(kept)] if at == 5 else []  # nothing follows the last one but its anchor
    kept[at] = row
    found = verify(kept, anchors, keys)
    assert found.state is State.BROKEN
    assert found.bad in (at + 1, at + 2)


@given(st.integers(0, 5), st.sampled_from([f.name for f in fields(Index)]))
def test_an_edit_of_what_is_searched_is_found(at: int, name: str) -> None:
    """An entry that is not found is as good as gone."""
    kept = log(6)
    new: object = {"at": T0 - timedelta(1), "tenants": frozenset()}.get(name, "other")
    kept[at] = replace(kept[at], index=replace(kept[at].index, **{name: new}))
    found = verify(kept, [], PLAIN)
    assert (found.state, found.bad) == (State.BROKEN, at + 1)


@given(st.integers(0, 5), st.integers(0, 600), st.characters())
def test_an_edit_of_any_character_is_found(at: int, place: int, character: str) -> None:
    kept = log(6)
    text = kept[at].text
    place %= len(text)
    edited = text[:place] + character + text[place + 1 :]
    kept[at] = replace(kept[at], text=edited)
    assert (verify(kept, [], PLAIN).state is State.BROKEN) == (edited != text)


@given(st.integers(0, 4), st.integers(1, 5))
def test_a_deleted_run_is_found(start: int, length: int) -> None:
    """Wherever it is, as long as something follows it."""
    kept = log(6)
    del kept[start : min(start + length, 5)]
    found = verify(kept, [], PLAIN)
    assert (found.state, found.bad) == (State.BROKEN, start + 1)
    assert "missing" in found.why


@given(st.permutations(range(6)), st.booleans())
def test_another_order_is_found(order: list[int], renumbered: bool) -> None:
    """As the rows come, and when they were given each other's numbers."""
    kept = log(6)
    shuffled = [kept[n] for n in order]
    if renumbered:
        shuffled = [replace(row, number=n) for n, row in enumerate(shuffled, start=1)]
    assert (verify(shuffled, [], PLAIN).state is State.BROKEN) == (order != list(range(6)))


@given(st.integers(0, 5), st.integers(0, 6))
def test_a_copy_is_found(which: int, where: int) -> None:
    kept = log(6)
    kept.insert(where, kept[which])
    assert verify(kept, [], PLAIN).state is State.BROKEN


@given(st.integers(0, 5), st.integers(0, 3), KEYS)
def test_truncating_and_appending_is_found_by_an_anchor(
    left: int, added: int, keys: LogKeys
) -> None:
    """What this product itself appends after it does not hide it."""
    kept = log(6, keys)
    known = anchor(kept)
    entries = [entry_of(row.text, row.hash) for row in kept[:left]]
    for number in range(added):
        last = entries[-1] if entries else None
        entries.append(linked(event(number, who="mallory"), last, keys))
    rows = [kept_of(entry) for entry in entries]
    without = verify(rows, [], keys)
    assert without.state is State.UNANCHORED
    assert "cannot be excluded" in without.words
    found = verify(rows, [known], keys)
    assert found.state is State.BROKEN
    assert "truncated" in found.words
    early = Anchor(1, kept[0].hash, T0)
    assert verify(rows, [early, known], keys).state is State.BROKEN


def test_a_log_written_anew_without_the_key_is_found_by_the_key() -> None:
    """All of it, or its end; with the plain hashes that need no key, or with another key."""
    kept = log(6, SEALED)
    entries = [entry_of(row.text, row.hash) for row in kept]
    forged = kept_of(linked(event(9), replace(entries[2], seal=""), PLAIN))
    found = verify([*kept[:3], forged], [], SEALED)
    assert (found.state, found.bad) == (State.BROKEN, 4)
    other = verify(log(6, LogKeys((OTHER,))), [], SEALED)
    assert (other.state, other.bad) == (State.UNCHECKED, 1)
    plain = log(6)
    found = verify(plain, [], SEALED)
    assert (found.state, found.unkeyed) == (State.UNCHECKED, 6)
    assert "no entry is sealed with one" in found.words
    assert verify(plain, [Anchor(3, plain[2].hash, T0)], SEALED).state is State.UNCHECKED
    assert verify(plain, [anchor(plain)], SEALED).state is State.OK
    assert verify(plain, [], PLAIN).state is State.UNANCHORED
    assert verify(plain, [anchor(kept)], SEALED).state is State.BROKEN


def test_a_key_that_was_retired_seals_nothing_any_more() -> None:
    """It may have been because somebody else had it."""
    both = LogKeys((OTHER, KEY))
    entries = chain([event(0)], SEALED)
    entries.append(linked(event(1), entries[-1], both))
    assert verify(map(kept_of, entries), [], both).state is State.UNANCHORED
    forged = linked(event(2), replace(entries[-1], seal=SEALED.seal), SEALED)
    found = verify(map(kept_of, [*entries, forged]), [], both)
    assert (found.state, found.bad) == (State.BROKEN, 3)
    assert "an older key" in found.words


def test_a_seal_that_claims_the_key_is_checked_with_it() -> None:
    kept = log(2, SEALED)
    entry = entry_of(kept[1].text, kept[1].hash)
    row = kept_of(replace(entry, event=event(7)))
    kept[1] = replace(row, hash=PLAIN.hash(row.text, ""))
    assert verify(kept, [], SEALED).bad == 2


def test_a_new_key_goes_first_and_the_old_one_still_verifies() -> None:
    """A key that is set later counts from then on."""
    entries = chain([event(0)])
    entries.append(linked(event(1), entries[-1], SEALED))
    both = LogKeys((OTHER, KEY))
    entries.append(linked(event(2), entries[-1], both))
    found = verify(map(kept_of, entries), [], both)
    assert (found.state, found.checked, found.unkeyed) == (State.UNANCHORED, 3, 1)
    assert "The first 1 are without a key" in found.words
    assert verify(map(kept_of, entries), [], SEALED).state is State.UNCHECKED
    for keys in (PLAIN, SEALED):
        with pytest.raises(LogError):
            linked(event(3), entries[-1], keys)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4, unique=True), st.data())
def test_a_key_that_sealed_before_the_newest_did_is_refused(
    keys: list[int], data: st.DataObject
) -> None:
    """Of any log, however long each key was in use; and any other key goes on with it."""
    entries = list[Entry]()
    used: list[str] = []
    for number in keys:
        used.insert(0, str(number) * 32)
        for _ in range(data.draw(st.integers(1, 5))):
            entries.append(linked(event(len(entries)), entries[-1] if entries else None,
                                  LogKeys(tuple(used))))  # fmt: skip
    for first in ("1", "2", "3", "4", "5"):
        ring = LogKeys((first * 32, *used))
        if first * 32 in used[1:]:
            with pytest.raises(LogError, match="newest"):
                linked(event(), entries[-1], ring, lambda at: entries[at - 1].seal)
        else:
            linked(event(), entries[-1], ring, lambda at: entries[at - 1].seal)


def test_the_key_is_in_no_representation() -> None:
    assert KEY not in repr(SEALED)
    assert KEY not in kept_of(chain([event()], SEALED)[0]).text


def test_longer_names_are_cut_with_a_digest() -> None:
    """So that two that begin alike are told apart."""
    long = event(who="a" * 1000, target="b" * 10_000, reason="c" * 10_000,
                 tenants=[f"tenant/{n:05}" + "x" * 500 for n in range(2000)])  # fmt: skip
    assert len(long.who) == models.WHO_LIMIT
    assert len(long.target) == len(long.reason) == models.TEXT_LIMIT
    assert len(long.tenants) == models.TENANTS_LIMIT
    assert long.tenants[-1].startswith("(1,001 more)")
    assert cut("a" * 1000, 100) != cut("a" * 999 + "b", 100)
    assert cut("a" * 100, 100) == "a" * 100
    (kept,) = [kept_of(entry) for entry in chain([long])]
    assert verify([kept], [], PLAIN).checked == 1


def test_words_are_found_in_any_case_and_whatever_they_hold() -> None:
    """Percent signs and quotes are themselves."""
    words = index_of(event(who='Ö"Neill\\', target="100%\udcff", tenants=["tenant/Acme"])).words
    for text in ('ö"NEILL', "100%", "\udcff", "ACME", "run a", "\\"):
        assert needle(text) in words
    assert needle("1_0%") not in words
    assert words.isascii()


@pytest.mark.parametrize(
    "text", ["", "{}", "null", "[]", "{" * 10_000, '{"number":1}', "\x00", "é"]
)
def test_what_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(LogError):
        entry_of(text, "")
    shown = readable(7, text, "h")
    assert (shown.number, shown.intact) == (7, False)
    found = verify([Kept(1, text, PLAIN.hash(text, ""), index_of(event()))], [], PLAIN)
    assert (found.state, found.bad) == (State.BROKEN, 1)


@pytest.mark.parametrize(
    "edit",
    [lambda r: r | {"number": "1"}, lambda r: r | {"number": True}, lambda r: r | {"who": 3},
     lambda r: r | {"tenants": [1]}, lambda r: r | {"tenants": "ab"}, lambda r: r | {"seal": None},
     lambda r: r | {"more": 1}, lambda r: r | {"at": "0001-01-01T00:00:00+14:00"},
     lambda r: r | {"at": "2026-01-31"}, lambda r: r | {"previous": 0}],
)  # fmt: skip
def test_an_entry_of_another_shape_is_broken_not_a_crash(
    edit: Callable[[dict[str, object]], object],
) -> None:
    """Even where its hash was computed for it."""
    row = log(1)[0]
    text = json.dumps(edit(json.loads(row.text)), sort_keys=True, separators=(",", ":"))
    found = verify([replace(row, text=text, hash=PLAIN.hash(text, ""))], [], PLAIN)
    assert (found.state, found.bad) == (State.BROKEN, 1)


def test_anchors_are_read_out_of_what_a_container_printed() -> None:
    """Among other lines, and behind what a collector puts before each."""
    found = [anchor(log(3)), anchor(log(5))]
    lines = ["starting", f"dash-1 | {anchor_line(found[0])}", '{"x": 1}', anchor_line(found[1])]
    assert anchors_of("\n".join(lines)) == tuple(found)
    assert anchors_of("") == ()


@pytest.mark.parametrize(
    "line", ["{", '{"anchor":"kato-tenants audit log"}', "kato-tenants audit log",
             anchor_line(Anchor(0, "0" * 64, T0)), anchor_line(Anchor(1, "0" * 10, T0)),
             anchor_line(Anchor(1, "z" * 64, T0)), anchor_line(anchor(log(1)))[:-3]],
)  # fmt: skip
def test_an_anchor_that_cannot_be_read_is_no_anchor_that_agrees(line: str) -> None:
    if "kato-tenants" not in line:
        assert anchors_of(line) == ()
        return
    with pytest.raises(LogError, match="line 1 "):
        anchors_of(line)


def test_two_anchors_of_one_number_cannot_both_be_right() -> None:
    kept = log(3)
    forged = Anchor(3, "0" * 64, T0)
    assert verify(kept, [anchor(kept), forged], PLAIN).state is State.BROKEN


def test_json_lines_hold_the_text_that_was_hashed() -> None:
    """Whoever has the file can verify it."""
    entries = chain([event(n, who="ö\udcff") for n in range(3)])
    rows = []
    for line in json_lines(entries):
        read = json.loads(line)
        hash_ = read.pop("hash")
        text = json.dumps(read, sort_keys=True, separators=(",", ":"))
        rows.append(Kept(read["number"], text, hash_, index_of(entry_of(text, hash_).event)))
    assert verify(rows, [], PLAIN).checked == 3


def test_no_cell_is_a_formula_and_no_name_breaks_a_line() -> None:
    entries = chain([event(who="=1+1", target="a\nb\udcff", reason="@x,y", tenants=["-t/1"])])
    text = "".join(csv_lines(entries))
    header, row = csv.reader(io.StringIO(text))
    cells = dict(zip(header, row, strict=True))
    assert tuple(header) == COLUMNS
    assert (cells["who"], cells["tenants"], cells["reason"]) == ("'=1+1", "'-t/1", "'@x,y")
    assert cells["target"] == "a\\nb\\xff"
    assert text.encode("utf-8")


def test_the_entries_of_a_scope_concern_nobody_else() -> None:
    """An entry about nobody is only for those who see all."""
    scope = frozenset({TenantPattern("tenant", "acme"), TenantPattern("org", "*")})
    everything = frozenset({TenantPattern("*", "*")})

    def seen(*tenants: str) -> bool:
        (entry,) = chain([event(tenants=tenants)])
        assert in_scope(entry, None)
        assert in_scope(entry, everything)
        return in_scope(entry, scope)

    assert seen("tenant/acme")
    assert seen("tenant/acme", "org/big")
    assert not seen("tenant/acme", "tenant/other")
    assert not seen("tenant/acme-corp")
    assert not seen()
    assert not seen("nothing")

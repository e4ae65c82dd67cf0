"""A snapshot that another dashboard reads is what was read: nothing of it is lost or rounded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from hypothesis import given, settings, strategies as st

from services.dashboards import published as publishing
from services.dashboards.codec import shape_of
from services.dashboards.published import (
    FORM,
    CannotShare,
    Published,
    Publisher,
    Reader,
    shifted,
)
from services.figures import Measure
from services.usage.snapshot import Snapshot
from tests.unit.dashboards.made_up import SNAPSHOTS
from tests.unit.history.snapshots import snapshot

FOUND = snapshot(1_700_000_000, {"acme": 5, "beta": 7}, sharing=("acme", "beta"))
SHAPE = "b308d1d9e424"
"""What a snapshot of form 1 is made of. Where this is another one, FORM has to be too."""


def by_digest(found: Published) -> Mapping[str, bytes]:
    return {found.digests[name]: content for name, content in found.contents.items()}


def handed_on(snapshot: Snapshot) -> Snapshot:
    found = Publisher(version="1").published(snapshot, seconds=1.5)
    read, seconds = Reader().read(found.head, by_digest(found))
    assert seconds == 1.5
    return read


@settings(max_examples=25)
@given(SNAPSHOTS)
def test_every_snapshot_comes_out_as_it_went_in(snapshot: Snapshot) -> None:
    """What is unknown, with why; margins, ages, hostile names: by value and by representation."""
    read = handed_on(snapshot)
    assert read == snapshot
    assert repr(replace(read, tenants=tuple(read.tenants))) == repr(snapshot)
    for usage in snapshot.tenants:
        assert read.tenant(usage.tenant) == usage


def test_another_shape_of_a_snapshot_is_another_form() -> None:
    assert hashlib.sha256(shape_of(Snapshot).encode()).hexdigest()[:12] == SHAPE, (
        "a snapshot has another shape: count FORM up where a version with this one was released"
    )


@given(st.lists(SNAPSHOTS, min_size=2, max_size=3))
@settings(max_examples=8)
def test_one_after_another(snapshots: list[Snapshot]) -> None:
    """What is taken over from the last one is taken where it is the same, and nowhere else."""
    publisher, reader = Publisher(version="1"), Reader()
    for each in snapshots:
        for usage in (again := publisher.published(each, seconds=None)).contents:
            assert usage in again.digests
        known = reader.digests
        some = {digest: c for digest, c in by_digest(again).items() if digest not in known}
        read, _ = reader.read(again.head, some)
        list(read.tenants)  # made, so that the next one may take them
        assert read == each


def test_what_did_not_change_is_neither_written_nor_made_again() -> None:
    publisher, reader = Publisher(version="1"), Reader()
    first = publisher.published(FOUND, seconds=1.0)
    read, _ = reader.read(first.head, by_digest(first))
    made = read.tenants[0]
    later = replace(FOUND, collected_at=FOUND.collected_at + timedelta(minutes=1))
    second = publisher.published(later, seconds=1.0)
    assert second.digests == first.digests
    assert reader.read(second.head, {})[0].tenants is read.tenants
    grown = replace(later, tenants=(later.tenants[0], replace(later.tenants[1], shared=("x",))))
    third = publisher.published(grown, seconds=1.0)
    assert {n for n in third.digests if third.digests[n] != first.digests[n]} == {"tenants"}
    anew, _ = reader.read(third.head, {third.digests["tenants"]: third.contents["tenants"]})
    assert anew == grown
    assert anew.tenants[0] is made


@pytest.mark.parametrize(
    ("form", "said"), [(FORM + 1, "of a newer version (9.9)"), (0, "of an older version (9.9)")]
)
def test_another_form_is_told_and_not_guessed_at(form: int, said: str) -> None:
    found = Publisher(version="9.9").published(FOUND, seconds=1.0)
    head = json.dumps({**json.loads(found.head), "form": form}).encode()
    with pytest.raises(CannotShare) as told:
        Reader().read(head, by_digest(found))
    assert said in str(told.value)


@given(st.data())
@settings(max_examples=20)
def test_what_is_damaged_is_told(data: st.DataObject) -> None:
    """Whatever stands there: nothing but CannotShare comes of it, or the snapshot itself."""
    found = Publisher(version="1").published(FOUND, seconds=1.0)
    contents = dict(by_digest(found))
    digest = data.draw(st.sampled_from(sorted(contents)))
    content = contents[digest]
    at = data.draw(st.integers(0, len(content) - 1))
    contents[digest] = content[:at] + data.draw(st.binary(max_size=3)) + content[at + 1 :]
    with suppress(CannotShare):
        assert Reader().read(found.head, contents)[0].collected_at == FOUND.collected_at


def test_a_part_that_is_missing_is_damage() -> None:
    found = Publisher(version="1").published(FOUND, seconds=1.0)
    with pytest.raises(CannotShare):
        Reader().read(found.head, {})
    with pytest.raises(CannotShare):
        Reader().read(b"{}", {})


def test_what_is_too_large_is_refused_and_said() -> None:
    publisher = Publisher(version="1")
    with patch.object(publishing, "MOST", 10), pytest.raises(CannotShare) as told:
        publisher.published(FOUND, seconds=1.0)
    refused = publisher.refused(str(told.value))
    with pytest.raises(CannotShare) as heard:
        Reader().read(refused.head, {})
    assert str(heard.value) == str(told.value)
    assert publisher.published(FOUND, seconds=1.0).contents


@given(SNAPSHOTS, st.timedeltas(timedelta(days=-9), timedelta(days=9)))
@settings(max_examples=25)
def test_times_as_another_clock_has_them(snapshot: Snapshot, by: timedelta) -> None:
    """Those alone that this product noted; and back again they are as they were."""
    there = shifted(snapshot, by)
    assert there.collected_at == snapshot.collected_at + by
    assert there.sessions == snapshot.sessions
    assert there.tenants is snapshot.tenants
    assert shifted(there, -by) == snapshot


def test_times_of_every_store_are_moved() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    stores = {
        m: replace(f, collected_at=at, failing_since=at, memory_at=at)
        for m, f in FOUND.stores.items()
    }
    moved = shifted(replace(FOUND, stores=stores, kato_failing_since=at), timedelta(hours=1))
    keys = moved.stores[Measure.KEYS]
    later = at + timedelta(hours=1)
    assert (keys.collected_at, keys.failing_since, keys.memory_at) == (later,) * 3
    assert moved.kato_failing_since == later

"""Archives in the records: found by the names of their files, and not noted over their removal."""

from __future__ import annotations

from dataclasses import replace

from services.archive.models import State
from services.stores.records.archives import ArchiveBook
from tests.servers.records import Records
from tests.unit.access.desks import ARCHIVE


def test_one_is_found_by_its_files_name_however_many_are_newer(records: Records) -> None:
    """Its id begins as the name ends; another one that begins so is not taken for it."""
    book = ArchiveBook(records.engine())
    mine = replace(
        ARCHIVE, id="0123abcd" + "0" * 24, name="acme-20261129T190000Z-0123abcd.kato.tar"
    )
    other = replace(mine, id="0123abcd" + "1" * 24, name="z-20261129T190000Z-0123abcd.kato.tar")
    for each in (other, mine):
        book.put(each)
    assert book.named(mine.name) == mine
    assert book.named(other.name) == other
    for name in ("acme-0123abcd.kato.tar", mine.name + "x", "%", ""):
        assert book.named(name) is None


def test_what_a_proof_came_to_is_noted_unless_the_file_was_removed(records: Records) -> None:
    book = ArchiveBook(records.engine())
    book.put(ARCHIVE)
    assert book.note(replace(ARCHIVE, state=State.BROKEN, problem="cut"))
    broken = book.get(ARCHIVE.id)
    assert broken is not None
    assert (broken.state, broken.problem) == (State.BROKEN, "cut")
    book.put(replace(ARCHIVE, state=State.REMOVED))
    assert not book.note(replace(ARCHIVE, state=State.PROVEN))
    removed = book.get(ARCHIVE.id)
    assert removed is not None
    assert removed.state is State.REMOVED


def test_what_is_known_of_one_stays_when_it_begins_again(records: Records) -> None:
    """Who begins it and who takes it both say so, in whatever order and database."""
    book = ArchiveBook(records.engine())
    begun = replace(ARCHIVE, state=State.TAKING)
    book.put(ARCHIVE)
    for _ in range(2):
        book.add(begun)
    assert book.get(ARCHIVE.id) == ARCHIVE
    fresh = replace(begun, id="f" * 32)
    for _ in range(2):
        book.add(fresh)
    assert book.get(fresh.id) == fresh

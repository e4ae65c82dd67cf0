"""What proves an archive: its own hashes and those that the records have, from one reading."""

from __future__ import annotations

import hashlib
import io
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pyrage
import pytest
from hypothesis import given, strategies as st

from services.archive.errors import ArchiveFlaw, ArchiveRefused
from services.archive.hearing import READING, hearing
from services.archive.models import Archive, State
from services.archive.verify import Proof, compare, prove
from services.jobs.models import Progress
from services.jobs.run import Stopped
from services.purge.models import Target
from tests.unit.archive.test_container import AT, CHUNKS, KEY, TO, written


class Place:
    """Has one file, and counts the bytes that are read of it."""

    def __init__(self, data: bytes) -> None:
        self._data, self.read = data, 0

    @contextmanager
    def reading(self, name: str, *, unfinished: bool = False) -> Any:
        stream = io.BytesIO(self._data)
        plain = stream.read

        def counted(size: int = -1, /) -> bytes:
            found = plain(size)
            self.read += len(found)
            return found

        stream.read = counted  # type: ignore[method-assign]
        yield stream


def known(data: bytes) -> Archive:
    sha256 = hashlib.sha256(data).hexdigest()
    return Archive("id", Target(), (), "", "a", State.TAKING, "ann", AT, sha256=sha256)


def proof_of(place: Place, archive: Archive | None = None, identities: Any = ()) -> Proof:
    tools = SimpleNamespace(identities=lambda: identities)
    return prove(cast("Any", tools), cast("Any", place), "a", archive)


@given(CHUNKS, st.booleans())
def test_a_file_is_read_once_but_for_its_manifest(chunks: Any, sealed: bool) -> None:
    data, ended = written(chunks, recipients=TO if sealed else ())
    place = Place(data)
    proof = proof_of(place, known(data), (KEY,))
    assert (proof.bytes, proof.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert proof.manifest == ended.manifest
    chunks_alone = sum(chunk.stored_bytes for chunk in ended.manifest.chunks)
    assert place.read <= 2 * len(data) - chunks_alone


def test_another_archive_in_its_place_is_refused() -> None:
    """It proves itself, and is not the one that was written."""
    with pytest.raises(ArchiveRefused) as refused:
        proof_of(Place(written([("a", b"other")])[0]), known(written([("a", b"mine")])[0]))
    assert refused.value.flaw is ArchiveFlaw.ALTERED


def test_where_no_identity_opens_it_its_hash_alone_is_compared() -> None:
    data, _ = written([("a", b"content")], recipients=TO)
    other = (pyrage.x25519.Identity.generate(),)
    for identities in ((), other):
        proof = proof_of(Place(data), known(data), identities)
        assert (proof.sha256, proof.manifest) == (hashlib.sha256(data).hexdigest(), None)
        with pytest.raises(ArchiveRefused):
            proof_of(Place(data), None, identities)
        with pytest.raises(ArchiveRefused):
            proof_of(Place(data[:700] + b"!" + data[701:]), known(data), identities)


def test_what_is_read_of_the_stores_afterwards_is_not_told_as_a_part_of_the_archive() -> None:
    """It would stand at 100 % for as long; and it ends before the next store where asked to."""
    _, ended = written([])
    asked, said = list[str](), list[Progress]()

    def store(name: str) -> Any:
        def prints(*_: object) -> dict[str, Any]:
            asked.append(name)
            assert said[-1].whole is None
            return {}

        return SimpleNamespace(prints=prints)

    tools = cast("Any", SimpleNamespace(
        patterns=store("rows"), keys=store("keys"), vectors=store("points")
    ))  # fmt: skip
    said.append(Progress(READING, 9, 9))
    assert compare(tools, ended.manifest, hears=hearing(said.append)) == ()
    assert asked == ["rows", "keys", "points"]
    assert [each.words for each in said[1:]] == [
        "comparing with ClickHouse", "comparing with Redis", "comparing with Qdrant"
    ]  # fmt: skip
    with pytest.raises(Stopped):
        compare(tools, ended.manifest, hears=hearing(said.append, lambda: len(asked) == 4))
    assert asked[3:] == ["rows"]

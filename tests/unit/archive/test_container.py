"""The file of an archive: what is written comes back, and nothing else is taken."""

import io
import tarfile
from dataclasses import replace
from datetime import UTC, datetime

import pyrage
import pytest
from hypothesis import given, settings, strategies as st

from services.archive.container import Reader, Written, write
from services.archive.errors import ArchiveFlaw, ArchiveRefused
from services.archive.models import Format, Head, Manifest, Part
from services.archive.seal import identities_of, recipients_of
from services.purge.models import Target
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import text_of

AT = datetime(2026, 11, 29, tzinfo=UTC)
KEY = pyrage.x25519.Identity.generate()
TO = recipients_of(str(KEY.to_public()))
HOSTILE = st.binary(max_size=12).map(text_of)
CHUNKS = st.lists(st.tuples(st.sampled_from("ab"), st.binary(max_size=2000)), max_size=6)


def written(chunks=(), *, name="redis/keys", recipients=(), kb_ids=()) -> tuple[bytes, Written]:
    """Write an archive of chunks of two parts, one of which is `name`."""
    stream = io.BytesIO()
    archive = write(stream, Head("id", AT, "1.0", encrypted=False), recipients)
    parts = {"a": Part(name, Format.JSON_LINES), "b": Part("clickhouse/é", Format.NATIVE)}
    for which, content in chunks:
        archive.add(parts[which], content, count=len(content))
    target = Target(tenant=TenantKey("tenant", name))
    ended = archive.finish(Manifest("id", AT, AT, target, kb_ids=tuple(kb_ids)))
    return stream.getvalue(), ended


class Pipe(io.BytesIO):
    """A stream that cannot seek, and gives a few bytes at a time."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def read(self, size=-1, /) -> bytes:
        return super().read(min(size, 700))


def refusal(data: bytes, kind=io.BytesIO, identities=()) -> ArchiveFlaw | None:
    try:
        Reader(kind(data), identities).prove()
    except ArchiveRefused as exc:
        return exc.flaw
    return None


@given(CHUNKS, HOSTILE, st.lists(HOSTILE), st.booleans())
@settings(max_examples=40)
def test_what_is_written_comes_back(chunks, name, kb_ids, sealed) -> None:
    data, ended = written(
        chunks, name="redis/" + name, kb_ids=kb_ids, recipients=TO if sealed else ()
    )
    for kind in (io.BytesIO, Pipe):
        reader = Reader(kind(data), [KEY])
        assert [content for _, content in reader.chunks()] == [content for _, content in chunks]
        assert reader.manifest == ended.manifest
        assert reader.head.encrypted is sealed
    assert ended.bytes == len(data)
    assert [part.bytes for part in ended.manifest.parts] == [
        sum(len(content) for which, content in chunks if which == each)
        for each in dict.fromkeys(which for which, _ in chunks)
    ]


def test_any_tar_program_lists_it_and_no_name_of_kato_is_in_the_clear() -> None:
    data, _ = written([("a", b"{}\n"), ("b", b"x")], name="redis/secret", recipients=TO)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == [
            "head.json", "000001.redis.jsonl.zst.age", "000002.clickhouse.native.zst.age",
            "manifest.json.zst.age", "trailer.json",
        ]  # fmt: skip
    assert b"secret" not in data


@given(st.data())
@settings(max_examples=150)
def test_a_byte_that_is_altered_anywhere_is_refused(data) -> None:
    whole, _ = written([("a", b"first" * 30), ("b", b"second")])
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(1, 255))
    altered = whole[:at] + bytes([whole[at] ^ other]) + whole[at + 1 :]
    assert refusal(altered) is not None
    assert refusal(altered, Pipe) is not None


@given(st.data())
@settings(max_examples=60)
def test_what_is_cut_or_goes_on_is_refused_before_a_chunk_is_given_out(data) -> None:
    whole, _ = written([("a", b"first" * 300), ("b", b"second")])
    at = data.draw(st.integers(0, len(whole) - 1))
    for wrong in (whole[:at], whole + whole[: at + 1]):
        with pytest.raises(ArchiveRefused) as told:
            Reader(io.BytesIO(wrong))
        assert told.value.flaw in {ArchiveFlaw.CUT, ArchiveFlaw.NOT_ONE, ArchiveFlaw.ALTERED}
        assert refusal(wrong, Pipe) is not None


def test_chunks_that_changed_places_are_refused() -> None:
    one, ended = written([("a", b"1"), ("a", b"2")])
    first, second = (one.index(f"00000{n}.redis".encode()) for n in (1, 2))
    size = second - first
    swapped = one[:first] + one[second : second + size] + one[first:second] + one[second + size :]
    assert refusal(swapped) is ArchiveFlaw.ALTERED
    assert refusal(swapped, Pipe) is ArchiveFlaw.ALTERED
    assert [chunk.number for chunk in ended.manifest.chunks] == [1, 2]


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"version": 2}, ArchiveFlaw.VERSION),
        ({"format": "another"}, ArchiveFlaw.NOT_ONE),
    ],
)
def test_another_version_and_another_format_are_refused(change, flaw) -> None:
    stream = io.BytesIO()
    archive = write(stream, replace(Head("id", AT, "1.0", encrypted=False), **change))
    archive.finish(Manifest("id", AT, AT, Target()))
    assert refusal(stream.getvalue()) is flaw


def test_what_is_no_archive_is_refused() -> None:
    for data in (b"", b"x", b"\0" * 4096, b"x" * 4096):
        assert refusal(data) is ArchiveFlaw.NOT_ONE


def test_without_its_identity_it_is_locked() -> None:
    data, _ = written([("a", b"1")], recipients=TO)
    other = identities_of(f"# made today\n{pyrage.x25519.Identity.generate()}\n".encode())
    assert refusal(data) is ArchiveFlaw.LOCKED
    assert refusal(data, identities=other) is ArchiveFlaw.LOCKED
    assert refusal(data, identities=identities_of(str(KEY).encode())) is None


def test_some_chunks_are_read_alone() -> None:
    data, _ = written([("a", b"1"), ("b", b"2"), ("a", b"3")])
    assert [content for _, content in Reader(io.BytesIO(data)).chunks({1, 3})] == [b"1", b"3"]


def test_a_chunk_is_bounded_whatever_it_unpacks_to(monkeypatch) -> None:
    monkeypatch.setattr("services.archive.container.CHUNK_BYTES", 99)
    written([("a", bytes(99))])
    with pytest.raises(ValueError, match="chunk"):
        written([("a", bytes(100))])
    monkeypatch.undo()
    bomb, _ = written([("a", bytes(100))])
    monkeypatch.setattr("services.archive.container.CHUNK_BYTES", 99)
    assert refusal(bomb) is ArchiveFlaw.ALTERED


def test_a_part_without_content_is_in_the_manifest() -> None:
    stream = io.BytesIO()
    archive = write(stream, Head("id", AT, "1.0", encrypted=False))
    empty = Part("qdrant/vectors", Format.JSON_LINES, description={"size": 3})
    archive.finish(Manifest("id", AT, AT, Target(), parts=(empty,)))
    assert Reader(io.BytesIO(stream.getvalue())).manifest.parts == (empty,)


@pytest.mark.parametrize("text", ["age1nonsense", "ssh-ed25519 nonsense", "hello"])
def test_a_recipient_that_is_none_is_named_by_its_number(text) -> None:
    with pytest.raises(ValueError, match="number 2"):
        recipients_of(f"{KEY.to_public()}, {text}")
    with pytest.raises(ValueError, match="no identities"):
        identities_of(text.encode())

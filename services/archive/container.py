"""The file of an archive: a plain tar of a head, chunks, a manifest and a trailer.

```
head.json                              clear text; nothing of the tenants'
000001.clickhouse.native.zst[.age]     chunks, by running number, store and format alone
000002.redis.jsonl.zst[.age]
manifest.json.zst[.age]                what is in it, with every chunk's hashes
trailer.json                           of a fixed size: where the manifest is, and its hash
```

Every byte is accounted for: what is cut or altered anywhere is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from services.archive.errors import ArchiveFlaw, ArchiveRefused
from services.archive.manifest import head_json, head_of, manifest_json, manifest_of
from services.archive.members import (
    AT_END,
    HEAD,
    TRAILER,
    TRAILER_BYTES,
    check,
    first_member,
    name_of,
    sha256,
    trailer_at,
    trailer_of,
)
from services.archive.models import CHUNK_BYTES, Chunk, Head, Manifest, Part
from services.archive.ports import Sink
from services.archive.seal import Identity, Recipient, open_sealed, seal
from services.archive.tar import END, member, read_member, room

_MOST_STORED = CHUNK_BYTES + CHUNK_BYTES // 4  # what does not compress grows a little
_MOST_MANIFEST = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the whole file's bytes and SHA-256, and the manifest as it stands in it."""

    bytes: int
    sha256: str
    manifest: Manifest


class Writer:
    """Writes one archive, member by member, to a stream that is never sought or read."""

    def __init__(self, stream: Sink, head: Head, recipients: Sequence[Recipient]) -> None:
        self._stream = stream
        self._recipients = recipients
        self._suffix = ".zst.age" if recipients else ".zst"
        self._parts: dict[str, Part] = {}
        self._chunks: list[Chunk] = []
        self._sha256 = hashlib.sha256()
        self.bytes = 0
        content = head_json(head)
        self._head_sha256 = sha256(content)
        self._put(HEAD, content)

    def add(self, part: Part, content: bytes, count: int) -> Chunk:
        """Write the next chunk of a part: `count` rows, keys or points in `content`.

        Raises ValueError for more than CHUNK_BYTES of content, and whatever the stream raises.
        """
        chunk, stored = sealed(part, content, count, self._recipients)
        return self.add_sealed(part, chunk, stored)

    def add_sealed(self, part: Part, chunk: Chunk, stored: bytes) -> Chunk:
        """Write a chunk that `sealed` made before, for the same recipients."""
        chunk = replace(chunk, number=len(self._chunks) + 1)
        self._put(name_of(chunk, part, self._suffix), stored)
        self._chunks.append(chunk)
        sums = self._parts.get(part.name, replace(part, count=0, bytes=0))
        self._parts[part.name] = replace(
            sums, count=sums.count + chunk.count, bytes=sums.bytes + chunk.bytes
        )
        return chunk

    def finish(self, manifest: Manifest) -> Written:
        """Write the manifest and what ends the file; returns it as it was written.

        Its parts are those that were added, with their sums, and those that it has itself: a part
        that is in both is described as the manifest has it. The chunks are those that were added.
        """
        described = {part.name: part for part in manifest.parts}
        parts = [
            replace(described.pop(name, part), count=part.count, bytes=part.bytes)
            for name, part in self._parts.items()
        ]
        empty = [replace(part, count=0, bytes=0) for part in described.values()]
        manifest = replace(
            manifest, parts=(*parts, *empty), chunks=tuple(self._chunks),
            head_sha256=self._head_sha256,
        )  # fmt: skip
        stored, at = seal(manifest_json(manifest), self._recipients), self.bytes
        self._put("manifest.json" + self._suffix, stored)
        self._put(TRAILER, trailer_at(at, stored))
        self._take(END)
        return Written(self.bytes, self._sha256.hexdigest(), manifest)

    def _put(self, name: str, content: bytes) -> None:
        self._take(member(name, content))

    def _take(self, data: bytes) -> None:
        self._stream.write(data)
        self._sha256.update(data)
        self.bytes += len(data)


def sealed(
    part: Part, content: bytes, count: int, recipients: Sequence[Recipient]
) -> tuple[Chunk, bytes]:
    """Return a chunk of a part, without its number, and its member's bytes. Raises ValueError."""
    if len(content) > CHUNK_BYTES:
        raise ValueError(f"a chunk of {len(content)} bytes")
    stored = seal(content, recipients)
    chunk = Chunk(
        number=0, part=part.name, count=count, bytes=len(content), sha256=sha256(content),
        stored_bytes=len(stored), stored_sha256=sha256(stored),
    )  # fmt: skip
    return chunk, stored


def write(stream: Sink, head: Head, recipients: Sequence[Recipient] = ()) -> Writer:
    """Begin an archive; `head.encrypted` says whether there are recipients."""
    return Writer(stream, replace(head, encrypted=bool(recipients)), recipients)


class Reader:
    """Reads one archive in one forward pass; a stream that can seek has its manifest read first.

    Raises ArchiveRefused for what is no archive, of another version, cut or altered, as soon as
    that shows: where the manifest is read first, no chunk is given out that is not as it was
    written, and a file that is cut gives none. Of a stream that cannot seek, each is only proven
    once `chunks` has ended, and its chunks have no part before.
    """

    def __init__(self, stream: BinaryIO, identities: Sequence[Identity] = ()) -> None:
        self._stream = stream
        name, content = first_member(stream)
        if name != HEAD:
            raise ArchiveRefused(ArchiveFlaw.NOT_ONE)
        self.head = head_of(content)
        self._head_sha256 = sha256(content)
        self._begins = room(len(content))
        self._identities = identities if self.head.encrypted else None
        self._suffix = ".zst.age" if self.head.encrypted else ".zst"
        self._parts: Mapping[str, Part] = {}
        self._manifest = self._find_manifest() if stream.seekable() else None

    @property
    def manifest(self) -> Manifest:
        """What the archive holds. Of a stream that cannot seek, only after `chunks` has ended."""
        if self._manifest is None:
            raise ValueError("the manifest is not read yet")
        return self._manifest

    def chunks(self, wanted: Collection[int] | None = None) -> Iterator[tuple[Chunk, bytes]]:
        """Yield every chunk, or those of some numbers, in order, with its content.

        Those of some numbers take a stream that can seek; only all of them prove the file.
        """
        if self._manifest is None:
            yield from self._unproven()
            return
        at = self._begins
        self._stream.seek(at)
        for chunk in self._manifest.chunks:
            size = room(chunk.stored_bytes)
            if wanted is None or chunk.number in wanted:
                yield chunk, self._content(chunk, *read_member(self._stream, most=_MOST_STORED))
            else:
                self._stream.seek(at + size)
            at += size

    def prove(self) -> Manifest:
        """Read everything, and return the manifest of what is proven to be as it was written."""
        for _ in self.chunks():
            pass
        return self.manifest

    # --- with the manifest first ------------------------------------------------------------------

    def _find_manifest(self) -> Manifest:
        size = self._stream.seek(0, 2)
        if size < self._begins + AT_END:
            raise ArchiveRefused(ArchiveFlaw.CUT)
        self._stream.seek(size - AT_END)
        at, trailer = trailer_of(self._stream)
        if not self._begins <= at < size - AT_END:
            raise ArchiveRefused(ArchiveFlaw.ALTERED, TRAILER)
        self._stream.seek(at)
        name, stored = read_member(self._stream, most=_MOST_MANIFEST)
        if at + room(len(stored)) != size - AT_END:
            raise ArchiveRefused(ArchiveFlaw.ALTERED, TRAILER)
        manifest = self._opened(name, stored, at, trailer)
        rooms = sum(room(chunk.stored_bytes) for chunk in manifest.chunks)
        if self._begins + rooms != at:
            raise ArchiveRefused(ArchiveFlaw.ALTERED, "manifest")
        return manifest

    def _opened(self, name: str, stored: bytes, at: int, trailer: bytes) -> Manifest:
        """Return the manifest of its member, once that and its trailer are seen to be right."""
        if name != "manifest.json" + self._suffix or trailer != trailer_at(at, stored):
            raise ArchiveRefused(ArchiveFlaw.ALTERED, "manifest")
        text = open_sealed(stored, self._identities, most=_MOST_MANIFEST, where="manifest")
        manifest = manifest_of(text)
        check(manifest, self.head, self._head_sha256)
        self._parts = {part.name: part for part in manifest.parts}
        return manifest

    def _content(self, chunk: Chunk, name: str, stored: bytes) -> bytes:
        """Return a chunk's content, once every hash and its name are seen to be right."""
        if name != name_of(chunk, self._parts[chunk.part], self._suffix):
            raise ArchiveRefused(ArchiveFlaw.ALTERED, f"chunk {chunk.number}")
        return self._unsealed(chunk, stored)

    def _unsealed(self, chunk: Chunk, stored: bytes) -> bytes:
        where = f"chunk {chunk.number}"
        if (len(stored), sha256(stored)) != (chunk.stored_bytes, chunk.stored_sha256):
            raise ArchiveRefused(ArchiveFlaw.ALTERED, where)
        content = open_sealed(stored, self._identities, most=CHUNK_BYTES, where=where)
        if (len(content), sha256(content)) != (chunk.bytes, chunk.sha256):
            raise ArchiveRefused(ArchiveFlaw.ALTERED, where)
        return content

    # --- in one forward pass ----------------------------------------------------------------------

    def _unproven(self) -> Iterator[tuple[Chunk, bytes]]:
        """Yield chunks as they come, and check them all against the manifest that follows."""
        found: list[tuple[str, Chunk]] = []
        at = self._begins
        while True:
            name, stored = read_member(self._stream, most=_MOST_MANIFEST)
            if not name[:1].isdigit():
                break
            number, where = len(found) + 1, f"chunk {len(found) + 1}"
            content = open_sealed(stored, self._identities, most=CHUNK_BYTES, where=where)
            chunk = Chunk(number, "", 0, len(content), sha256(content), len(stored), sha256(stored))
            found.append((name, chunk))
            at += room(len(stored))
            yield chunk, content
        end, trailer = read_member(self._stream, most=TRAILER_BYTES)
        if end != TRAILER or read_member(self._stream, most=0)[0]:
            raise ArchiveRefused(ArchiveFlaw.ALTERED, TRAILER)
        manifest = self._opened(name, stored, at, trailer)
        self._compare(manifest, found)
        self._manifest = manifest

    def _compare(self, manifest: Manifest, found: Sequence[tuple[str, Chunk]]) -> None:
        wanted = [
            (
                name_of(chunk, self._parts[chunk.part], self._suffix),
                replace(chunk, part="", count=0),
            )
            for chunk in manifest.chunks
        ]
        if wanted != list(found):
            raise ArchiveRefused(ArchiveFlaw.ALTERED, "manifest")

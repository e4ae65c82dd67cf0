"""An archive's members besides what is in its chunks: names, the trailer, what must agree."""

from __future__ import annotations

import hashlib
import json
from typing import BinaryIO

from services.archive.errors import ArchiveFlaw, ArchiveRefused
from services.archive.models import Chunk, Head, Manifest, Part
from services.archive.tar import END, read_member, room

HEAD, TRAILER = "head.json", "trailer.json"
TRAILER_BYTES = 512
AT_END = room(TRAILER_BYTES) + len(END)
"""So many bytes the trailer and the end of the tar take."""

_MOST_HEAD = 64 * 1024


def check(manifest: Manifest, head: Head, head_sha256: str) -> None:
    """See that a manifest is of this head, and that its sums are those of its chunks."""
    numbers = [chunk.number for chunk in manifest.chunks]
    sums = {part.name: [0, 0] for part in manifest.parts}
    known = all(chunk.part in sums for chunk in manifest.chunks)
    if known:
        for chunk in manifest.chunks:
            sums[chunk.part][0] += chunk.count
            sums[chunk.part][1] += chunk.bytes
    if (
        not known
        or numbers != list(range(1, len(numbers) + 1))
        or (manifest.archive_id, manifest.head_sha256) != (head.archive_id, head_sha256)
        or any(sums[part.name] != [part.count, part.bytes] for part in manifest.parts)
        or len(sums) != len(manifest.parts)
    ):
        raise ArchiveRefused(ArchiveFlaw.ALTERED, "manifest")


def trailer_at(at: int, stored: bytes) -> bytes:
    """Say where the manifest's member begins, in bytes from the start, and what its hash is."""
    found = {"manifest_at": at, "manifest_sha256": sha256(stored)}
    return json.dumps(found).encode("ascii").ljust(TRAILER_BYTES - 1) + b"\n"


def trailer_of(stream: BinaryIO) -> tuple[int, bytes]:
    """Return where the manifest is, and the trailer's content as it stands."""
    try:
        name, content = read_member(stream, most=TRAILER_BYTES)
        at = json.loads(content)["manifest_at"] if name == TRAILER else None
        ended = not read_member(stream, most=0)[0]
    except (ArchiveRefused, ValueError, LookupError, TypeError):
        raise ArchiveRefused(ArchiveFlaw.CUT) from None
    if not isinstance(at, int) or not ended:
        raise ArchiveRefused(ArchiveFlaw.CUT)
    return at, content


def name_of(chunk: Chunk, part: Part, suffix: str) -> str:
    """Name a chunk's member, by nothing that KATO or its clients named."""
    return f"{chunk.number:06d}.{part.store}.{part.format}{suffix}"


def sha256(data: bytes) -> str:
    """Return SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def first_member(stream: BinaryIO) -> tuple[str, bytes]:
    """Read the first member; what is no tar of ours at all is no archive."""
    try:
        return read_member(stream, most=_MOST_HEAD)
    except ArchiveRefused:
        raise ArchiveRefused(ArchiveFlaw.NOT_ONE) from None

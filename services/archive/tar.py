"""Members of a plain tar, written and read in exactly one form, so that no byte is unaccounted for.

Any tar program lists and unpacks them. Everything else that tar allows is refused when read.
"""

from __future__ import annotations

import tarfile
from typing import BinaryIO

from services.archive.errors import ArchiveFlaw, ArchiveRefused

BLOCK = tarfile.BLOCKSIZE
"""Headers and contents are padded to this."""

END = b"\0" * (2 * BLOCK)
"""What stands after the last member."""


def member(name: str, content: bytes) -> bytes:
    """Write one member: its header, its content, its padding."""
    return b"".join((_header(name, len(content)), content, b"\0" * _padding(len(content))))


def room(size: int) -> int:
    """Return how many bytes a member takes whose content has `size` bytes."""
    return BLOCK + size + _padding(size)


def read_member(stream: BinaryIO, *, most: int) -> tuple[str, bytes]:
    """Read the next member: its name and content. An empty name is the end of the archive.

    Raises ArchiveRefused: CUT where the stream ends, ALTERED for what `member` would not write,
    or a content of more than `most` bytes, which is not read.
    """
    header = _exactly(stream, BLOCK)
    if header == END[:BLOCK]:
        if _exactly(stream, BLOCK) != header or stream.read(1):
            raise ArchiveRefused(ArchiveFlaw.ALTERED, "end")
        return "", b""
    try:
        info = tarfile.TarInfo.frombuf(header, "ascii", "strict")
        same = header == _header(info.name, info.size)
    except (tarfile.HeaderError, ValueError):
        raise ArchiveRefused(ArchiveFlaw.ALTERED, "tar header") from None
    if not same or info.size > most:
        raise ArchiveRefused(ArchiveFlaw.ALTERED, "tar header")
    content = _exactly(stream, info.size)
    if any(_exactly(stream, _padding(info.size))):
        raise ArchiveRefused(ArchiveFlaw.ALTERED, info.name)
    return info.name, content


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


def _padding(size: int) -> int:
    return -size % BLOCK


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes, however few come at a time."""
    found = stream.read(size)
    if len(found) == size:
        return found
    pieces = [found]
    while found and (missing := size - sum(map(len, pieces))):
        found = stream.read(missing)
        pieces.append(found)
    if sum(map(len, pieces)) != size:
        raise ArchiveRefused(ArchiveFlaw.CUT)
    return b"".join(pieces)

"""Sessions that an archive ended, taken over by the next one for the same job.

A job that ends sessions may take another archive since the stores were written to meanwhile. By
then those sessions are in the first alone, and the last is the one that is written elsewhere, or
brought back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from services.archive.container import Reader
from services.archive.errors import ArchiveError
from services.archive.formats import Lines, key_line, key_of, lines_of
from services.archive.models import Part, Piece, State
from services.archive.tools import Tools


@dataclass(frozen=True, slots=True)
class Ended:
    """The sessions of an archive that is open: its part, and its lines, which are read once."""

    part: Part
    lines: Iterable[bytes]


def ended_before(tools: Tools, archive_id: str, stack: ExitStack) -> Ended | None:
    """Open the sessions of an archive for as long as `stack` is; None where none is named.

    Raises ArchiveError where that is not there as it was written: nothing else has them.
    """
    if not archive_id:
        return None
    archive = tools.book.get(archive_id)
    if archive is None or archive.state is not State.PROVEN:
        told = archive_id if archive is None else f"{archive.name} ({archive.state.value})"
        raise ArchiveError(f"the archive {told} alone has the sessions that were ended before")
    stream = stack.enter_context(tools.place(archive.place).reading(archive.name))
    reader = Reader(stream, tools.identities())
    parts = (part for part in reader.manifest.parts if part.name == "redis/sessions")
    part = next(parts, None)
    if part is None:
        return None
    wanted = {each.number for each in reader.manifest.chunks if each.part == part.name}
    found = (content for _, content in reader.chunks(wanted))
    return Ended(part, (line for content in found for line in lines_of(content)))


def with_earlier(pieces: Iterable[Piece], earlier: Ended) -> Iterator[Piece]:
    """Yield what is there now, and of what was ended before that which is not there again."""
    packing, there, part = Lines(earlier.part), set[bytes](), earlier.part
    for piece in pieces:
        part = piece.part
        for line in lines_of(piece.content):
            there.add(key_of(line).key)
            yield from _added(packing, line)
    for line in earlier.lines:
        if key_of(line).key not in there:
            yield from _added(packing, line)
    ids = {*part.description.get("index", ()), *earlier.part.description.get("index", ())}
    yield from packing.end(replace(part, description={**part.description, "index": sorted(ids)}))


def _added(packing: Lines, line: bytes) -> tuple[Piece, ...]:
    key = key_of(line)
    return packing.add(line + b"\n", lasting=key_line(key)[1], count=0 if key.continues else 1)

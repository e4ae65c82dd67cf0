"""Reading everything that an archive takes, and writing it as one file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO

from services.archive.container import Writer, Written, sealed, write
from services.archive.ended_before import Ended, with_earlier
from services.archive.errors import ArchiveError
from services.archive.models import (
    Archive,
    Change,
    Chunk,
    Format,
    Head,
    Manifest,
    Part,
    Piece,
    Print,
)
from services.archive.plan import changed_since
from services.archive.ports import Sink
from services.archive.tools import Planned, Tools
from services.errors import SessionGone, StoreNotConfigured, StoreRejected
from services.figures import Measure
from services.jobs.models import Progress
from services.jobs.ports import Said
from services.jobs.run import Stopped, Stops
from services.purge.target import wanting

_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Aside:
    """Chunks that were read before sessions were ended: their parts, and where they are kept.

    The members' bytes stand one after the other in a file of their own.
    """

    part: Part
    chunks: tuple[Chunk, ...]


@dataclass
class Taking:
    """One run's reading. `stops` is asked between chunks whether somebody wants it to end."""

    tools: Tools
    planned: Planned
    archive: Archive
    said: Said
    stops: Stops
    _parts: dict[str, Part] = field(default_factory=dict)
    _seen: dict[str, Print] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Work each node_id out once."""
        self._wants = wanting(self.planned.plan.request, self.planned.ownership)

    # --- sessions ---

    def put_aside(self, sink: Sink, earlier: Ended | None = None) -> Aside:
        """Write the sessions' chunks alone, sealed as they will be in the archive.

        Those that were ended `earlier` are among them, unless they are there again.
        """
        part, chunks = Part("redis/sessions", Format.JSON_LINES), list[Chunk]()
        recipients = self.tools.recipients()
        with suppress(StoreNotConfigured):
            found = self._sessions()
            for piece in found if earlier is None else with_earlier(found, earlier):
                part = replace(piece.part, fingerprint=piece.fingerprint)
                if piece.content:
                    chunk, stored = sealed(piece.part, piece.content, piece.count, recipients)
                    sink.write(stored)
                    chunks.append(chunk)
        return Aside(part, tuple(chunks))

    def end_sessions(self) -> int:
        """End the sessions through KATO, and their records in Redis, as a purge does first.

        Returns how many there were.
        """
        surface, survey = self.planned.plan.surface, self.planned.survey
        found: Sequence[str] = ()
        with suppress(StoreNotConfigured):
            keys = self.tools.erasers.keys
            found = tuple(keys.sessions(surface, self._wants, survey))
            for number, session in enumerate(found, start=1):
                with suppress(SessionGone, StoreRejected, StoreNotConfigured):
                    self.tools.kato.delete(session)
                self.said(Progress("sessions ended", number, len(found)))
            keys.erase_sessions(surface, self._wants, survey)
        return len(found)

    # --- everything ---

    def write(self, sink: Sink, aside: tuple[Aside, BinaryIO] | None = None) -> Written:
        """Write the whole archive; `aside` are the sessions that were ended, and their bytes."""
        recipients = self.tools.recipients()
        head = Head(self.archive.id, self.archive.created_at, self.tools.product, bool(recipients))
        writer = write(sink, head, recipients)
        started = self.tools.now()
        if aside is None:
            self._put(writer, self._sessions())
        else:
            self._put_sealed(writer, *aside)
        with suppress(StoreNotConfigured):
            self.tools.erasers.patterns.flush()
        surface = self.planned.plan.surface
        for pieces in (
            self.tools.keys.keys(surface, self._wants, self.planned.survey),
            self.tools.patterns.read(surface),
            self.tools.vectors.read(surface),
            self.tools.own(self.planned),
        ):
            self._put(writer, pieces)
        return writer.finish(self._manifest(started, quiesced=aside is not None))

    def _sessions(self) -> Iterator[Piece]:
        surface = self.planned.plan.surface
        return self.tools.keys.sessions(surface, self._wants, self.planned.survey)

    def _put(self, writer: Writer, pieces: Iterator[Piece]) -> None:
        with suppress(StoreNotConfigured):
            for piece in pieces:
                if self.stops():
                    raise Stopped
                self._note(piece)
                if piece.content:
                    writer.add(piece.part, piece.content, piece.count)
                    self.said(Progress(f"{piece.part.store}: {writer.bytes:,} bytes written"))

    def _note(self, piece: Piece) -> None:
        name, before = piece.part.name, self._seen.get(piece.part.name)
        count = piece.count + (before.count if before else 0)
        self._seen[name] = Print(count, piece.fingerprint, piece.state)
        self._parts[name] = replace(piece.part, fingerprint=piece.fingerprint)

    def _put_sealed(self, writer: Writer, aside: Aside, stream: BinaryIO) -> None:
        self._parts[aside.part.name] = aside.part
        for chunk in aside.chunks:
            stored = stream.read(chunk.stored_bytes)
            if hashlib.sha256(stored).hexdigest() != chunk.stored_sha256:
                raise ArchiveError("the sessions that were put aside are not as they were written")
            writer.add_sealed(aside.part, chunk, stored)

    def _manifest(self, started: datetime, *, quiesced: bool) -> Manifest:
        plan = self.planned.plan
        surface = plan.surface
        return Manifest(
            archive_id=self.archive.id, started_at=started, ended_at=self.tools.now(),
            target=plan.request.target, kb_ids=tuple(sorted(surface.kb_ids)),
            node_ids=tuple(sorted(surface.nodes)), tenant_ids=tuple(sorted(surface.tenant_ids)),
            collections=tuple(sorted(surface.collections)), parts=tuple(self._parts.values()),
            versions=self.tools.versions(), left_out=plan.left_out, taken=plan.taken,
            disclosed=(*plan.disclosed, *plan.blockers), quiesced=quiesced,
            changes=(*changed_since(self.tools, self.planned, quiesced=quiesced),
                     *self._rewritten()),
            absent=plan.absent,
        )  # fmt: skip

    def _rewritten(self) -> Iterator[Change]:
        """Yield the tables whose rows are others now than those that were read."""
        with suppress(StoreNotConfigured):
            found = self.tools.patterns.prints(self.planned.plan.surface, self._seen)
            for name, now in found.items():
                part = self._parts.get(name)
                if part is None or part.fingerprint != now.fingerprint:
                    yield Change(Measure.PATTERNS, "", name, None, now.count)


def hashed(stream: BinaryIO) -> tuple[int, str]:
    """Return how many bytes a stream has from here on, and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    while data := stream.read(_READ_BYTES):
        digest.update(data)
        size += len(data)
    return size, digest.hexdigest()

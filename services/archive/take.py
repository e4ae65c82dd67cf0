"""Taking one archive: read, written, read back, and only then given its name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO

from services.archive.container import Writer, Written, write
from services.archive.models import Archive, Change, Head, Manifest, Part, Piece, State
from services.archive.plan import changed_since, check
from services.archive.ports import Place, Sink
from services.archive.tools import Planned, Tools
from services.errors import (
    ArchiveError,
    KatoTenantsError,
    SessionGone,
    StoreNotConfigured,
    StoreRejected,
)
from services.figures import Measure
from services.jobs.models import Progress
from services.purge.models import
from services.jobs.ports import Said
from services.purge.target import wanting

_READ_BYTES = 1024 * 1024


@dataclass
class Taking:
    """One run. `archive` is what the records know of it; `quiesce` ends the sessions first.

    `stops` is asked between chunks whether somebody wants it to end.
    """

    tools: Tools
    planned: Planned
    archive: Archive
    quiesce: bool
    said: Said
    stops: Callable[[], bool] = lambda: False
    _parts: dict[str, Part] = field(default_factory=dict)

    def run(self) -> Archive:
        """Take it from the start, whatever an earlier run left; returns it proven.

        Raises what it fails for; nothing is kept then, and the records say why.
        """
        check(self.planned.plan)
        place = self.tools.place(self.archive.place)
        try:
            written = self._written(place)
            self._prove(place, written)
            place.keep(self.archive.name, size=written.bytes)
        except BaseException as exc:
            place.discard(self.archive.name)
            problem = str(exc) if isinstance(exc, KatoTenantsError) else type(exc).__name__
            self._keep(state=State.FAILED, problem=problem, ended_at=self.tools.now())
            raise
        return self._ended(written)

    # --- writing ---

    def _written(self, place: Place) -> Written:
        with place.writing(self.archive.name) as sink:
            return self._write(sink)

    def _write(self, sink: Sink) -> Written:
        recipients = self.tools.recipients()
        head = Head(self.archive.id, self.archive.created_at, self.tools.product, bool(recipients))
        writer = write(sink, head, recipients)
        started = self.tools.now()
        self._put(writer, self._sessions())
        if self.quiesce:
            self._end_sessions()
        with suppress(StoreNotConfigured):
            self.tools.erasers.patterns.flush()
        for pieces in (self._keys(), self._rows(), self._points(), self.tools.own(self.planned)):
            self._put(writer, pieces)
        return writer.finish(self._manifest(started))

    def _put(self, writer: Writer, pieces: Iterator[Piece]) -> None:
        with suppress(StoreNotConfigured):
            for piece in pieces:
                if self.stops():
                    raise ArchiveError("it was stopped")
                self._parts[piece.part.name] = replace(piece.part, fingerprint=piece.fingerprint)
                if piece.content:
                    writer.add(piece.part, piece.content, piece.count)
                    self.said(Progress(f"{piece.part.name}: {writer.bytes:,} bytes written"))

    def _sessions(self) -> Iterator[Piece]:
        plan = self.planned.plan
        return self.tools.keys.sessions(plan.surface, self._wants, self.planned.survey)

    def _keys(self) -> Iterator[Piece]:
        plan = self.planned.plan
        return self.tools.keys.keys(plan.surface, self._wants, self.planned.survey)

    def _rows(self) -> Iterator[Piece]:
        return self.tools.patterns.read(self.planned.plan.surface)

    def _points(self) -> Iterator[Piece]:
        return self.tools.vectors.read(self.planned.plan.surface)

    def __post_init__(self) -> None:
        """Work each node_id out once."""
        self._wants = wanting(self.planned.plan.request, self.planned.ownership)

    # --- sessions ---

    def _end_sessions(self) -> None:
        """End the sessions through KATO, and their records in Redis, as a purge does first."""
        surface, survey = self.planned.plan.surface, self.planned.survey
        with suppress(StoreNotConfigured):
            keys = self.tools.erasers.keys
            found = keys.sessions(surface, self._wants, survey)
            for number, session in enumerate(found, start=1):
                with suppress(SessionGone, StoreRejected, StoreNotConfigured):
                    self.tools.kato.delete(session)
                self.said(Progress("sessions ended", number, len(found)))
            keys.erase_sessions(surface, self._wants, survey)

    # --- the end ---

    def _manifest(self, started: datetime) -> Manifest:
        plan = self.planned.plan
        surface = plan.surface
        return Manifest(
            archive_id=self.archive.id, started_at=started, ended_at=self.tools.now(),
            target=plan.request.target, kb_ids=tuple(sorted(surface.kb_ids)),
            node_ids=tuple(sorted(surface.nodes)), tenant_ids=tuple(sorted(surface.tenant_ids)),
            collections=tuple(sorted(surface.collections)), parts=tuple(self._parts.values()),
            versions=self.tools.versions(), left_out=plan.left_out, taken=plan.taken,
            disclosed=(*plan.disclosed, *plan.blockers), quiesced=self.quiesce,
            changes=(*changed_since(self.tools, self.planned, quiesced=self.quiesce),
                     *self._rewritten()),
            absent=plan.absent,
        )  # fmt: skip

    def _rewritten(self) -> Iterator[Change]:
        """Yield the tables whose rows are others now than those that were read."""
        with suppress(StoreNotConfigured):
            for name, print_ in self.tools.patterns.prints(self.planned.plan.surface).items():
                part = self._parts.get(name)
                if part is None or part.fingerprint != print_.fingerprint:
                    yield Change(Measure.PATTERNS, "", name, None, print_.count)

    def _prove(self, place: Place, written: Written) -> None:
        """Read the file back, and compare it with what was written, byte for byte by its hash."""
        self.said(Progress("reading it back"))
        with place.reading(self.archive.name, unfinished=True) as stream:
            size, digest = hashed(stream)
        if (size, digest) != (written.bytes, written.sha256):
            raise ArchiveError(
                f"what was read back ({size:,} bytes) is not what was written "
                f"({written.bytes:,} bytes)"
            )

    def _ended(self, written: Written) -> Archive:
        now, manifest = self.tools.now(), written.manifest
        return self._keep(
            state=State.PROVEN, ended_at=now, proven_at=now, bytes=written.bytes,
            sha256=written.sha256, counts={part.name: part.count for part in manifest.parts},
            encrypted=bool(self.tools.recipients()), quiesced=manifest.quiesced, problem="",
            changes=len(manifest.changes), left_out=len(manifest.left_out),
        )  # fmt: skip

    def _keep(self, **what: object) -> Archive:
        self.archive = replace(self.archive, **what)  # type: ignore[arg-type] # each is a field
        self.tools.book.put(self.archive)
        return self.archive


def hashed(stream: BinaryIO) -> tuple[int, str]:
    """Return how many bytes a stream has from here on, and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    while data := stream.read(_READ_BYTES):
        digest.update(data)
        size += len(data)
    return size, digest.hexdigest()

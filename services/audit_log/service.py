"""The audit log: an action is noted before it happens, and how it ended; and whose may be read."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.access.viewer import Outcome, TenantPattern, Viewer
from services.audit_log.anchor import Anchorer
from services.audit_log.models import (
    DIGEST_LIMIT,
    Entry,
    Event,
    LogFilter,
    Verification,
    cut,
    reason_with,
)
from services.errors import KatoTenantsError, LogError, NamingError
from services.made_once import made_once
from services.tenancy.kb_ids import TenantKey

if TYPE_CHECKING:
    from services.audit_log.ports import LogBookStore, ReadAnchors
    from services.audit_log.verify import Verifier, VerifyState

PAGE = 50

logger = logging.getLogger(__name__)

Tenants = Collection[TenantKey]


class Logbook:
    """Writes and reads the log. Every method raises StoreError when the records do not answer."""

    def __init__(
        self, store: LogBookStore, anchorer: Anchorer, *, anchors: ReadAnchors | None = None
    ) -> None:
        self._store, self.anchoring, self._anchors = store, anchorer, anchors
        self._begun: dict[str, Event] = {}
        self._turn = threading.Lock()

    def start(self) -> None:
        """Begin to anchor."""
        self.anchoring.start()

    def close(self) -> None:
        """Anchor a last time."""
        if "_verifier" in vars(self):
            self._verifier.close()
        self.anchoring.close()

    def begin(
        self, viewer: Viewer, action: str, *, tenants: Tenants = (), target: str = "",
        digest: str = "", reason: str = "",
    ) -> str:  # fmt: skip
        """Note that an action begins and why, and return its request id.

        Raises StoreError when it cannot be noted: then the action must not happen.
        """
        event = _event(viewer, action, tenants, target, Outcome.BEGUN, digest=digest, reason=reason)
        self._append(event)
        with self._turn:
            self._begun[event.request_id] = event
        return event.request_id

    def end(
        self, request_id: str, outcome: Outcome = Outcome.DONE, *, reason: str = "",
        digest: str = "",
    ) -> None:  # fmt: skip
        """Note how an action ended, in whichever process it began; once, however often said.

        Why it was done stands before why it failed, each with room in the entry. What was refused
        was not done: of it only the refusal is said, which a confined viewer is told too. Raises
        LogError for one that never began.
        """
        with self._turn:
            begun = self._begun.pop(request_id, None)
        begun = begun or self._unended(request_id)
        if begun is None:
            return
        self._append(replace(
            begun, at=datetime.now(UTC), outcome=outcome,
            reason=reason_with("" if outcome is Outcome.REFUSED else begun.reason, reason),
            digest=cut(digest, DIGEST_LIMIT) or begun.digest,
        ))  # fmt: skip

    def refused(
        self, viewer: Viewer, action: str, *, tenants: Tenants = (), target: str = "",
        reason: str,
    ) -> None:  # fmt: skip
        """Note that somebody was refused an action."""
        self._append(_event(viewer, action, tenants, target, Outcome.REFUSED, reason=reason))

    def note(
        self, viewer: Viewer, action: str, *, tenants: Tenants = (), target: str = "",
        outcome: Outcome = Outcome.DONE, reason: str = "", digest: str = "",
    ) -> str:  # fmt: skip
        """Note something in one entry, and return its request id.

        What reads is noted so before it reads; raises StoreError when it cannot be: then it
        must not.
        """
        event = _event(viewer, action, tenants, target, outcome, reason=reason, digest=digest)
        self._append(event)
        return event.request_id

    def note_once(
        self, viewer: Viewer, action: str, *, request_id: str, tenants: Tenants = (),
        target: str = "", outcome: Outcome = Outcome.DONE, reason: str = "", digest: str = "",
    ) -> bool:  # fmt: skip
        """Note something under a request id that is its own; False where that was noted before.

        Whichever process did: of two that note it at once, one does.
        """
        event = _event(
            viewer, action, tenants, target, outcome, reason=reason, digest=digest,
            request_id=request_id,
        )  # fmt: skip
        if self._store.append_once(event) is None:
            return False
        self.anchoring.moved()
        return True

    def page(
        self, wanted: LogFilter = LogFilter(), *, before: int | None = None, limit: int = PAGE,  # noqa: B008  frozen
    ) -> tuple[Entry, ...]:  # fmt: skip
        """Return the newest entries that pass, of those before a number, the newest first."""
        found: list[Entry] = []
        while len(found) < limit:
            some = self._store.page(wanted, before=before, limit=limit)
            found += (entry for entry in some if in_scope(entry, wanted.scope))
            if len(some) < limit:
                break
            before = some[-1].number
        return tuple(found[:limit])

    def ends(self, entries: Sequence[Entry]) -> Mapping[str, Outcome]:
        """Return how actions ended that began, by request id; one that has not is left out."""
        begun = {e.event.request_id for e in entries if e.event.outcome is Outcome.BEGUN}
        return self._store.ends(sorted(begun))

    def export(self, wanted: LogFilter = LogFilter()) -> Iterator[Entry]:  # noqa: B008  frozen
        """Yield every entry that passes, the oldest first; read in batches as it goes."""
        return entries_in(self._store, wanted)

    def people(self) -> tuple[str, ...]:
        """Return who is in the log."""
        return self._store.people()

    def verify(self, anchors_text: str | None = None) -> Verification:
        """Verify the whole log, with the anchors in a text, or else those of the anchor file.

        Those of this process count too. Raises LogError for anchors that cannot be read.
        """
        return self._verifier.verify(anchors_text)

    def start_verifying(self, anchors_text: str | None = None) -> None:
        """Verify in a thread; `verifying` tells how it goes. One at a time."""
        self._verifier.start(anchors_text)

    @property
    def verifying(self) -> VerifyState:
        """What verifying in the background does and came to."""
        return self._verifier.state

    @made_once
    def _verifier(self) -> Verifier:
        """What verifies; few processes ever do."""
        from services.audit_log.verify import Verifier  # noqa: PLC0415  for those alone

        return Verifier(self._store, self.anchoring, self._anchors)

    def _append(self, event: Event) -> None:
        self._store.append(event)
        self.anchoring.moved()

    def _unended(self, request_id: str) -> Event | None:
        """Return how an action of another process began; None when it has ended."""
        entries = self._store.of_request(request_id)
        if not entries:
            raise LogError(f"no action with the request id {request_id!r} began")
        ended = any(entry.event.outcome is not Outcome.BEGUN for entry in entries)
        return None if ended else entries[0].event


def _event(
    viewer: Viewer, action: str, tenants: Tenants, target: str, outcome: Outcome, *,
    reason: str = "", digest: str = "", request_id: str = "",
) -> Event:  # fmt: skip
    return Event.of(
        at=datetime.now(UTC), who=viewer.id, role=viewer.role.value, action=str(action),
        tenants=map(_named, tenants), target=target, outcome=outcome, reason=reason,
        request_id=request_id or secrets.token_hex(8), digest=digest,
    )  # fmt: skip


def _named(tenant: TenantKey) -> str:
    """Write a tenant; where somebody is meant who was never seen, every one of that kind."""
    return str(tenant if tenant.id else TenantKey(tenant.kind, "*"))


def entries_in(store: LogBookStore, wanted: LogFilter) -> Iterator[Entry]:
    """Yield every entry that passes, the oldest first."""
    number = 0
    while entries := store.after(wanted, number=number):
        yield from (entry for entry in entries if in_scope(entry, wanted.scope))
        number = entries[-1].number


def in_scope(entry: Entry, scope: frozenset[TenantPattern] | None) -> bool:
    """Whether an entry concerns tenants of a scope and nobody else."""
    if scope is None or TenantPattern("*", "*") in scope:
        return True
    tenants = entry.event.tenants
    return bool(tenants) and all(_covered(tenant, scope) for tenant in tenants)


def _covered(name: str, scope: frozenset[TenantPattern]) -> bool:
    try:
        tenant = TenantKey.parse(name)
    except NamingError:
        return False
    return any(pattern.covers(tenant) for pattern in scope)


@contextmanager
def warning(of: str) -> Iterator[None]:
    """Warn of what could not be done now: it is done later, or what has ended has ended anyway."""
    try:
        yield
    except KatoTenantsError as exc:
        logger.warning("%s: %s", of, exc)

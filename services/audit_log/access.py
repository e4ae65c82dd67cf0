"""The audit log, as one viewer may read, export and verify it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from services.access.gate import Doing, Gate
from services.access.holders import Holders
from services.access.viewer import Action, Outcome, Viewer
from services.audit_log.anchor import AnchorState
from services.audit_log.confined import confined_entry, confined_filter, still_found
from services.audit_log.models import Entry, LogFilter, MissingEnd, Verification
from services.audit_log.service import PAGE, Logbook, in_scope
from services.audit_log.verify import VerifyState
from services.errors import NamingError
from services.tenancy.kb_ids import TenantKey

_PEOPLE_FROM = 1_000  # entries that tell a confined viewer who is in the log


@dataclass(frozen=True, slots=True)
class LogPage:
    """Entries, the newest first; `older` is what to ask for as `before` to go on, None at the end.

    It is a place in the log: not to be shown to who does not see all.
    """

    entries: tuple[Entry, ...]
    older: int | None = None


class DeskLog:
    """Entries of which every tenant is in scope; how long the log is, only for who sees all."""

    def __init__(
        self, gate: Gate, inner: Logbook, *,
        missing: Callable[[], Iterable[tuple[MissingEnd, Holders]]],
    ) -> None:  # fmt: skip
        self._gate, self._inner, self._missing = gate, inner, missing

    def page(
        self, wanted: LogFilter = LogFilter(), *, before: int | None = None, limit: int = PAGE,  # noqa: B008  frozen
    ) -> LogPage:  # fmt: skip
        """Return the newest entries that pass, of those before a place.

        Those of a confined viewer have no number and no hash. Raises AccessDenied, StoreError.
        """
        viewer = self._gate.allow(Action.SEE_LOG)
        found = self._newest(wanted, viewer, before, limit + 1)
        shown = tuple(confined_entry(entry, viewer) for entry in found[:limit])
        return LogPage(shown, found[limit - 1].number if len(found) > limit else None)

    def ends(self, entries: Sequence[Entry]) -> Mapping[str, Outcome]:
        """Return how the actions of a page's entries ended, by request id."""
        viewer = self._gate.allow(Action.SEE_LOG)
        scope = None if viewer.sees_all else viewer.scope
        return self._inner.ends([entry for entry in entries if in_scope(entry, scope)])

    def missing_ends(self) -> tuple[MissingEnd, ...]:
        """Return the purges in scope that ended and whose end the log has not, the oldest first.

        Whoever starts a dashboard next, and is not read-only, adds them.
        """
        viewer = self._gate.allow(Action.SEE_LOG)
        return tuple(end for end, holders in self._missing() if viewer.sees_each(holders))

    def people(self) -> tuple[str, ...]:
        """Return who is in the log; a confined viewer, who did something to tenants in scope."""
        viewer = self._gate.allow(Action.SEE_LOG)
        if viewer.sees_all:
            return self._inner.people()
        newest = self._newest(LogFilter(), viewer, None, _PEOPLE_FROM)
        return tuple(sorted({entry.event.who for entry in newest}))

    def exported(self, wanted: LogFilter = LogFilter(), *, limit: int) -> tuple[Entry, ...]:  # noqa: B008  frozen
        """Return what a file of the newest entries that pass holds. It is logged."""
        viewer = self._gate.allow(Action.SEE_LOG)
        with self._exporting(wanted):
            found = self._newest(wanted, viewer, None, limit)
            return tuple(confined_entry(entry, viewer) for entry in found)

    @contextmanager
    def exporting(self, wanted: LogFilter = LogFilter()) -> Iterator[Iterator[Entry]]:  # noqa: B008  frozen
        """Give every entry that passes, the oldest first, read as it goes. It is logged."""
        viewer = self._gate.allow(Action.SEE_LOG)
        with self._exporting(wanted):
            entries = self._inner.export(confined_filter(wanted, viewer))
            mine = (confined_entry(entry, viewer) for entry in entries)
            yield (entry for entry in mine if still_found(entry, wanted))

    def verify(self, anchors_text: str | None = None) -> Verification:
        """Verify the whole log here and now. Raises AccessDenied, LogError, StoreError."""
        self._gate.allow(Action.SEE_LOG, tenants=())
        return self._inner.verify(anchors_text)

    def start_verifying(self) -> None:
        """Verify in a thread; `verifying` tells how it goes. Raises AccessDenied."""
        self._gate.allow(Action.SEE_LOG, tenants=())
        self._inner.start_verifying()

    @property
    def verifying(self) -> VerifyState:
        """What verifying does and came to; nothing for a confined viewer."""
        viewer = self._gate.allow(Action.SEE_LOG)
        return self._inner.verifying if viewer.sees_all else VerifyState()

    @property
    def anchored(self) -> AnchorState:
        """The last anchor of this process, and what went wrong; nothing for a confined viewer."""
        viewer = self._gate.allow(Action.SEE_LOG)
        return self._inner.anchoring.state if viewer.sees_all else AnchorState()

    def _newest(
        self, wanted: LogFilter, viewer: Viewer, before: int | None, limit: int
    ) -> list[Entry]:
        """Return the newest that pass, and in what the viewer may see of them still do."""
        passing, found = confined_filter(wanted, viewer), list[Entry]()
        while True:
            some = self._inner.page(passing, before=before, limit=limit)
            found += (e for e in some if still_found(confined_entry(e, viewer), wanted))
            if len(found) >= limit or len(some) < limit:
                return found[:limit]
            before = some[-1].number

    def _exporting(self, wanted: LogFilter) -> AbstractContextManager[Doing]:
        about = f" about {wanted.tenant}" if wanted.tenant else ""
        return self._gate.doing(
            Action.EXPORT, tenants=_tenants(wanted), target=f"the audit log{about}"
        )


def _tenants(wanted: LogFilter) -> tuple[TenantKey, ...] | None:
    """Return whose entries are asked for; None where the filter names nobody that could be."""
    try:
        return (TenantKey.parse(wanted.tenant),) if wanted.tenant else None
    except NamingError:
        return None

"""Names, as one viewer may import and export them, and confirm whose a kb_id is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from services.access.confined_ownership import visible_nodes
from services.access.gate import Gate, digest_of_words
from services.access.holders import Holders, each_of, holders_of_kb
from services.access.viewer import Action, Viewer
from services.approvals.models import WHY
from services.errors import NamesError
from services.names.confirming import candidates, check
from services.names.judge import OUT_OF_SCOPE, judge
from services.names.models import Candidate, Exported, Format, Judged, Preview
from services.names.ports import NameRecords
from services.names.read import read
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import bytes_of
from services.tenancy.names import Confirmation, Source
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot

LISTED = 100
"""Of how many tenants the log names each; an import of more is of the whole fleet."""


class DeskNames:
    """Node_ids that are brought, and an admin's word about whose a kb_id is."""

    def __init__(
        self, gate: Gate, records: NameRecords, *, ownership: Callable[[], Ownership],
        now: Callable[[], datetime], refresh: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._gate, self._records = gate, records
        self._ownership, self._now, self._refresh = ownership, now, refresh

    def preview(self, data: bytes, kind: Format | None = None) -> Preview:
        """Say what an import would come to; nothing is written. Raises NamesError, AccessDenied."""
        viewer = self._gate.allow(Action.IMPORT_NAMES)
        return self._judged(data, kind, viewer)

    def take(self, data: bytes, kind: Format | None = None) -> Preview:
        """Import what can be, and return what it came to.

        Raises NamesError, AccessDenied, StoreError.
        """
        viewer = self._gate.allow(Action.IMPORT_NAMES)
        found = self._judged(data, kind, viewer)
        taken = [line for line in found.lines if line.taken]
        if not taken:
            self._refuse_strangers(found)
            return found
        with self._gate.doing(
            Action.IMPORT_NAMES, tenants=_concerned(taken, viewer),
            target=f"{len(taken):,} node_ids", digest=hashlib.sha256(data).hexdigest(),
            details={"Names": _counted(found)},
        ):  # fmt: skip
            self._records.import_nodes(self._since(taken), by=viewer.id)
        self._refresh()
        return found

    @contextmanager
    def exporting(self) -> Iterator[tuple[Exported, ...]]:
        """Give every node_id that is known, of the tenants in scope. Raises AccessDenied."""
        viewer = self._gate.allow(Action.EXPORT)
        ownership = self._ownership()
        nodes = visible_nodes(ownership, viewer)
        found = tuple(
            Exported(node, ownership.tenant_of(node), origin.since)
            for node, origin in sorted(ownership.origins.items(), key=lambda one: bytes_of(one[0]))
            if node in nodes and origin.source is not Source.CANARY
        )
        with self._gate.doing(Action.EXPORT, target="node_ids"):
            yield found

    def candidates(self, snapshot: Snapshot, tenant: TenantKey) -> tuple[Candidate, ...]:
        """Return the kb_ids that the viewer may confirm to be a tenant's. Raises AccessDenied."""
        viewer = self._gate.allow(Action.CONFIRM_OWNER, tenants=[tenant])
        ownership = self._ownership()
        return tuple(
            each
            for each in candidates(snapshot, tenant, ownership)
            if viewer.sees_each(holders_of_kb(each.kb_id, ownership))
        )

    def confirm(self, tenant: TenantKey, kb_ids: Sequence[str], *, why: str) -> None:
        """Give the viewer's word that these kb_ids are a tenant's.

        Raises NamesError where that cannot be, AccessDenied, StoreError.
        """
        viewer = self._gate.allow(Action.CONFIRM_OWNER, tenants=[tenant])
        ownership, reason = self._ownership(), _reason(why)
        with self._deciding(Action.CONFIRM_OWNER, kb_ids, tenant, reason, ownership):
            for kb_id in kb_ids:
                check(kb_id, tenant, ownership)
            at = self._now()
            self._records.confirm(
                Confirmation(kb_id, tenant, viewer.id, at, reason) for kb_id in kb_ids
            )
        self._refresh()

    def revoke(self, tenant: TenantKey, kb_ids: Sequence[str], *, why: str) -> None:
        """Take back the word that these kb_ids are a tenant's.

        Raises NamesError where there is none, AccessDenied, StoreError.
        """
        self._gate.allow(Action.REVOKE_OWNER, tenants=[tenant])
        ownership, reason = self._ownership(), _reason(why)
        with self._deciding(Action.REVOKE_OWNER, kb_ids, tenant, reason, ownership):
            for kb_id in kb_ids:
                word = ownership.confirmed.get(kb_id)
                if word is None or word.tenant != tenant:
                    raise NamesError(f"{kb_id} is not confirmed to be of {tenant}")
            self._records.revoke(kb_ids)
        self._refresh()

    @contextmanager
    def _deciding(
        self, action: Action, kb_ids: Sequence[str], tenant: TenantKey, why: str,
        ownership: Ownership,
    ) -> Iterator[None]:  # fmt: skip
        if not kb_ids:
            raise NamesError("name a kb_id")
        held = [holders_of_kb(kb_id, ownership) for kb_id in kb_ids]
        with self._gate.doing(
            action, tenants=each_of([tenant], *held),
            target=f"{', '.join(kb_ids)} for {tenant}: {why}",
            digest=digest_of_words(str(tenant), why, *sorted(kb_ids)), details={WHY: why},
        ):  # fmt: skip
            yield

    def _judged(self, data: bytes, kind: Format | None, viewer: Viewer) -> Preview:
        return judge(read(data, kind), self._ownership(), viewer, now=self._now())

    def _refuse_strangers(self, found: Preview) -> None:
        """Raise AccessDenied, which is logged, where all that was to be had was out of scope."""
        if any(line.why == OUT_OF_SCOPE for line in found.lines):
            self._gate.allow(Action.IMPORT_NAMES, tenants=())

    def _since(self, taken: Iterable[Judged]) -> Mapping[str, datetime]:
        """Return since when each is known: the earliest that the file says, else now."""
        now, since = self._now(), dict[str, datetime]()
        for line in taken:
            at = line.since or now
            since[line.node_id] = min(at, since.get(line.node_id, at))
        return since


def _reason(why: str) -> str:
    """Return the reason as it is kept. Raises NamesError without one."""
    if not why.strip():
        raise NamesError("say why")
    return why.strip()


def _concerned(lines: Sequence[Judged], viewer: Viewer) -> Holders | None:
    """Return whom an import concerns; None where these are so many that it is the whole fleet."""
    named = {line.tenant: None for line in lines if line.tenant is not None}
    every = each_of(named, *(line.others for line in lines))
    return None if viewer.sees_all and len(every) > LISTED else every


def _counted(preview: Preview) -> str:
    """Say what an import comes to, for the second person."""
    return ", ".join(f"{count:,} {verdict.value}" for verdict, count in preview.counts.items())

"""Sessions, as one viewer may create, look into, change and end them, and rotate their keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial

from services.access.confined_ownership import HELD_WITH_OTHERS
from services.access.gate import Gate, digest_of_words
from services.access.holders import Holders, claimants, each_of
from services.access.viewer import Action, Viewer
from services.cards.holds import Holds, refuse_held
from services.errors import AccessDenied
from services.sessions.caller import carrying
from services.sessions.care import SessionCare
from services.sessions.create import SessionService
from services.sessions.landing import Erased, Exceeded, Landing
from services.sessions.models import (
    Deed,
    IndexCleaning,
    KeyRotationReport,
    Outcome,
    Result,
    SessionDetail,
)
from services.sessions.options import Answered
from services.sessions.rotate import KeyRotation
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingScheme
from services.usage.readings import CreatedSession, SessionRecord


class DeskSessions:
    """Creating sessions."""

    def __init__(self, gate: Gate, inner: SessionService, *, forward: bool = False) -> None:
        self._gate, self._inner, self._forward = gate, inner, forward

    @property
    def can_seal(self) -> bool:
        """Whether there is a key to encrypt metadata with."""
        self._gate.allow(Action.CREATE_SESSION)
        return self._inner.can_seal

    @property
    def refuses_over(self) -> bool:
        """Whether a session for a tenant over a limit takes a word on why."""
        self._gate.allow(Action.CREATE_SESSION)
        return self._inner.refuse_over

    def landing(self, scheme: NamingScheme, values: Mapping[str, str]) -> Landing:
        """Return where a session would land; who else is there is told only within scope.

        A look at what others hold, or may hold, is in the log as refused. Raises AccessDenied for
        a tenant out of scope, NamingError.
        """
        viewer = self._gate.allow(Action.CREATE_SESSION)
        landing = self._inner.landing(scheme, values)
        about = partial(self._gate.allow, Action.CREATE_SESSION, target=landing.node_id)
        about(tenants=[landing.tenant])
        with suppress(AccessDenied):  # which has logged it
            about(tenants=holders_of_landing(landing))
        return confined_landing(landing, viewer)

    def create(
        self, scheme: NamingScheme, values: Mapping[str, str], *, ttl_seconds: int,
        metadata: Mapping[str, str], sensitive: Mapping[str, str] | None = None,
        config: Mapping[str, object] | None = None, word: str = "", again: bool = False,
        over: str = "",
    ) -> CreatedSession:  # fmt: skip
        """Create a session; a `word` on older data, or on a limit, is logged with the target.

        Raises what `SessionService.create` raises, and AccessDenied.
        """
        self._gate.allow(Action.CREATE_SESSION)
        landing = self._inner.landing(scheme, values)
        target = landing.node_id
        if landing.older is not None and word:
            target = f"{target}, onto older data: {word}"
        if landing.exceeded and over:
            target = f"{target}, over a limit: {over}"
        sent = {"ttl": ttl_seconds, "metadata": dict(metadata), "config": dict(config or {}),
                "encrypted": self._inner.fingerprint(sensitive or {})}  # fmt: skip
        with self._gate.doing(
            Action.CREATE_SESSION, tenants=holders_of_landing(landing),
            whose=(landing.tenant, *landing.others), target=target,
            digest=digest_of_words(target, json.dumps(sent, sort_keys=True, default=str)),
            details=_details(ttl_seconds, metadata, sensitive or {}, config or {})
            | _brings_back(landing),
        ), _carrying(self._gate, self._forward):  # fmt: skip
            return self._inner.create(
                landing.node_id, ttl_seconds=ttl_seconds, metadata=metadata, sensitive=sensitive,
                config=config, word=word, again=again, over=over,
            )  # fmt: skip


class DeskCare:
    """Sessions that are there."""

    def __init__(
        self, gate: Gate, inner: SessionCare, *, ownership: Callable[[], Ownership],
        holds: Holds, forward: bool = False,
    ) -> None:  # fmt: skip
        self._gate, self._inner, self._ownership = gate, inner, ownership
        self._holds, self._forward = holds, forward

    def inspect(self, key: str) -> SessionDetail | None:
        """Read one session, which extends nothing; None when there is none in scope."""
        self._gate.allow(Action.INSPECT_SESSION)
        detail = self._inner.inspect(key)
        if detail is None:
            return None
        holders = holders_of_session(detail.record, self._ownership())
        target = detail.record.session_id
        try:
            with self._gate.doing(Action.INSPECT_SESSION, tenants=holders, target=target):
                return detail
        except AccessDenied:
            return None  # whether another's session is there is not told either

    def reveal(self, detail: SessionDetail) -> Mapping[str, object]:
        """Decrypt a session's sensitive metadata. Raises EncryptionError, AccessDenied."""
        holders = holders_of_session(detail.record, self._ownership())
        target = detail.record.session_id
        with self._gate.doing(Action.DECRYPT, tenants=holders, target=target):
            return self._inner.reveal(detail)

    def act(
        self, deed: Deed, records: Sequence[SessionRecord], *, ttl_seconds: int | None = None
    ) -> tuple[Outcome, ...]:
        """Do something to sessions, all of which have to be in scope.

        Raises AccessDenied, and OnHold where what is on legal hold would be cleared or ended.
        """
        ownership = self._ownership()
        held = [holders_of_session(record, ownership) for record in records]
        # one that names nobody is only for those who see all, whatever the others are
        tenants = () if not all(held) else tuple({t: None for each in held for t in each})
        ids = sorted(record.session_id for record in records)
        with self._gate.doing(
            Action.CHANGE_SESSIONS, tenants=tenants, target=f"{deed.value}: {', '.join(ids)}",
            digest=digest_of_words(deed.value, str(ttl_seconds), *ids),
            details={} if ttl_seconds is None else {"TTL": _seconds(ttl_seconds)},
        ) as doing, _carrying(self._gate, self._forward):  # fmt: skip
            if deed is not Deed.EXTEND:
                refuse_held(tenants, self._holds)
            outcomes = self._inner.act(deed, records, ttl_seconds=ttl_seconds)
            doing.failure = _failure(outcomes)
            return outcomes

    def configure(
        self, record: SessionRecord, config: Mapping[str, object]
    ) -> tuple[Answered, ...]:
        """Change options of a session in scope. Raises what `SessionCare.configure` raises."""
        sent = json.dumps(dict(config), sort_keys=True, default=str)
        with self._gate.doing(
            Action.CHANGE_SESSIONS, tenants=holders_of_session(record, self._ownership()),
            target=f"configure: {record.session_id}",
            digest=digest_of_words("configure", record.session_id, sent),
            details={"Configuration": _listed(config)},
        ), _carrying(self._gate, self._forward):  # fmt: skip
            return self._inner.configure(record, config)

    def clean_index(self) -> IndexCleaning:
        """Take the ids without a session out of KATO's index. Raises AccessDenied, StoreError."""
        target = "kato:session:_active_index"
        with self._gate.doing(Action.CLEAN_INDEX, target=target, digest=digest_of_words("clean")):
            return self._inner.clean_index()


def _carrying(gate: Gate, forward: bool) -> AbstractContextManager[None]:
    """Send the caller's token along to KATO, where that is set."""
    return carrying(gate.viewer().token if forward else "")


def _details(
    ttl_seconds: int, metadata: Mapping[str, str], sensitive: Mapping[str, str],
    config: Mapping[str, object],
) -> dict[str, str]:  # fmt: skip
    """Say what a new session would be, of its metadata the names alone."""
    said = {
        "TTL": _seconds(ttl_seconds), "Metadata": ", ".join(metadata),
        "Encrypted metadata": ", ".join(sensitive),
        "Configuration": _listed(config),
    }  # fmt: skip
    return {name: value for name, value in said.items() if value}


def _brings_back(landing: Landing) -> dict[str, str]:
    erased = landing.erased
    return {} if erased is None else {"Its data was erased on": f"{erased.at:%Y-%m-%d %H:%M} UTC"}


def _listed(config: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in config.items())


def _seconds(ttl_seconds: int) -> str:
    return f"{ttl_seconds:,} s"


_NOT_DONE = (Result.FAILED, Result.NOT_TRIED, Result.BACK)


def _failure(outcomes: Sequence[Outcome]) -> str:
    failed = [each for each in outcomes if each.result in _NOT_DONE]
    return f"{len(failed)} of {len(outcomes)} were not done" if failed else ""


class DeskRotation:
    """Re-encrypts sensitive metadata."""

    def __init__(self, gate: Gate, inner: KeyRotation) -> None:
        self._gate, self._inner = gate, inner

    def run(self) -> KeyRotationReport:
        """Re-encrypt what can be. Raises AccessDenied, EncryptionError, StoreError."""
        with self._gate.doing(Action.ROTATE_KEYS, digest=digest_of_words("rotate")) as doing:
            report = self._inner.run()
            doing.failure = f"{len(report.failed)} could not be" if report.failed else ""
            return report


def holders_of_landing(landing: Landing) -> Holders:
    """Return on whose memory a new session would land, whoever it is named after first."""
    return each_of((landing.tenant,), landing.others, claimants(landing.claim))


NOT_ALONE = (
    "others may share the same memory, as KATO writes names: somebody who sees every "
    "tenant of this kind has to create the session"
)
"""The answer whether others do or not: which of the two it is would tell who is there."""


def confined_landing(landing: Landing, viewer: Viewer) -> Landing:
    """Return a landing that names nobody out of scope, with one answer where others may hold it.

    For which ticket something was erased, only who asked for it and those who see all are told.
    """
    landing = replace(
        landing, alike=tuple(filter(viewer.sees, landing.alike)),
        erased=_told(landing.erased, viewer),
        exceeded=landing.exceeded if viewer.sees_all else tuple(map(_unsaid, landing.exceeded)),
    )  # fmt: skip
    if viewer.sees_each(holders_of_landing(landing)):
        return landing
    return replace(
        landing, claim=HELD_WITH_OTHERS, others=(), refusal=NOT_ALONE, older=None, erased=None,
        exceeded=(), parked=None, moved=None,
    )  # fmt: skip


def _unsaid(exceeded: Exceeded) -> Exceeded:
    """Return it without how much is used: some of that may lie where others may hold it too."""
    return replace(exceeded, used=None)


def _told(erased: Erased | None, viewer: Viewer) -> Erased | None:
    if erased is None or viewer.sees_all or erased.by == viewer.id:
        return erased
    return Erased(erased.at)


def holders_of_session(record: SessionRecord, ownership: Ownership) -> Holders:
    """Return who holds a session's record, which is its tenant's own on whatever kb_id it is.

    What the session reads and writes is more: for that ask `holders_of_node`.
    """
    return claimants(ownership.owner(record.owner))

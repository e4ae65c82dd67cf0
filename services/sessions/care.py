"""Look into sessions without disturbing them; extend, change, clear and end them through KATO."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from services.errors import (
    EncryptionError,
    SessionGone,
    SessionRefused,
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreNotConfigured,
    StoreUnavailable,
)
from services.sessions.create import check_ttl
from services.sessions.models import Deed, IndexCleaning, Outcome, Result, SessionDetail, is_katos
from services.sessions.options import Answered, check_options, compare_change
from services.settings.encryption import Encryption
from services.usage.readings import SessionRecord

RETURN_SECONDS = 2.0
"""How long after a deletion a session is looked for again.

KATO does not end a call that is under way: as that ends it writes the whole session back.
"""

CAME_BACK = (
    "a call of its client was under way and wrote it back: delete it again once that client has "
    "stopped"
)
_HOPELESS = (StoreUnavailable, StoreDenied, StoreMisconfigured, StoreNotConfigured)
NOT_KATOS = "it is in the guide layout, which KATO's API does not know: it can only be read"


class SessionActs(Protocol):
    """What KATO does to one session."""

    def extend(self, session_id: str, *, ttl_seconds: int) -> None:
        """Let it live so many seconds from now."""

    def clear_stm(self, session_id: str) -> None:
        """Empty its short-term memory."""

    def delete(self, session_id: str) -> None:
        """End it."""

    def exists(self, session_id: str) -> bool:
        """Return whether it is there."""

    def configure(self, session_id: str, config: Mapping[str, object]) -> None:
        """Change some of its options."""


class RecordSource(Protocol):
    """Where records are read."""

    def there(self, keys: Sequence[str]) -> frozenset[str]:
        """Return the keys of those records that there are."""

    def detail(self, key: str) -> SessionDetail | None:
        """Read one record."""


class IndexWriter(Protocol):
    """Where the index is cleaned up."""

    def clean_index(self) -> IndexCleaning:
        """Take out what has no record."""


Route = Callable[[SessionRecord], SessionActs]
"""Gives the KATO that serves a session's tenant."""


class SessionCare:
    """What support staff do with sessions that are there."""

    def __init__(
        self, api: SessionActs, *, records: RecordSource, index: IndexWriter,
        encryption: Encryption, route: Callable[[], Route] | None = None,
    ) -> None:  # fmt: skip
        """`route` says which KATO serves whom now; without, `api` serves everybody."""
        self._route = route or (lambda: lambda _: api)
        self._records = records
        self._index = index
        self._encryption = encryption

    def inspect(self, key: str) -> SessionDetail | None:
        """Read one session in Redis, which extends nothing; None when it is not there.

        `key` is its record's key. Raises StoreError.
        """
        return self._records.detail(key)

    def reveal(self, detail: SessionDetail) -> Mapping[str, object]:
        """Decrypt a session's sensitive metadata. Raises EncryptionError; nothing is kept."""
        if detail.sealed is None:
            raise EncryptionError("this session has no encrypted metadata")
        return self._encryption.decrypt(detail.sealed)

    def act(
        self, deed: Deed, records: Sequence[SessionRecord], *, ttl_seconds: int | None = None
    ) -> tuple[Outcome, ...]:
        """Do something to sessions, one after the other, and say how each went.

        `ttl_seconds` is for extending. When KATO does not answer, or is not KATO, those that
        follow are not tried. What was deleted is looked for again 2 s later. Raises
        SessionRefused for a time to live out of bounds.
        """
        if deed is Deed.EXTEND:
            check_ttl(ttl_seconds or 0)
        outcomes = tuple(self._outcomes(deed, records, ttl_seconds or 0))
        return self._looked_for(outcomes) if deed is Deed.DELETE else outcomes

    def configure(
        self, record: SessionRecord, config: Mapping[str, object]
    ) -> tuple[Answered, ...]:
        """Change options of a session, and return what of that KATO took, and what came along.

        The record is read before and after, since KATO's own answer does not say. Raises
        SessionRefused for an option that KATO would mishandle, SessionGone, StoreError.
        """
        if not is_katos(record):
            raise SessionRefused(NOT_KATOS)
        if not config:
            raise SessionRefused("no option was chosen")
        check_options(config)
        before = self._config(record)
        self._route()(record).configure(record.session_id, config)
        return tuple(compare_change(config, before=before, after=self._config(record)))

    def _config(self, record: SessionRecord) -> Mapping[str, object]:
        detail = self._records.detail(record.key)
        if detail is None:
            raise SessionGone("redis", "reading a session's options", "there is no such session")
        return detail.config

    def clean_index(self) -> IndexCleaning:
        """Take the ids without a session out of KATO's index. Raises StoreError."""
        return self._index.clean_index()

    def _outcomes(
        self, deed: Deed, records: Sequence[SessionRecord], ttl_seconds: int
    ) -> Iterator[Outcome]:
        route, failed = self._route(), list[SessionActs]()
        for record in records:
            api = route(record)
            if api in failed:
                yield Outcome(record, Result.NOT_TRIED, "KATO failed at the one before")
                continue
            try:
                yield self._outcome(api, deed, record, ttl_seconds)
            except _HOPELESS as exc:
                yield Outcome(record, Result.FAILED, str(exc))
                failed.append(api)

    def _outcome(
        self, api: SessionActs, deed: Deed, record: SessionRecord, ttl_seconds: int
    ) -> Outcome:
        if not is_katos(record):
            return Outcome(record, Result.NOT_TRIED, NOT_KATOS)
        try:
            _do(api, deed, record.session_id, ttl_seconds)
        except SessionGone:
            return Outcome(record, Result.GONE, "KATO has no such session any more")
        except _HOPELESS:
            raise
        except StoreError as exc:
            return Outcome(record, Result.FAILED, _and_now(api, deed, record, str(exc)))
        return Outcome(record, Result.DONE)

    def _looked_for(self, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        """Look a little later whether what was ended is there again."""
        keys = [each.record.key for each in outcomes if each.result in (Result.DONE, Result.GONE)]
        if not keys:
            return outcomes
        time.sleep(RETURN_SECONDS)
        try:
            back = self._records.there(keys)
        except StoreError as exc:
            reason = f"whether it came back is not known: {exc}"
            return tuple(
                replace(each, reason=reason) if each.record.key in keys else each
                for each in outcomes
            )
        return tuple(
            Outcome(each.record, Result.BACK, CAME_BACK) if each.record.key in back else each
            for each in outcomes
        )


def _do(api: SessionActs, deed: Deed, session_id: str, ttl_seconds: int) -> None:
    match deed:
        case Deed.EXTEND:
            api.extend(session_id, ttl_seconds=ttl_seconds)
        case Deed.CLEAR_STM:
            api.clear_stm(session_id)
        case Deed.DELETE:
            api.delete(session_id)


def _and_now(api: SessionActs, deed: Deed, record: SessionRecord, reason: str) -> str:
    """Add to why a deletion failed whether the session is there, where KATO says so."""
    if deed is not Deed.DELETE:
        return reason
    try:
        there = api.exists(record.session_id)
    except StoreError:
        return reason
    return f"{reason} KATO says that it {'is still there' if there else 'is gone'}."

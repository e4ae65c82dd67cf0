"""KATO's HTTP API, as far as this product uses it: how it is, and sessions.

Only calls that change nothing but what they say: never a node-scoped one (it would create a
processor, and above 100 of them KATO deletes a node's vectors), and never a session's GET
(it would keep the session alive).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from services.errors import (
    SessionGone,
    StoreRejected,
    StoreUnavailable,
)
from services.stores.kato.around import ask_around
from services.stores.kato.connect import STORE, Call, ask, seconds_of
from services.usage.readings import CachedProcessor, CreatedSession, ProcessorReading

if TYPE_CHECKING:
    from services.health.models import Health
    from services.purge.ports import Presence

_STATUS = Call("GET", "/status", "reading its processors")
_CREATING = "creating a session"
_MAY_EXIST = "the session may exist all the same: look before trying again"
_MAY_BE_DONE = "it may have been done all the same: look again"
_FORGETTING = "invalidating a session's caches"
_FORGOTTEN = ("success", "disabled")
_PAUSE_SECONDS = 0.05


class KatoApi:
    """KATO's HTTP API over a client whose `base_url` is set and whose timeout is finite.

    Every method raises StoreUnavailable, StoreDenied, StoreRejected or StoreMisconfigured.
    """

    def __init__(self, client: httpx.Client, *, alone: bool = False) -> None:
        """`alone` says that one process answers, as the embedded stand-in does."""
        self._client = client
        self._alone = alone
        self._seconds = seconds_of(client)

    def health(self) -> Health:
        """Return how KATO is, asked over many new connections: one of its workers may hang."""
        from services.stores.kato.health import health_over

        return health_over(self._client, seconds=self._seconds)

    def presence(self) -> Presence:
        """Ask over new connections whether KATO is there; this raises nothing.

        Stopped is only a KATO at whose address nobody listens.
        """
        from services.stores.kato.presence import presence_over

        return presence_over(self._client)

    def cached_processors(self) -> ProcessorReading:
        """Return the processors in the memory of KATO's workers, each of which keeps at most 100.

        One answer is that of one worker: over new connections until nothing new comes, bounded.
        """
        if self._alone:
            return ProcessorReading(self._processors())
        found = ask_around(
            self._processors, news=tuple, operation=_STATUS.operation, seconds=self._seconds
        )
        every = dict.fromkeys(each for answer in found.answers for each in answer)
        return ProcessorReading(tuple(every), found.unanswered)

    def _processors(self) -> tuple[CachedProcessor, ...]:
        processors = self._ask(_STATUS).get("processors")
        entries = processors.get("processors") if isinstance(processors, dict) else None
        if not isinstance(entries, list):
            raise _STATUS.misfit("it lists no processors")
        return tuple(_processor(entry) for entry in entries)

    def create_session(
        self,
        node_id: str,
        *,
        ttl_seconds: int | None = None,
        metadata: Mapping[str, object] | None = None,
        config: Mapping[str, object] | None = None,
    ) -> CreatedSession:
        """Create a session; without `ttl_seconds`, or for 0, KATO takes its own default.

        Sent once. Entries of `config` that KATO does not know or allow are dropped without a
        word: compare the answer's `config`. When the answer is lost the error says that the
        session may exist.
        """
        if ttl_seconds is not None and ttl_seconds < 0:
            raise StoreRejected(STORE, _CREATING, "a time to live below 0 makes KATO fail")
        body: dict[str, object] = {"node_id": node_id, "metadata": dict(metadata or {})}
        if ttl_seconds is not None:
            body["ttl_seconds"] = ttl_seconds
        if config is not None:
            body["config"] = dict(config)
        call = Call("POST", "/sessions", _CREATING, body, aftermath=_MAY_EXIST)
        return _created(call, self._ask(call), node_id)

    def extend(self, session_id: str, *, ttl_seconds: int) -> None:
        """Let a session live so many seconds from now; its next access sets its own TTL again.

        Raises SessionGone for one that is not there, as the other calls about one session do.
        """
        if ttl_seconds <= 0:
            reason = "no time to live: KATO deletes a session that is extended by 0"
            raise StoreRejected(STORE, "extending a session", reason)
        change = f"/extend?ttl_seconds={ttl_seconds}"
        self._about(session_id, "POST", change, "extending a session")

    def configure(self, session_id: str, config: Mapping[str, object]) -> None:
        """Change options of a session, the others as they are, and set its TTL back to its own.

        KATO checks few of the values, and stores the rest as they come.
        """
        body = {"config": dict(config)}
        self._about(session_id, "POST", "/config", "changing a session's options", body)

    def clear_stm(self, session_id: str) -> None:
        """Empty a session's short-term memory, which is lost; what was learnt stays."""
        self._about(session_id, "POST", "/clear-stm", "clearing a session's STM")

    def delete(self, session_id: str) -> None:
        """End a session. One that is gone when this is asked again was ended by the first try."""
        self._about(session_id, "DELETE", "", "deleting a session")

    def exists(self, session_id: str) -> bool:
        """Return whether KATO has a session, which extends nothing."""
        answer = self._about(session_id, "GET", "/exists", "asking for a session")
        return answer.get("exists") is True and answer.get("expired") is not True

    def invalidate_caches(self, session_id: str) -> bool:
        """Have KATO forget what it caches of a session; False for a KATO without this call."""
        path = f"/cache/invalidate?session_id={_in_path(session_id, _FORGETTING)}"
        call = Call("POST", path, _FORGETTING, accepts=frozenset({200, 404}))
        answer = self._ask_twice(call)
        if answer.get("detail") == "Not Found":
            return False
        if answer.get("status") not in _FORGOTTEN:
            raise call.rejected("it did not say that they are forgotten")
        return True

    def _about(
        self, session_id: str, method: str, rest: str, operation: str,
        body: Mapping[str, object] | None = None,
    ) -> dict[str, object]:  # fmt: skip
        """Ask something about one session, which may be asked twice: it comes to the same."""
        aftermath = "" if method == "GET" else _MAY_BE_DONE
        path = f"/sessions/{_in_path(session_id, operation)}{rest}"
        call = Call(method, path, operation, body, aftermath=aftermath)
        answer = self._ask_twice(call)
        if answer.get("session_id", session_id) != session_id:
            raise call.misfit("the answer is about another session")
        return answer

    def _ask_twice(self, call: Call) -> dict[str, object]:
        """Ask again when the answer was lost soon; after a long wait there is no second one."""
        started = time.monotonic()
        try:
            return self._ask(call)
        except StoreUnavailable:
            if time.monotonic() - started > self._seconds / 2:
                raise
        time.sleep(_PAUSE_SECONDS)
        try:
            return self._ask(call)
        except SessionGone:
            if call.method != "DELETE":
                raise
            return {}

    def _ask(self, call: Call) -> dict[str, object]:
        return ask(self._client, call, seconds=self._seconds)


def _in_path(session_id: str, operation: str) -> str:
    """Return a session id as a part of a path. Raises StoreRejected for one that cannot be."""
    if session_id in ("", ".", "..") or "/" in session_id or not _is_text(session_id):
        reason = "its id cannot be written in the address of a call, so KATO cannot be asked"
        raise StoreRejected(STORE, operation, reason)
    return quote(session_id, safe="")


def _is_text(session_id: str) -> bool:
    """Whether an id is text; one with bytes that are not UTF-8 is not KATO's."""
    return not any("\ud800" <= character <= "\udfff" for character in session_id)


def _processor(entry: object) -> CachedProcessor:
    if isinstance(entry, dict):
        node_id, kb_id = entry.get("node_id"), entry.get("processor_id")
        if isinstance(node_id, str) and isinstance(kb_id, str):
            return CachedProcessor(node_id, kb_id)
    raise _STATUS.misfit("a processor lacks its node_id or processor_id")


def _created(call: Call, answer: Mapping[str, object], node_id: str) -> CreatedSession:
    session_id, ttl = answer.get("session_id"), answer.get("ttl_seconds")
    if not (isinstance(session_id, str) and session_id and isinstance(ttl, int)):
        raise call.misfit("the answer lacks the session's id or time to live")
    if answer.get("node_id") != node_id:
        raise call.misfit("the answer is about another node_id")
    return CreatedSession(
        session_id=session_id,
        node_id=node_id,
        ttl_seconds=ttl,
        created_at=_time(answer.get("created_at")),
        expires_at=_time(answer.get("expires_at")),
        metadata=_mapping(answer.get("metadata")),
        config=_mapping(answer.get("session_config")),
    )


def _time(value: object) -> datetime | None:
    """Read a time with its zone, or None for anything else."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}

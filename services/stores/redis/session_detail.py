"""One session's record in Redis, read whole without touching it, and which of them hold secrets.

KATO's own GET would keep the session alive; GET, PTTL and MEMORY USAGE in Redis do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from services.sessions.models import SealedRecord, SessionDetail, sealed_in
from services.stores.redis.link import Client, Link, conversation, packed
from services.stores.redis.scan import keyspace
from services.stores.redis.server import is_withheld
from services.stores.redis.sessions import Problem, content_of, look_at, record_of
from services.tenancy.layout import bytes_of, read_key

RAW_LIMIT = 20_000
"""Of a record that cannot be read, so many bytes are kept."""

_VANISHED = -2
_CHUNK = 200
_KNOWN = {
    "session_id", "node_id", "created_at", "last_accessed", "stm", "emotives_accumulator",
    "metadata_accumulator", "metadata", "session_config", "config", "predictions", "percept_data",
}  # fmt: skip


class SessionRecords:
    """Reads records of sessions, in KATO's layout and the guide's. Nothing is touched.

    A whole read may take `seconds`. Every method raises StoreUnavailable, StoreDenied,
    StoreMisconfigured or StoreRejected.
    """

    def __init__(self, client: Client, *, service: str, scan_count: int, seconds: float) -> None:
        self._client = client
        self._service = service
        self._scan_count = scan_count
        self._seconds = seconds

    def detail(self, key: str) -> SessionDetail | None:
        """Read one record by its key; None when there is none, or no longer."""
        raw = bytes_of(key)
        with conversation(
            self._client, operation="reading a session", seconds=self._seconds
        ) as link:
            link.send(look_at(raw))
            value, ttl, size = link.replies(3)
        if is_withheld(ttl):
            raise link.error(ttl)  # None would say that it never expires
        if value is None or ttl == _VANISHED:
            return None
        return _detail(raw, value, self._service, ttl=ttl, size=size)

    def there(self, keys: Sequence[str]) -> frozenset[str]:
        """Return the keys of those records that there are."""
        with conversation(
            self._client, operation="looking for sessions", seconds=self._seconds
        ) as link:
            found = [
                found
                for start in range(0, len(keys), _CHUNK)
                for found in _there(link, keys[start : start + _CHUNK])
            ]
        return frozenset(found)

    def sealed(self) -> tuple[SealedRecord, ...]:
        """Return every record whose metadata is encrypted, in one pass over the keyspace.

        Raises StoreDenied where one may not be read: what it holds is not known.
        """
        with conversation(
            self._client, operation="looking for encrypted metadata", seconds=self._seconds
        ) as link:
            keys = self._keys(link)
            return tuple(_sealed(link, keys))

    def _keys(self, link: Link) -> Sequence[bytes]:
        replies = keyspace(link, count=self._scan_count)
        return [k for keys in replies for k in keys if self._is_session(k)]

    def _is_session(self, key: bytes) -> bool:
        return b":session:" in key and read_key(key, self._service).kind == "session"


def _there(link: Link, keys: Sequence[str]) -> Iterator[str]:
    """Ask for a chunk of keys; EXISTS does not count as use."""
    link.send(b"".join(packed("EXISTS", bytes_of(key)) for key in keys))
    for key in keys:
        found = link.reply()
        if found:
            yield key


def _sealed(link: Link, keys: Sequence[bytes]) -> Iterator[SealedRecord]:
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        link.send(b"".join(packed("GET", key) for key in chunk))
        for key, value in zip(chunk, link.replies(len(chunk)), strict=True):
            if is_withheld(value):
                raise link.error(value)  # else it would count as one with nothing encrypted
            token = _token_of(value)
            if token is not None:
                yield SealedRecord(key.decode("utf-8", "surrogateescape"), token)


def _token_of(value: Any) -> str | None:
    found = content_of(value) if value is not None else None
    if not isinstance(found, dict):
        return None
    return sealed_in(found.get("metadata"), _config_of(found))


def _config_of(found: dict[str, Any]) -> dict[str, Any]:
    """Return a session's config, by KATO's name for it or by the guide's."""
    config = found.get("session_config", found.get("config"))
    return config if isinstance(config, dict) else {}


def _detail(raw: bytes, value: Any, service: str, *, ttl: Any, size: Any) -> SessionDetail:
    record = record_of(raw, value, service, ttl=ttl, size=size)
    found = content_of(value)
    if isinstance(found, Problem):
        text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else ""
        return SessionDetail(record, raw=text[:RAW_LIMIT], cut=len(text) > RAW_LIMIT)
    metadata, percept = found.get("metadata"), found.get("percept_data")
    predictions = found.get("predictions")
    return SessionDetail(
        record=record,
        stm=_events(found.get("stm")),
        emotives=_listed(found.get("emotives_accumulator")),
        metadata_seen=_listed(found.get("metadata_accumulator")),
        config=_config_of(found),
        metadata=metadata if isinstance(metadata, dict) else {},
        predictions=tuple(predictions) if isinstance(predictions, list) else None,
        percept=percept if isinstance(percept, dict) else None,
        rest={name: value for name, value in found.items() if name not in _KNOWN},
    )


def _events(stm: object) -> tuple[tuple[str, ...], ...] | None:
    """Read the STM as events of symbols; what is no list of lists is None."""
    if not isinstance(stm, list) or not all(isinstance(event, list) for event in stm):
        return None
    return tuple(tuple(str(symbol) for symbol in event) for event in stm)


def _listed(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list) else ()

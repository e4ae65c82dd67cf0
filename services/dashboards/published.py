"""A snapshot as the dashboard that collects hands it to all others, and back. Pure.

It is a head, which says what form it has and which parts belong to it, and these parts, each by a
digest of what it is: one that is as it was is neither written nor read again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.dashboards.codec import codec_of, fields_of
from services.dashboards.tenants import Lines, PublishedTenants, text_of
from services.errors import KatoTenantsError
from services.usage.readings import CollectionUsage, SessionRecord
from services.usage.snapshot import KbUsage, Snapshot

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FORM = 1
"""Which form this version writes, and the newest that it reads: another one for each shape."""

MOST = 64 << 20
"""Bytes that may be published at most: of a fleet that takes more each dashboard reads its own."""

_UNPACKED = 2 << 30
_QUICK = 1  # of zstd: 2 also takes half as long again, for some per cent less

_HEAD = codec_of(Snapshot)
_TYPES: Mapping[str, Any] = {
    "shared": tuple[KbUsage, ...],
    "sessions": tuple[SessionRecord, ...] | None,
    "collections": tuple[CollectionUsage, ...],
}
_NOTHING: Mapping[str, Any] = {"tenants": (), "shared": (), "sessions": None, "collections": ()}


class CannotShare(KatoTenantsError):
    """What was published cannot be read here, or a snapshot cannot be published."""


@dataclass(frozen=True, slots=True)
class Published:
    """`head` is JSON; `contents` are the parts by name, `digests` what each is known by."""

    head: bytes
    digests: Mapping[str, str]
    contents: Mapping[str, bytes] = field(repr=False)


class Publisher:
    """Writes one snapshot after another. What did not change between two is written once."""

    def __init__(self, *, version: str) -> None:
        self._version, self._lines = version, Lines()
        self._last: dict[str, tuple[object, str, bytes]] = {}

    def published(self, snapshot: Snapshot, *, seconds: float | None) -> Published:
        """Write a snapshot; `seconds` is how long it took. Raises CannotShare: it is too large."""
        for name in _NOTHING:
            value, last = getattr(snapshot, name), self._last.get(name)
            if last is None or last[0] is not value:
                content = zstd.compress(self._text(name, value), level=_QUICK)
                digest = hashlib.sha256(name.encode() + content).hexdigest()  # no other part's
                self._last[name] = value, digest, content
        contents = {name: content for name, (_, _, content) in self._last.items()}
        if sum(map(len, contents.values())) > MOST:
            self._last.clear()
            raise CannotShare("there is more than can be handed to other dashboards")
        digests = {name: digest for name, (_, digest, _) in self._last.items()}
        head = {
            "form": FORM, "version": self._version, "parts": digests, "seconds": seconds,
            "snapshot": _HEAD.write(replace(snapshot, **_NOTHING)),
        }  # fmt: skip
        return Published(text_of(head), digests, contents)

    def refused(self, why: str) -> Published:
        """Write why there is no snapshot for others."""
        head = {"form": FORM, "version": self._version, "refused": why}
        return Published(text_of(head), {}, {})

    def _text(self, name: str, value: Any) -> bytes:
        if name == "tenants":
            return self._lines.of(value)
        return text_of(codec_of(_TYPES[name]).write(value))


class Reader:
    """Reads what was published, one after the other; keeps the parts of the last one."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Any]] = {}

    @property
    def digests(self) -> tuple[str, ...]:
        """The parts that it has, and that need not be read again."""
        return tuple(digest for digest, _ in self._known.values())

    def read(self, head: bytes, contents: Mapping[str, bytes]) -> tuple[Snapshot, float | None]:
        """Return the snapshot, and how long it took; `contents` are parts by their digests.

        Raises CannotShare for another form, and for what is none.
        """
        try:
            found = json.loads(head)
            form, version = found["form"], found["version"]
            if form != FORM:
                raise CannotShare(_of_another(form, str(version)))
            if "refused" in found:
                raise CannotShare(str(found["refused"]))
            known = {
                name: self._part(name, digest, contents) for name, digest in found["parts"].items()
            }
            values = {name: value for name, (_, value) in known.items()}
            snapshot: Snapshot = replace(_HEAD.read(found["snapshot"]), **values)
        except (ValueError, TypeError, LookupError, zstd.ZstdError) as exc:
            raise CannotShare("what the dashboard that collects published is damaged") from exc
        self._known = known
        return snapshot, found["seconds"]

    def _part(self, name: str, digest: str, contents: Mapping[str, bytes]) -> tuple[str, Any]:
        before = self._known.get(name)
        if before is not None and before[0] == digest:
            return before
        text = zstd.ZstdDecompressor().decompress(contents[digest], max_length=_UNPACKED)
        if name == "tenants":
            last = before[1] if before is not None else None
            return digest, PublishedTenants(text, last)
        return digest, codec_of(_TYPES[name]).read(json.loads(text))


def _of_another(form: object, version: str) -> str:
    of = "a newer" if isinstance(form, int) and form > FORM else "an older"
    return f"the dashboard that collects is of {of} version ({version[:40]}), in another form"


def shifted(snapshot: Snapshot, by: timedelta) -> Snapshot:
    """Return a snapshot with the times that its reader noted as another clock has them."""
    if not by:
        return snapshot
    stores = {name: _moved(figures, by) for name, figures in snapshot.stores.items()}
    keys = None if snapshot.keys is None else _moved(snapshot.keys, by)
    moved: Snapshot = _moved(replace(snapshot, stores=stores, keys=keys), by)
    return moved


_NOTED = ("collected_at", "failing_since", "memory_at", "kato_failing_since")


def _moved(value: Any, by: timedelta) -> Any:
    noted = [name for name in _NOTED if name in fields_of(type(value))]
    times = {name: getattr(value, name) for name in noted}
    found: dict[str, datetime] = {name: at + by for name, at in times.items() if at is not None}
    return replace(value, **found)

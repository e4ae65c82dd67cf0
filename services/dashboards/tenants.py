"""The tenants of a published snapshot: a line each, which is read when somebody looks. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from services.dashboards.codec import codec_of
from services.made_once import MadeWhenSeen
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import TenantUsage

_TENANT = codec_of(TenantUsage)
_KEYS = codec_of(tuple[TenantKey, ...])


class Lines:
    """Writes tenants, each once as long as it is the very same object."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[TenantUsage, bytes]] = {}

    def of(self, tenants: Sequence[TenantUsage]) -> bytes:
        """Return their names as one line, and then each as one."""
        before, self._known = self._known, {}
        found = [text_of(_KEYS.write([usage.tenant for usage in tenants]))]
        for usage in tenants:
            known = before.get(id(usage)) or (usage, text_of(_TENANT.write(usage)))
            self._known[id(usage)] = known
            found.append(known[1])
        return b"\n".join(found)


def text_of(found: object) -> bytes:
    """Write JSON on one line: no line break is in it, and what is no character is escaped."""
    return json.dumps(found, separators=(",", ":")).encode("ascii")


class PublishedTenants(MadeWhenSeen[TenantUsage]):
    """Reads like a tuple of tenants. Those whose line is as it was `before` are taken from there.

    Raises ValueError for what is no such text.
    """

    def __init__(self, text: bytes, before: PublishedTenants | None = None) -> None:
        breaks = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")).tolist()
        self._text, self._ends = text, [*breaks, len(text)]
        self._keys: tuple[TenantKey, ...] = _KEYS.read(json.loads(text[: self._ends[0]]))
        if len(self._keys) != len(breaks):
            raise ValueError("there is not a line for each tenant")
        self._made: list[TenantUsage | None] = [None] * len(breaks)
        if before is not None:
            self._take_over(before)

    def of(self, tenant: TenantKey) -> TenantUsage | None:
        """Return one tenant's usage, or None when nothing of it was found."""
        at = self._at.get(tenant)
        return None if at is None else self._get(at)

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def _at(self) -> dict[TenantKey, int]:
        return {key: at for at, key in enumerate(self._keys)}

    def _line(self, at: int) -> bytes:
        return self._text[self._ends[at] + 1 : self._ends[at + 1]]

    def _get(self, at: int) -> TenantUsage:
        made = self._made[at]
        if made is None:
            found: TenantUsage = _TENANT.read(json.loads(self._line(at)))
            made = self._made[at] = found
        return made

    def _take_over(self, before: PublishedTenants) -> None:
        for then, made in enumerate(before._made):
            at = None if made is None else self._at.get(made.tenant)
            if at is not None and self._line(at) == before._line(then):
                self._made[at] = made

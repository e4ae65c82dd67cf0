"""Who owns what, by this product's own records: worked out anew when these have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.tenancy.kb_ids import NamingSchemes
from services.tenancy.names import Confirmation, Origin
from services.tenancy.ownership import Ownership
from services.usage.ports import UsageRecords
from services.usage.readings import origins_of


class Owners:
    """Keeps the last `Ownership`, and gives that very object as long as it holds."""

    def __init__(self, state: UsageRecords, *, schemes: NamingSchemes, service: str) -> None:
        self._state, self._schemes, self._service = state, schemes, service
        self._last: tuple[int, Ownership] | None = None

    def now(self) -> Ownership:
        """Return who owns what. Raises StoreUnavailable where the records do not answer."""
        version = self._state.nodes_version()  # before what it is the version of
        last = self._last
        if last is None or last[0] != version:
            origins, words = origins_of(self._state.nodes()), self._state.confirmations()
            last = self._last = version, self._by(origins, words)
        return last[1]

    def _by(self, nodes: Mapping[str, Origin], words: Sequence[Confirmation]) -> Ownership:
        confirmed = {word.kb_id: word for word in words}
        before = self._last[1] if self._last is not None else None
        if before and (before.origins, before.confirmed) == (nodes, confirmed):
            return before  # others cache by the object
        return Ownership(nodes, schemes=self._schemes, service=self._service, confirmed=confirmed)

"""What the canary test uses: KATO, the stores as it writes to them, and every use case it tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.browse.service import InspectionService
from services.canary.belongings import Belongings
from services.canary.models import CanaryState
from services.find.search import FindService
from services.health.models import Health
from services.purge.look import Erasers
from services.sessions.care import SessionCare
from services.sessions.create import SessionService
from services.tenancy.ownership import Ownership
from services.usage.readings import CreatedSession, SeenNode
from services.usage.snapshot import Snapshot


class Writer(Protocol):
    """A store as the test writes to it."""

    def write(self, belongings: Belongings) -> None:
        """Write what the store has of these. Raises StoreError."""


class SessionCalls(Protocol):
    """KATO's API for sessions. Every method raises StoreError."""

    def health(self) -> Health:
        """Return what KATO says of itself."""

    def create_session(
        self,
        node_id: str,
        *,
        ttl_seconds: int | None = None,
        metadata: Mapping[str, object] | None = None,
        config: Mapping[str, object] | None = None,
    ) -> CreatedSession:
        """Create a session."""

    def delete(self, session_id: str) -> None:
        """End a session. Raises SessionGone."""


class OwnSessionCalls(Protocol):
    """The calls that tell how KATO counts and extends. Every method raises StoreError."""

    def read(self, session_id: str) -> None:
        """Read the test's own session, as a client does."""

    def count(self) -> int:
        """Return how many sessions KATO says there are."""


class Registry(Protocol):
    """The node_ids seen, in this product's own records. Raises StoreUnavailable."""

    def record_nodes(self, seen: Mapping[str, str], at: datetime) -> None:
        """Record node_ids, each with where it was seen."""

    def nodes(self) -> tuple[SeenNode, ...]:
        """Return every node_id."""

    def forget_nodes(self, nodes: Iterable[str]) -> None:
        """Forget exactly these."""


@dataclass(frozen=True, slots=True)
class UseCases:
    """What is tested: everything here that reads a tenant."""

    inspection: InspectionService
    finding: FindService
    sessions: SessionService
    care: SessionCare


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run needs.

    `writers` are by store, in the order in which they are written to. `observe` collects the
    fleet anew, `ownership` reads who owns what. `quiet` waits until nobody in this process is
    still reading the fleet, `on_end` is called after each run. `tell` is told who began a run in
    the background, and what it came to.
    """

    kato: SessionCalls
    own_session: OwnSessionCalls
    writers: Mapping[str, Writer]
    cases: UseCases
    erasers: Erasers
    registry: Registry
    observe: Callable[[], Snapshot]
    ownership: Callable[[], Ownership]
    quiet: Callable[[], None]
    on_end: Callable[[], None]
    tell: Callable[[str, CanaryState], None]

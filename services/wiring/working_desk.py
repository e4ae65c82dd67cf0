"""The part of a desk that erases, writes and takes its time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from services.access.viewer import Viewer
from services.wiring.logged import gate_of

if TYPE_CHECKING:
    from services.apart.access import DeskApart
    from services.archive.access import DeskArchive
    from services.instances.access import DeskInstances
    from services.move.access import DeskMove
    from services.parking.access import DeskParking
    from services.purge.access import DeskPurge
    from services.restore.access import DeskRestore
    from services.retention.access import DeskRetention
    from services.wiring.working import Working


class WorkingDesk:
    """What one viewer may have done, behind a gate that asks `viewer` anew for every action."""

    def __init__(self, services: Working, viewer: Callable[[], Viewer]) -> None:
        self._services = services
        self.gate = gate_of(services, viewer)

    @cached_property
    def purge(self) -> DeskPurge:
        """Plans, jobs and receipts."""
        from services.purge.access import DeskPurge

        return DeskPurge(
            self.gate, self._services.purge, ownership=self._services.usage.ownership,
            plans=lambda: self._services.looking.purge,
        )  # fmt: skip

    @cached_property
    def archives(self) -> DeskArchive:
        """Archives: taking, proving, listing."""
        from services.archive.access import DeskArchive

        return DeskArchive(
            self.gate, lambda: self._services.archive, ownership=self._services.usage.ownership,
            proofs=lambda: self._services.looking.proofs,
        )  # fmt: skip

    @cached_property
    def restore(self) -> DeskRestore:
        """Restores of archives."""
        from services.restore.access import DeskRestore

        return DeskRestore(
            self.gate, lambda: self._services.restore, ownership=self._services.usage.ownership,
            archives=lambda: self._services.archive, plans=lambda: self._services.looking.restore,
        )  # fmt: skip

    @cached_property
    def parking(self) -> DeskParking:
        """Parking tenants, and bringing them back."""
        from services.parking.access import DeskParking

        return DeskParking(
            self.gate, lambda: self._services.parking, ownership=self._services.usage.ownership,
            plans=lambda: self._services.looking.parking,
        )  # fmt: skip

    @cached_property
    def move(self) -> DeskMove:
        """Moving tenants to another deployment."""
        from services.move.access import DeskMove

        return DeskMove(
            self.gate, lambda: self._services.move, ownership=self._services.usage.ownership,
            plans=lambda: self._services.looking.move,
        )  # fmt: skip

    @cached_property
    def instances(self) -> DeskInstances:
        """KATOs of single tenants."""
        from services.instances.access import DeskInstances

        return DeskInstances(self.gate, lambda: self._services.serving.service)

    @cached_property
    def apart(self) -> DeskApart:
        """Taking apart kb_ids that tenants share."""
        from services.apart.access import DeskApart

        return DeskApart(
            self.gate, lambda: self._services.apart, ownership=self._services.usage.ownership,
            plans=lambda: self._services.looking.apart,
        )  # fmt: skip

    @cached_property
    def retention(self) -> DeskRetention:
        """What is kept, for how long and how much of it."""
        from services.retention.access import DeskRetention

        services = self._services
        return DeskRetention(
            self.gate, lambda: services.retaining.service, labels=services.cards.labels_within,
            plans=lambda: services.looking.retention,
        )  # fmt: skip

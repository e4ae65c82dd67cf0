"""What cards and legal holds raise."""

from __future__ import annotations

from services.errors import KatoTenantsError


class CardError(KatoTenantsError):
    """A tenant's card, a label, a hold, or a file of them, that cannot be taken."""


class OnHold(KatoTenantsError):
    """The data of `tenant` has to be kept, for a `reason` in somebody's words."""

    def __init__(self, tenant: str, reason: str) -> None:
        super().__init__(f"{tenant} is on legal hold ({reason}): nothing of it may be erased")
        self.tenant, self.reason = tenant, reason

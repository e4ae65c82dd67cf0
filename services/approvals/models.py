"""Requests for a second person's approval, and what keeps them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.access.viewer import Action
from services.tenancy.kb_ids import TenantKey

REASON, WHY, HOW_LONG = "Reason", "Why", "How long"
"""Names of details: why there is a purge, why a finding is accepted, and for how long."""
FREE_TEXTS = (REASON, WHY)
"""Of the details, what was typed by who asked: it may name anybody."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a second person's approval.

    It is over at `expires_at`, approved or not; `used_at` is when the action was done with it.
    `digest` stands for what exactly is to be done, which `details` say in words, by their names.
    """

    id: str
    action: Action
    digest: str
    target: str
    tenants: tuple[TenantKey, ...]
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    approved_by: str = ""
    approved_at: datetime | None = None
    used_at: datetime | None = None
    details: Mapping[str, str] = field(default_factory=dict)

    def covers(self, tenants: Collection[TenantKey], details: Mapping[str, str]) -> bool:
        """Whether it says all of this, and concerns all of these tenants: nobody's is everyone's.

        Who holds what may change between asking and doing.
        """
        within = not self.tenants or (bool(tenants) and set(tenants) <= set(self.tenants))
        return within and dict(self.details) == dict(details)

    def holds(self, now: datetime) -> bool:
        """Whether it is approved, not used up and not over."""
        return bool(self.approved_by) and self.used_at is None and now < self.expires_at

    def waits(self, now: datetime) -> bool:
        """Whether it is still to be approved."""
        return not self.approved_by and now < self.expires_at


class Requests(Protocol):
    """The requests in this product's own records. Every method raises StoreUnavailable."""

    def add(self, request: Request) -> None:
        """Keep a new one."""

    def one(self, request_id: str) -> Request | None:
        """Return one, or None when there is none."""

    def newest(self, limit: int = 200) -> tuple[Request, ...]:
        """Return the newest, the newest first."""

    def live(self, action: Action, asked_by: str, at: datetime) -> tuple[Request, ...]:
        """Return one person's for one kind of action, neither used nor over, the oldest first."""

    def waiting(self, asked_by: str, at: datetime) -> int:
        """Return how many of a person's wait to be approved."""

    def approve(self, request_id: str, by: str, at: datetime) -> bool:
        """Note an approval; False where it is approved, used or over, or their own."""

    def use(self, request_id: str, at: datetime) -> bool:
        """Use an approval up, once; False where another has, or it is over."""

    def give_back(self, request_id: str) -> None:
        """Make one that was used good again."""

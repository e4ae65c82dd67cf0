"""Viewers, roles, scopes and actions, and the decision whether one may do the other. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from services.errors import (
    AccessDenied,
    NamingError,
)
from services.tenancy.kb_ids import TenantKey


class Role(StrEnum):
    """What somebody is trusted with, the least first. Each includes those before it."""

    VIEWER = "viewer"
    SUPPORT = "support"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what another may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Action(StrEnum):
    """Everything that is decided about, by the name under which it is logged."""

    SEE_FLEET = "see figures"
    SEE_FINDINGS = "see findings"
    EXPORT = "export"
    FIND = "find"
    LOOK = "look into a tenant"
    INSPECT_SESSION = "inspect a session"
    DECRYPT = "decrypt metadata"
    CHANGE_SESSIONS = "change sessions"
    SEE_LOG = "read the audit log"
    CREATE_SESSION = "create a session"
    CLEAN_INDEX = "clean up the session index"
    PLAN_PURGE = "plan a purge"
    SEE_PURGES = "see purges"
    RUN_PURGE = "run a purge"
    STEER_PURGE = "steer a purge"
    STOP_PURGE = "stop a purge"
    STOP_JOB = "stop a job"
    STOP_ARCHIVE = "stop taking an archive"
    PLAN_ARCHIVE = "plan an archive"
    SEE_ARCHIVES = "see archives"
    ARCHIVE = "take an archive"
    END_AND_ARCHIVE = "end sessions and take an archive"
    VERIFY_ARCHIVE = "verify an archive"
    REMOVE_ARCHIVE = "remove an archive"
    PLAN_RESTORE = "plan a restore"
    RESTORE = "restore an archive"
    PARK = "park a tenant"
    UNPARK = "bring a parked tenant back"
    MOVE = "move a tenant"
    PLAN_INSTANCE = "plan an instance"
    SET_INSTANCE = "register an instance"
    RUN_INSTANCE = "run an instance"
    PLAN_APART = "plan taking a kb_id apart"
    APART = "take a kb_id apart"
    SEE_APPROVALS = "see approvals"
    APPROVE = "approve"
    ACCEPT_FINDING = "accept a finding"
    SEE_CANARY = "see the canary test"
    RUN_CANARY = "run the canary test"
    ROTATE_KEYS = "rotate keys"
    LOAD = "load data"
    IMPORT_NAMES = "import names"
    CONFIRM_OWNER = "confirm an owner"
    REVOKE_OWNER = "revoke a confirmation"
    SET_LIMITS = "set limits"
    SET_UP = "set up a tenant"
    IMPORT_DATA = "import data"
    EDIT_CARD = "edit a card"
    LABEL = "label a tenant"
    HOLD = "set a legal hold"
    LIFT_HOLD = "lift a legal hold"
    SET_RETENTION = "set retention"
    PLAN_RETENTION = "plan retention"
    RUN_RETENTION = "run retention"
    SET_BACKUPS = "set backups"
    BACK_UP = "back up a tenant"
    SEE_ALERTS = "see alerts"
    SILENCE = "silence alerts"
    TEST_ROUTE = "test a route"
    SEE_SETTINGS = "see settings"
    SEE_METRICS = "see metrics"


@dataclass(frozen=True, slots=True)
class Permission:
    """What an action takes: a role, and for the whole fleet a viewer who sees all of it.

    `writes` is False where nothing but this product's own records changes; `logged` is whether
    each time is written to the audit log, where it is refused it always is.
    """

    role: Role
    writes: bool = False
    fleet: bool = False
    logged: bool = True


PERMISSIONS: Mapping[Action, Permission] = {
    Action.SEE_FLEET: Permission(Role.VIEWER, logged=False),
    Action.SEE_FINDINGS: Permission(Role.VIEWER, logged=False),
    Action.EXPORT: Permission(Role.VIEWER),
    Action.FIND: Permission(Role.SUPPORT),
    Action.LOOK: Permission(Role.SUPPORT),
    Action.INSPECT_SESSION: Permission(Role.SUPPORT),
    Action.DECRYPT: Permission(Role.SUPPORT),
    Action.CHANGE_SESSIONS: Permission(Role.SUPPORT, writes=True),
    Action.SEE_LOG: Permission(Role.SUPPORT, logged=False),
    Action.CREATE_SESSION: Permission(Role.OPERATOR, writes=True),
    Action.CLEAN_INDEX: Permission(Role.OPERATOR, writes=True, fleet=True),
    Action.PLAN_PURGE: Permission(Role.OPERATOR),
    Action.SEE_PURGES: Permission(Role.OPERATOR, logged=False),
    Action.RUN_PURGE: Permission(Role.ADMIN, writes=True),
    Action.STEER_PURGE: Permission(Role.ADMIN, writes=True),
    Action.STOP_PURGE: Permission(Role.ADMIN, writes=True),
    Action.STOP_JOB: Permission(Role.ADMIN, writes=True),
    Action.STOP_ARCHIVE: Permission(Role.OPERATOR, writes=True),
    Action.PLAN_ARCHIVE: Permission(Role.OPERATOR),
    Action.SEE_ARCHIVES: Permission(Role.OPERATOR, logged=False),
    Action.ARCHIVE: Permission(Role.OPERATOR, writes=True),
    Action.END_AND_ARCHIVE: Permission(Role.ADMIN, writes=True),
    Action.VERIFY_ARCHIVE: Permission(Role.OPERATOR),
    Action.REMOVE_ARCHIVE: Permission(Role.ADMIN, writes=True),
    Action.PLAN_RESTORE: Permission(Role.OPERATOR),
    Action.RESTORE: Permission(Role.ADMIN, writes=True),
    Action.PARK: Permission(Role.ADMIN, writes=True),
    Action.UNPARK: Permission(Role.ADMIN, writes=True),
    Action.MOVE: Permission(Role.ADMIN, writes=True),
    Action.PLAN_INSTANCE: Permission(Role.OPERATOR),
    Action.SET_INSTANCE: Permission(Role.ADMIN, writes=True),
    Action.RUN_INSTANCE: Permission(Role.ADMIN, writes=True),
    Action.PLAN_APART: Permission(Role.OPERATOR),
    Action.APART: Permission(Role.ADMIN, writes=True),
    Action.SEE_APPROVALS: Permission(Role.SUPPORT, logged=False),
    Action.APPROVE: Permission(Role.ADMIN, writes=True),
    Action.ACCEPT_FINDING: Permission(Role.ADMIN, writes=True),
    Action.SEE_CANARY: Permission(Role.VIEWER, fleet=True, logged=False),
    Action.RUN_CANARY: Permission(Role.ADMIN, writes=True, fleet=True),
    Action.ROTATE_KEYS: Permission(Role.ADMIN, writes=True, fleet=True),
    Action.LOAD: Permission(Role.ADMIN, writes=True, fleet=True),
    Action.IMPORT_NAMES: Permission(Role.ADMIN, writes=True),
    Action.CONFIRM_OWNER: Permission(Role.ADMIN, writes=True),
    Action.REVOKE_OWNER: Permission(Role.ADMIN, writes=True),
    Action.SET_LIMITS: Permission(Role.ADMIN, writes=True, fleet=True),
    Action.SET_UP: Permission(Role.ADMIN, writes=True),
    Action.IMPORT_DATA: Permission(Role.ADMIN, writes=True),
    Action.EDIT_CARD: Permission(Role.ADMIN, writes=True),
    Action.LABEL: Permission(Role.ADMIN, writes=True, fleet=True),
    Action.HOLD: Permission(Role.ADMIN, writes=True),
    Action.LIFT_HOLD: Permission(Role.ADMIN, writes=True),
    Action.SET_RETENTION: Permission(Role.ADMIN, writes=True, fleet=True),
    Action.PLAN_RETENTION: Permission(Role.OPERATOR),
    Action.RUN_RETENTION: Permission(Role.ADMIN, writes=True, fleet=True),
    Action.SET_BACKUPS: Permission(Role.ADMIN, writes=True, fleet=True),
    Action.BACK_UP: Permission(Role.OPERATOR, writes=True),
    Action.SEE_ALERTS: Permission(Role.VIEWER, logged=False),
    Action.SILENCE: Permission(Role.OPERATOR, writes=True),
    Action.TEST_ROUTE: Permission(Role.OPERATOR, writes=True),
    Action.SEE_SETTINGS: Permission(Role.ADMIN, fleet=True, logged=False),
    Action.SEE_METRICS: Permission(Role.VIEWER, fleet=True, logged=False),
}
"""What each action takes. A test holds every action to be here."""


@dataclass(frozen=True, slots=True, order=True)
class TenantPattern:
    """Which tenants: `tenant/acme` for one, `org/*` for every one of a kind, `*` for all.

    Only a whole `*` stands for something else than itself: a tenant may be called `a*`.
    """

    kind: str
    id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one. Raises NamingError."""
        if text == "*":
            return cls("*", "*")
        tenant = TenantKey.parse(text)
        if tenant.kind == "*":
            raise NamingError("for every tenant write *, for every one of a kind kind/*")
        return cls(tenant.kind, tenant.id)

    def covers(self, tenant: TenantKey) -> bool:
        """Whether a tenant is one of these."""
        return self.kind == "*" or (self.kind == tenant.kind and self.id in ("*", tenant.id))

    def __str__(self) -> str:
        return "*" if self.kind == "*" else f"{self.kind}/{self.id}"


COMMAND = "cli/"
"""What the identity of whoever uses the shell begins with."""

EVERYTHING = frozenset({TenantPattern("*", "*")})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is signed in: an identity, a role, and the tenants in scope.

    `id` names the person for the log, as the identity provider does. `expires_at` is when the
    sign-in is over, None for one that holds as long as the server does. `token` is what the
    caller may pass on to KATO, and is in no representation.
    """

    id: str
    role: Role
    scope: frozenset[TenantPattern] = EVERYTHING
    expires_at: datetime | None = None
    token: str = field(default="", repr=False, compare=False)

    @property
    def sees_all(self) -> bool:
        """Whether no tenant is out of scope."""
        return any(pattern.kind == "*" for pattern in self.scope)

    def sees(self, tenant: TenantKey) -> bool:
        """Whether a tenant is in scope."""
        return any(pattern.covers(tenant) for pattern in self.scope)

    def sees_each(self, tenants: Collection[TenantKey]) -> bool:
        """Whether all of these are in scope; nobody's is only for those who see all."""
        return self.sees_all or (bool(tenants) and all(map(self.sees, tenants)))


def decide(
    viewer: Viewer, action: Action, *, now: datetime, tenants: Collection[TenantKey] | None = None,
    read_only: bool = False,
) -> None:  # fmt: skip
    """Raise AccessDenied unless a viewer may do this to these tenants now.

    `tenants` are all that hold what is concerned: none of them for what belongs to nobody, None
    where no tenant is concerned. The reason names no tenant that is not in scope.
    """
    permission = PERMISSIONS[action]
    if viewer.expires_at is not None and now >= viewer.expires_at:
        raise AccessDenied(action.value, "the sign-in has expired: sign in again")
    if not viewer.role.includes(permission.role):
        raise AccessDenied(action.value, f"it takes the role {permission.role.value}")
    if read_only and permission.writes:
        raise AccessDenied(action.value, "this dashboard is set to read only")
    if permission.fleet and not viewer.sees_all:
        raise AccessDenied(action.value, "it concerns every tenant, and not all are in scope")
    if tenants is not None and not viewer.sees_each(tenants):
        raise AccessDenied(action.value, "not every tenant that it concerns is in scope")


_EVERY = "*"


class Sight:
    """Answers as `Viewer.sees` and `Viewer.sees_each` do, at a cost that no scope adds to."""

    __slots__ = ("_kinds", "_tenants", "sees_all")

    def __init__(self, viewer: Viewer) -> None:
        self.sees_all = viewer.sees_all
        self._kinds = frozenset(each.kind for each in viewer.scope if each.id == _EVERY)
        self._tenants = frozenset((each.kind, each.id) for each in viewer.scope)

    def sees(self, tenant: TenantKey) -> bool:
        """Whether a tenant is in scope."""
        return (
            self.sees_all or tenant.kind in self._kinds or (tenant.kind, tenant.id) in self._tenants
        )

    def sees_each(self, tenants: Collection[TenantKey]) -> bool:
        """Whether all of these are in scope; nobody's is only for those who see all."""
        return self.sees_all or (bool(tenants) and all(map(self.sees, tenants)))


class Outcome(StrEnum):
    """How far an action is. What has begun and has no other entry never ended."""

    BEGUN = "begun"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def word(self) -> str:
        """What people are told; the log and JSON have the value."""
        return "started" if self is Outcome.BEGUN else self.value

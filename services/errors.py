"""Everything this product raises on purpose.

```
KatoTenantsError
├── AccessDenied             somebody may not do this; says what it takes
├── ApprovalNeeded           a second person has to approve it first
├── EndNotLogged             it was done, and that could not be written to the audit log
├── NotSignedIn              nobody is known, or not any more
├── SettingsError            a missing or wrong setting; names the variable
├── StartFailed              a defect of this product that shows when it starts
├── NamingError              a field value that a naming scheme could not read back
├── SessionRefused           a session that KATO would take and mishandle
├── PurgeRefused             a purge that may not be planned, begun or resumed
├── LeaseLost                another process has taken a job over
├── TurnLost                 another dashboard collects by now
├── FindingError             a finding that is not there to be accepted
├── AlertError               an alert, a silence or a route that is not there (services.alerts)
├── NamesError               a file of node_ids, or an owner to confirm, that cannot be taken
├── LimitsError              a limit, or a file of them, that cannot be taken
├── LogError                 an entry of the audit log, or an anchor, that cannot be made or read
├── EncryptionError          metadata that cannot be encrypted or decrypted
├── NotThisTenants           what was asked for is not of the tenant that is looked into
├── ValueNotWhole            a Redis key's value that is gone, too large or not read
├── VectorError              a vector or a point's id that cannot be searched with
├── EmbeddedBusy             another process holds the embedded engines
└── StoreError               something about one store, while doing one operation
    ├── StoreUnavailable     no answer: down, too slow, or dropped half-way
    ├── StoreDenied          it answered, and refused who we are
    ├── StoreMisconfigured   it answered, but the database, table or address is not KATO's
    ├── StoreRejected        it answered, and refused this one request
    │   └── SessionGone      KATO has no such session, or no longer
    └── StoreNotConfigured   no address was given for it
```

What archives and the embedded engines raise besides stands in the `errors` of their rooms, and what
the other rooms refuse in their `models`.

Messages are safe to show: they carry the store, the operation and a reason in our own
words, never a driver's text, which can hold a password or a URL.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

_LONGEST_REASON = 400
_NAMED = {
    name.lower(): name
    for name in ("", "ClickHouse", "Redis", "Qdrant", "KATO", "state store", "history store")
}
"""The stores that have a name of ours; others, as where anchors go, have one from the settings."""

NOT_READ = "it could not be read"


class Fault(StrEnum):
    """What a store did, or did not do."""

    FAILED = "failed"
    UNAVAILABLE = "did not answer"
    DENIED = "refused access"
    MISCONFIGURED = "is not set up for KATO"
    REJECTED = "rejected the request"
    NOT_CONFIGURED = "is not configured"
    PENDING = "being read for the first time"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something is not known, or was not done; `str` says it in words.

    `fault` is what `store` did, None where it was no store's: these name nobody, others may.
    """

    reason: str = ""
    store: str = ""
    fault: Fault | None = None
    operation: str = ""

    def __str__(self) -> str:
        if self.fault is None:
            return self.reason
        doing = f" ({self.operation})" if self.operation else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{_NAMED.get(self.store, self.store)} {self.fault}".lstrip() + doing + why

    def nameless(self, otherwise: str = NOT_READ) -> Problem:
        """Return what of it names nobody: which store did what, or else `otherwise`."""
        if self.fault is None or self.store not in {"", "state store", *_NAMED}:
            return Problem(otherwise)
        return Problem(store=self.store, fault=self.fault)

    @property
    def kept(self) -> str | list[str]:
        """The JSON as which it is kept; `of_kept` reads it back."""
        if self.fault is None:
            return self.reason
        return [self.store, self.fault.value, self.operation, self.reason]

    @classmethod
    def of_kept(cls, found: str | list[str]) -> Problem:
        """Read `kept`, or the words alone that a version before wrote."""
        if isinstance(found, str):
            return cls(found)
        store, fault, operation, reason = found
        known = fault in set(Fault)  # a name that was to be forgotten may have been the same word
        return cls(reason, store, Fault(fault), operation) if known else cls(reason)


class KatoTenantsError(Exception):
    """The root of every error that this product raises on purpose."""

    @property
    def problem(self) -> Problem:
        """What it comes to, as a value."""
        return Problem(str(self))


class AccessDenied(KatoTenantsError):
    """Somebody may not do `action`; `reason` says what it takes, and no tenant out of scope."""

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"not allowed to {action}: {reason}")
        self.action, self.reason = action, reason


class ApprovalNeeded(KatoTenantsError):
    """A second person has to approve this first; `request` is the id under which it waits."""

    def __init__(self, request: str) -> None:
        super().__init__(f"a second admin has to approve this first (request {request})")
        self.request = request


class EndNotLogged(KatoTenantsError):
    """What came of an action could not be logged; `failure` is what was not done, or empty."""

    def __init__(self, action: str, failure: str, reason: str) -> None:
        done = f"was done as far as it could be ({failure})" if failure else "was done"
        super().__init__(
            f"this {done} ({action}), but the audit log could not take down its end: do not repeat "
            f"it before you have looked. {reason}"
        )
        self.action, self.failure = action, failure


class NotSignedIn(KatoTenantsError):
    """Nobody is known: no sign-in, one that cannot be trusted, or one that is over."""


class SettingsError(KatoTenantsError):
    """The setting `variable` is missing or wrong. Its text is one line that can be printed."""

    def __init__(self, variable: str, reason: str) -> None:
        printed = "".join(char if char.isprintable() else " " for char in reason)
        reason = " ".join(printed.split())[:_LONGEST_REASON]
        super().__init__(f"{variable}: {reason}")
        self.variable, self.reason = variable, reason


class StartFailed(KatoTenantsError):
    """This product failed while starting, by a defect of its own: what it came from says which."""


class NamingError(KatoTenantsError):
    """A naming scheme, or a value for one of its fields, that could not be read back."""


class SessionRefused(KatoTenantsError):
    """A session that KATO would take and mishandle, or that would land on another's memory."""


class PurgeRefused(KatoTenantsError):
    """A purge that may not be planned, begun or resumed."""


class NoSuchJob(PurgeRefused):
    """A purge job that is not there, or not for who asks."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no purge job {job_id}")


class NoSuchPlan(PurgeRefused):
    """A plan of a purge that is not there, or not for who asks."""

    def __init__(self) -> None:
        super().__init__("there is no plan with this digest: plan again")


class LeaseLost(KatoTenantsError):
    """Another process has taken a job over, or it has ended: this one writes no more."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"another process has the job {job_id} now, or it has ended")


class TurnLost(KatoTenantsError):
    """Another dashboard collects by now: this one writes nothing more of what it read."""

    def __init__(self) -> None:
        super().__init__("another dashboard collects by now")


class FindingError(KatoTenantsError):
    """A finding that is not there, or not any more."""


class NamesError(KatoTenantsError):
    """A file of node_ids that cannot be read, or an owner that cannot be confirmed or revoked."""


class LimitsError(KatoTenantsError):
    """A limit, or a file of limits, that cannot be taken."""


class LogError(KatoTenantsError):
    """An entry of the audit log, or an anchor of it, that cannot be written or read."""


class EncryptionError(KatoTenantsError):
    """Metadata that cannot be encrypted or decrypted. Carries neither values nor keys."""


class NotThisTenants(KatoTenantsError):
    """A kb_id, key, collection or point that is not of the tenant that is looked into."""


class VectorError(KatoTenantsError):
    """A vector or a point's id that cannot be read, or does not fit the collection."""


class EmbeddedBusy(KatoTenantsError):
    """Another process holds the embedded engines of this data directory."""


class ValueNotWhole(KatoTenantsError):
    """A key's value cannot be given whole: it is gone, too large, or of a type that is not read."""


class StoreError(KatoTenantsError):
    """One store failed one operation.

    `store` is its short name (`redis`), `operation` what was done, `reason` why, in our words.
    """

    fault: ClassVar[Fault] = Fault.FAILED

    def __init__(self, store: str, operation: str, reason: str) -> None:
        super().__init__(str(Problem(reason, store, self.fault, operation)))
        self.store, self.operation, self.reason = store, operation, reason

    @property
    def problem(self) -> Problem:
        """What it comes to, as a value."""
        return Problem(self.reason, self.store, self.fault, self.operation)


class StoreUnavailable(StoreError):
    """The store gave no answer: it is down, too slow, or dropped the connection."""

    fault = Fault.UNAVAILABLE


class StoreDenied(StoreError):
    """The store answered and refused our credentials or rights."""

    fault = Fault.DENIED


class StoreMisconfigured(StoreError):
    """The store answered, but it lacks what KATO would have put there."""

    fault = Fault.MISCONFIGURED


class StoreRejected(StoreError):
    """The store answered and refused this one request."""

    fault = Fault.REJECTED


class SessionGone(StoreRejected):
    """KATO has no such session: it expired, was deleted, or never was."""


class StoreNotConfigured(StoreError):
    """No address was given for this store."""

    fault = Fault.NOT_CONFIGURED

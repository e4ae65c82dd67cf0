"""The gate: every action of a viewer is decided, approved where that is set, and logged.

An action that cannot be logged does not happen: what is logged first is that it begins.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from services.access.viewer import PERMISSIONS, Action, Outcome, Viewer, decide
from services.errors import AccessDenied, ApprovalNeeded, EndNotLogged, KatoTenantsError
from services.tenancy.kb_ids import TenantKey

Tenants = Collection[TenantKey]

logger = logging.getLogger(__name__)

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Log(Protocol):
    """Where actions are written. Every method raises StoreError when it cannot be."""

    def begin(
        self, viewer: Viewer, action: Action, *, tenants: Tenants, target: str, digest: str,
        reason: str = "",
    ) -> str:  # fmt: skip
        """Write that an action begins, and return the id under which its end is written."""

    def end(self, request_id: str, outcome: Outcome, *, reason: str = "", digest: str = "") -> None:
        """Write how an action ended."""

    def refused(
        self, viewer: Viewer, action: Action, *, tenants: Tenants, target: str, reason: str
    ) -> None:
        """Write that an action was not allowed."""


class Approvals(Protocol):
    """Second persons."""

    def use(self, viewer: Viewer, action: Action, *, tenants: Tenants, target: str,
            digest: str, details: Mapping[str, str]) -> str:  # fmt: skip
        """Use up an approval of this very thing and return its id, or raise ApprovalNeeded.

        `details` say in words, by their names, what a second person has to know of it.
        """

    def give_back(self, request_id: str) -> None:
        """Make an approval good again: what it was used for failed."""


@dataclass(slots=True)
class Doing:
    """An action under way; `digest` and `failure` may be set to what came of it."""

    digest: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Gate:
    """Decides and logs for whoever `viewer` says it is, asked anew for every action.

    `approvals` are made when they are first asked for, which most actions never do;
    `two_persons` are the actions that wait for a second person's approval.
    """

    viewer: Callable[[], Viewer]
    log: Log
    approvals: Callable[[], Approvals]
    now: Callable[[], datetime]
    read_only: bool = False
    two_persons: frozenset[Action] = field(default_factory=frozenset)

    def allow(self, action: Action, *, tenants: Tenants | None = None, target: str = "") -> Viewer:
        """Return the viewer when this is allowed, writing nothing.

        Raises AccessDenied, which is logged, and NotSignedIn.
        """
        viewer = self.viewer()
        try:
            self._decide(viewer, action, tenants)
        except AccessDenied as exc:
            self._refused(viewer, action, tenants or (), target, exc)
            raise
        return viewer

    def why_not(self, action: Action, *, tenants: Tenants | None = None) -> str:
        """Say why this would be refused now; empty where it would not. Logs nothing."""
        try:
            self._decide(self.viewer(), action, tenants)
        except AccessDenied as exc:
            return exc.reason
        except KatoTenantsError as exc:
            return str(exc)
        return ""

    @contextmanager
    def doing(
        self, action: Action, *, tenants: Tenants | None = None, target: str = "",
        digest: str = "", details: Mapping[str, str] = _NOTHING, whose: Tenants | None = None,
        reason: str = "",
    ) -> Iterator[Doing]:  # fmt: skip
        """Do something: decided, logged before and after, and approved where that is set.

        `details` are for the second person, and in no log. The log has `reason`, why it is done,
        and names `whose` data it is where `tenants`, which decide, are nobody or more.
        Raises AccessDenied, NotSignedIn, ApprovalNeeded, and StoreError where it cannot be
        logged: then the block is not run. Raises EndNotLogged where the block was run, and what
        came of it cannot be logged.
        """
        viewer = self.allow(action, tenants=tenants, target=target)
        concerned = tuple(tenants or ())
        doing = Doing(digest)
        if not PERMISSIONS[action].logged:
            yield doing
            return
        request = self.log.begin(
            viewer, action, tenants=concerned if whose is None else whose, target=target,
            digest=digest, reason=reason,
        )  # fmt: skip
        used = ""
        try:
            if action in self.two_persons:
                used = self.approvals().use(
                    viewer, action, tenants=concerned, target=target, digest=digest,
                    details=details,
                )  # fmt: skip
            yield doing
        except BaseException as exc:
            self._failed(request, exc, used)
            raise
        self._ended(request, action, doing)

    def _decide(self, viewer: Viewer, action: Action, tenants: Tenants | None) -> None:
        decide(viewer, action, now=self.now(), tenants=tenants, read_only=self.read_only)

    def _refused(
        self, viewer: Viewer, action: Action, tenants: Tenants, target: str, exc: AccessDenied
    ) -> None:
        """Log a refusal, where it can be; it holds either way."""
        try:
            self.log.refused(viewer, action, tenants=tenants, target=target, reason=exc.reason)
        except KatoTenantsError as lost:
            exc.add_note(f"that it was refused could not be logged: {lost}")
            logger.warning("a refusal to %s could not be logged: %s", action.value, lost)

    def _failed(self, request: str, exc: BaseException, used: str) -> None:
        """Log that an action failed, where it can be; the error of the action goes first.

        The approval that it used is good again: what failed may be tried again.
        """
        refused = isinstance(exc, AccessDenied | ApprovalNeeded)
        outcome = Outcome.REFUSED if refused else Outcome.FAILED
        try:
            if used:
                self.approvals().give_back(used)
            self.log.end(request, outcome, reason=_words(exc))
        except KatoTenantsError as lost:
            exc.add_note(f"that it failed could not be logged either: {lost}")
            logger.warning("the end of the action %s could not be logged: %s", request, lost)

    def _ended(self, request: str, action: Action, doing: Doing) -> None:
        outcome = Outcome.FAILED if doing.failure else Outcome.DONE
        try:
            self.log.end(request, outcome, reason=doing.failure, digest=doing.digest)
        except KatoTenantsError as exc:
            raise EndNotLogged(action.value, doing.failure, str(exc)) from exc


def _words(exc: BaseException) -> str:
    """Say why something failed: our own errors are safe to show, others may hold anything."""
    return str(exc) if isinstance(exc, KatoTenantsError) else type(exc).__name__


def digest_of_words(*words: str) -> str:
    """Return SHA-256 over words, in hex; no two lists of words have one text."""
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()

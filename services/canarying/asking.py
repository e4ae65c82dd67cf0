"""Asking one question in one throwaway tenant's name, and what its answer comes to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from services.attribution import Ownership
from services.canarying.judging import PASSED, Judge, Judgement, unknown
from services.canarying.models import Canary, Outcome, Probe
from services.canarying.sources import UseCases
from services.errors import KatoTenantsError, NotThisTenants, StoreNotConfigured, StoreUnavailable
from services.figures import Measure, StoreState
from services.inspected import Scope
from services.snapshot import Snapshot, TenantUsage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asker:
    """In whose name questions are asked, whose data is not to come back, and what is known.

    `session` and `other_session` are the ids of their sessions, empty without a KATO.
    """

    cases: UseCases
    snapshot: Snapshot
    ownership: Ownership
    me: Canary
    other: Canary
    session: str = ""
    other_session: str = ""

    @property
    def usage(self) -> TenantUsage:
        """My figures. Raises StoreUnavailable where the fleet's do not show me."""
        found = self.snapshot.tenant(self.me.tenant)
        if found is None:
            why = "the fleet's figures do not show what was written"
            raise StoreUnavailable("kato-tenants", "looking for the throwaway tenant", why)
        return found

    @property
    def scope(self) -> Scope:
        """What I may look into."""
        return self.cases.inspection.scope(self.snapshot, self.usage)

    def has(self, measure: Measure) -> bool:
        """Whether the store of a measure is configured."""
        return self.snapshot.stores[measure].state is not StoreState.NOT_CONFIGURED

    @property
    def marks(self) -> tuple[str, ...]:
        """What must not come back."""
        return (*self.other.marks, *([self.other_session] if self.other_session else []))


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `refusal`: that it is refused is the right answer."""

    asked: str
    ask: Callable[[], object]
    judge: Judge
    refusal: bool = False


def put(question: Question, asker: Asker) -> Probe:
    """Ask one question."""
    outcome, leaked, reason = _judged(question)
    return Probe(
        question.asked, str(asker.me.tenant), str(asker.other.tenant), outcome, leaked, reason
    )


def _judged(question: Question) -> Judgement:
    try:
        return question.judge(question.ask())
    except NotThisTenants as exc:
        return PASSED if question.refusal else unknown(f"its own was refused: {exc}")
    except StoreNotConfigured as exc:
        return Outcome.NOT_CONFIGURED, (), str(exc)
    except KatoTenantsError as exc:
        return unknown(str(exc))
    except Exception as exc:  # a fault of ours is no proof of anything
        logger.exception("a canary question failed")
        return unknown(f"this product failed ({type(exc).__name__})")

"""Asking one question in one throwaway tenant's name, and what its answer comes to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from services.browse.models import Scope
from services.canary.models import Canary, Outcome, Probe
from services.canary.tools import UseCases
from services.canary.x_canarying_judging import PASSED, Judge, Judgement, unknown
from services.errors import KatoTenantsError, NotThisTenants, StoreNotConfigured, StoreUnavailable
from services.figures import Measure, StoreState
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot, TenantUsage

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


def put(questions: Iterable[Question], asker: Asker) -> Iterator[Probe]:
    """Ask questions about one store, one after the other.

    Once it does not answer, only what it is not needed for is asked on: what is to be refused.
    """
    silent = ""
    for question in questions:
        if silent and not question.refusal:
            outcome, leaked, reason = unknown(silent)
        else:
            (outcome, leaked, reason), silent = _judged(question, silent)
        yield Probe(
            question.asked, str(asker.me.tenant), str(asker.other.tenant), outcome, leaked, reason
        )


def _judged(question: Question, silent: str) -> tuple[Judgement, str]:
    """Ask, and return the judgement, and why its store is not to be asked any more."""
    try:
        return question.judge(question.ask()), silent
    except StoreUnavailable as exc:
        return unknown(str(exc)), f"not asked: {exc}"
    except KatoTenantsError as exc:
        return _refused(question, exc), silent
    except Exception as exc:  # a fault of ours is no proof of anything
        logger.exception("a canary question failed")
        return unknown(f"this product failed ({type(exc).__name__})"), silent


def _refused(question: Question, exc: KatoTenantsError) -> Judgement:
    match exc:
        case NotThisTenants():
            return PASSED if question.refusal else unknown(f"its own was refused: {exc}")
        case StoreNotConfigured():
            return Outcome.NOT_CONFIGURED, (), str(exc)
        case _:
            return unknown(str(exc))

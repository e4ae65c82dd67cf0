"""Asking one question in one throwaway tenant's name, and whether its answer is another's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

from services.browse.models import Scope
from services.canary.models import Canary, Outcome, Probe
from services.canary.tools import UseCases
from services.errors import (
    Fault,
    KatoTenantsError,
    NotThisTenants,
    Problem,
    StoreNotConfigured,
    StoreUnavailable,
)
from services.figures import Measure, StoreState
from services.tenancy.layout import text_of
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


Judgement = tuple[Outcome, tuple[str, ...], str]
"""What an answer comes to: the outcome, what leaked, and why it is not known."""

Judge = Callable[[object], Judgement]
PASSED: Judgement = (Outcome.PASSED, (), "")


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in a value: in its fields, members, names, and as it writes itself."""
    match value:
        case str():
            yield str(value)
        case bytes():
            yield text_of(value)
        case Mapping():
            yield from (text for pair in value.items() for text in texts_in(pair))
        case Iterable():
            yield from (text for member in value for text in texts_in(member))
        case _ if is_dataclass(value) and not isinstance(value, type):
            held = (getattr(value, field.name) for field in fields(value))
            yield from (text for each in held for text in texts_in(each))
        case _:
            yield str(value)


def found_in(answer: object, marks: Iterable[str]) -> tuple[str, ...]:
    """Return those of the marks that are somewhere in an answer."""
    text = "\n".join(texts_in(answer))
    return tuple(mark for mark in marks if mark in text)


def unknown(reason: str) -> Judgement:
    """Return what an answer comes to that says nothing."""
    return Outcome.UNKNOWN, (), reason


def only_own(own: Iterable[str], others: Iterable[str]) -> Judge:
    """Pass an answer that has everything of its own, and nothing of the other's.

    One that lacks its own proves nothing by its silence.
    """
    own, others = tuple(own), tuple(others)

    def judge(answer: object) -> Judgement:
        leaked = found_in(answer, others)
        if leaked:
            return Outcome.FAILED, leaked, ""
        problem = _problem_of(answer)
        if problem:
            return unknown(problem)
        if len(found_in(answer, own)) < len(own):
            return unknown("what is its own was not in the answer either")
        return PASSED

    return judge


def nothing(others: Iterable[str]) -> Judge:
    """Pass an answer that is empty."""
    others = tuple(others)

    def judge(answer: object) -> Judgement:
        if answer is None or answer == ():
            return PASSED
        return Outcome.FAILED, found_in(answer, others) or ("an answer that is not empty",), ""

    return judge


def refused(others: Iterable[str]) -> Judge:
    """Fail any answer: the question was to be refused."""
    others = tuple(others)

    def judge(answer: object) -> Judgement:
        return Outcome.FAILED, found_in(answer, others) or ("it was answered",), ""

    return judge


def _problem_of(answer: object) -> str:
    """Return why an answer is not whole; by a store that is not configured it is not less."""
    found = (getattr(answer, "problem", None), *getattr(answer, "problems", ()))
    return "; ".join(str(each) for each in found if each and not _not_configured(each))


def _not_configured(problem: object) -> bool:
    return isinstance(problem, Problem) and problem.fault is Fault.NOT_CONFIGURED

"""Whether an answer holds what is another tenant's. Pure: any value is looked into, to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass

from services.canary.models import Outcome
from services.errors import Fault, Problem
from services.tenancy.layout import text_of

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

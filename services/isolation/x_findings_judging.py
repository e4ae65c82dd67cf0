"""Runs the rules over what was seen. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from services.errors import Problem
from services.isolation.models import CannotTell, Need, Rule, RuleResult, RuleState, Seen

_EXPOSURE = "exposure"
_OURS = "the engines run inside this dashboard, and nobody else reaches them"


def judge(
    rules: Iterable[Rule], seen: Seen, *, unread: Mapping[Need, Problem], absent: Collection[Need],
    embedded: bool,
) -> Iterator[RuleResult]:  # fmt: skip
    """Yield what comes of each rule.

    `unread` are the needs that could not be read, with why, `absent` those of stores that are
    not configured; a rule that needs one of either is not run.
    """
    for rule in rules:
        missing = [need for need in Need if need in rule.needs]
        absence = next((need for need in missing if need in absent), None)
        problem = next((unread[need] for need in missing if need in unread), None)
        if embedded and rule.area == _EXPOSURE:
            yield RuleResult(rule, RuleState.NOT_CONFIGURED, reason=Problem(_OURS))
        elif absence is not None:
            reason = f"{absence.value} are of a store that is not configured"
            yield RuleResult(rule, RuleState.NOT_CONFIGURED, reason=Problem(reason))
        elif problem is not None:
            yield RuleResult(rule, RuleState.UNKNOWN, reason=problem)
        else:
            yield _run(rule, seen)


def _run(rule: Rule, seen: Seen) -> RuleResult:
    try:
        found = tuple(rule.find(seen))
    except CannotTell as exc:
        return RuleResult(rule, RuleState.UNKNOWN, reason=Problem(str(exc)))
    return RuleResult(rule, RuleState.FOUND if found else RuleState.PASSED, found)

"""Policies as people write them: for whom, of what, how much, when; and in words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.access.viewer import TenantPattern
from services.cards.scope import Scope
from services.errors import LimitsError
from services.jobs.schedule import ScheduleError, schedule_of
from services.limits.written import most_of as number_of, scope_of as limits_scope
from services.retention.models import (
    EVERYBODYS,
    LONGEST_IDLE,
    QUANTITIES,
    SHORTEST,
    SPANS,
    Bound,
    Left,
    Matter,
    Policy,
    RetentionError,
    bound_of,
    matter_of,
)

ALL = "all"
"""How much is kept where nothing goes, whatever wider policies say."""

LEFT_WORDS: Mapping[Left, str] = {
    Left.HOLD: "on legal hold",
    Left.HOLD_ELSEWHERE: "somebody is on legal hold, and nothing tells apart what is theirs",
    Left.SHARED: "shared with another tenant",
    Left.INFERRED: "whose it is, is only a guess",
    Left.BUSY: "a purge has it",
    Left.NAME: "its name cannot be told from what other keys begin with",
    Left.TIMELESS: "it does not say when it was used",
    Left.POLICY: "no policy is about it any more",
}
"""Why something is left as it is."""

_SPAN = re.compile(r"([0-9]{1,9})\s?(d|h|m|s)")
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_LONGEST = 100 * 365 * 86_400


def scope_of(text: str) -> Scope:
    """Read whom a policy is for: `*`, `org/*`, `tenant/acme` or `label:plan=gold`.

    Raises RetentionError.
    """
    try:
        return limits_scope(text)
    except LimitsError as exc:
        raise RetentionError(str(exc)) from None


def quantity_of(text: str) -> str:
    """Read what a policy is of. Raises RetentionError."""
    if text not in QUANTITIES:
        raise RetentionError(f"a policy is of one of {', '.join(QUANTITIES)}")
    return text


def most_of(text: str, quantity: str) -> int | None:
    """Read how much is kept: a number, a size as `5GB`, a span as `30d` or `12h`; or `all`.

    Raises RetentionError.
    """
    bare, bound = text.strip().lower(), bound_of(quantity)
    if bare == ALL:
        return None
    if bound in SPANS:
        return _span(bare, quantity)
    try:
        return number_of(text, "keys_bytes" if bound is Bound.BYTES else "keys")
    except LimitsError:
        kinds = "a size as 500MB or 5GiB" if bound is Bound.BYTES else "a whole number"
        raise RetentionError(f"{quantity} takes {kinds}, or {ALL} to keep all") from None


def _span(bare: str, quantity: str) -> int:
    found = _SPAN.fullmatch(bare)
    if found is None:
        raise RetentionError(f"{quantity} takes a span as 30d, 12h or 90m, or {ALL} to keep all")
    seconds = int(found[1]) * _SECONDS[found[2]]
    is_idle_key = quantity == f"{Matter.PREDICTIONS}:{Bound.IDLE}"
    longest = LONGEST_IDLE if is_idle_key else _LONGEST
    if not SHORTEST <= seconds <= longest:
        why = ": Redis cannot tell how long a key was not used beyond 194 days" * is_idle_key
        raise RetentionError(f"{quantity} is from 1m to {longest // 86_400}d{why}")
    return seconds


def policy_of(scope: str, quantity: str, most: str, cron: str = "", zone: str = "UTC") -> Policy:
    """Read a policy. Raises RetentionError."""
    whom, what = scope_of(scope), quantity_of(quantity)
    if matter_of(what) in EVERYBODYS and whom != TenantPattern("*", "*"):
        raise RetentionError(
            f"{matter_of(what)} are everybody's, and nothing tells them apart: a policy of "
            "theirs is for *"
        )
    try:
        schedule = schedule_of(cron, zone) if cron.strip() else None
    except ScheduleError as exc:
        raise RetentionError(str(exc)) from None
    return Policy(whom, what, most_of(most, what), schedule)


def span_words(seconds: int) -> str:
    """Say a span as it is written: in the largest unit that has no rest."""
    unit = next(unit for unit, length in _SECONDS.items() if seconds % length == 0)
    return f"{seconds // _SECONDS[unit]:,}{unit}"


def most_words(policy: Policy) -> str:
    """Say how much a policy keeps, as `set` takes it."""
    if policy.most is None:
        return ALL
    return span_words(policy.most) if bound_of(policy.quantity) in SPANS else f"{policy.most:,}"


def words_of(policy: Policy) -> str:
    """Say a policy in one line; the name in it is as it is, not made visible."""
    when = f" at {policy.schedule}" if policy.schedule else ""
    return f"{policy.scope} {policy.quantity} {most_words(policy)}{when}"

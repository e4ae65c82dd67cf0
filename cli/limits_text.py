"""Limits and standings as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cli.printed import aligned
from services.limits.models import Kept, Standing, State, in_order
from services.limits.preview import Preview
from services.limits.written import NO_LIMIT, state_words
from services.usage.formats import stamp
from services.visible import visible


def rules_text(kept: Iterable[Kept]) -> str:
    """Return one line a rule, or that there is none."""
    rows = [
        (visible(str(each.rule.scope)), each.rule.quantity, _most(each.rule.most),
         visible(each.by), stamp(each.at) or "", visible(each.why))
        for each in in_order(kept)
    ]  # fmt: skip
    if not rows:
        return "no limit is set"
    return aligned([("FOR", "MEASURE", "LIMIT", "BY", "AT", "WHY"), *rows])


def standings_text(found: Iterable[Standing]) -> str:
    """Return one line for each limit of each tenant, or that none has one."""
    rows = [
        (visible(str(each.tenant)), each.quantity, _used(each), f"{each.most:,}", _share(each),
         _state(each), visible(str(each.source)))
        for each in found
    ]  # fmt: skip
    if not rows:
        return "no tenant has a limit"
    return aligned([("TENANT", "MEASURE", "USED", "LIMIT", "SHARE", "STATE", "FROM"), *rows])


def counts_text(would: Preview | None, *, put: int, removed: int) -> str:
    """Say what was changed, or would be, and how many tenants would be in which state."""
    done = "would be " if would is not None else ""
    lines = [f"{done}set: {put:,}, {done}removed: {removed:,}"]
    if would is not None:
        lines += [f"{would.counts[state]:>9,}  {state.value}" for state in State]
        lines.append(f"{would.freed:>9,}  with a limit less")
    return "\n".join(lines)


def _most(most: int | None) -> str:
    return NO_LIMIT if most is None else f"{most:,}"


def _used(each: Standing) -> str:
    if each.used is None:
        return "unknown"
    least, margin = "≥ " * each.at_least, each.used.margin
    return f"{least}{each.used.value:,}" + (f" ± {margin:,}" if margin else "")


def _share(each: Standing) -> str:
    return "" if each.share is None else f"{each.share:.0%}"


def _state(each: Standing) -> str:
    if each.state is State.UNKNOWN:
        return f"unknown: {visible(str(each.reason or ''))}"
    return state_words(each)

"""The first step of every run of a purge: everything that the plan rests on is looked at anew."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from services.errors import StoreNotConfigured
from services.jobs.models import Result, StepState
from services.purge import failover
from services.purge.context import Context
from services.purge.journal import CHECKED, counts_rows, found_of
from services.purge.judge import Halted
from services.purge.models import Names
from services.purge.plan import Looks, moved_on
from services.purge.steps import StepName
from services.purge.target import may_be, select


def check(context: Context) -> Result:
    """Look anew at everything that the plan rests on, at the beginning of every run."""
    tools, plan = context.tools, context.job.plan
    held = tools.surveys.take(plan.digest)
    target, ownership = plan.request.target, context.judge.ownership
    names = tools.erasers.names(may_be(target, ownership), held)
    context.judge.learn_names(names)
    context.judge.may_go()
    context.survey = names.survey
    failover.note(context)
    looks = context.look(survey=names.survey)
    _check_plan(context, names, looks)
    context.judge.sessions |= sessions_there(context)
    return _checked(context, _with_survey(looks, names))


def _check_plan(context: Context, names: Names, looks: Looks) -> None:
    plan = context.job.plan
    selection = select(
        plan.request, names, context.judge.ownership, known=plan.surface.kb_ids
    )  # fmt: skip
    unread = {m: why for m, why in names.problems.items() if m in plan.request.stores}
    changed = moved_on(plan, selection, replace(looks, problems={**unread, **looks.problems}))
    changed += context.tools.erasers.lacking(plan.request)
    if changed:
        raise Halted(f"the stores are no longer as planned: {'; '.join(changed[:3])}; plan again")


def _with_survey(looks: Looks, names: Names) -> Looks:
    """Return looks that say how much is in Redis where that was read by the survey."""
    if names.survey is None:
        return looks
    return replace(looks, everything={**looks.everything, "keys": names.survey.everything})


def _checked(context: Context, looks: Looks) -> Result:
    """Add this run's first look to those of the runs before it."""
    before = context.job.step(StepName.CHECK)
    attempts = list(before.result.get("attempts", ())) if before is not None else []
    done = [s.name.value for s in context.job.steps if s.state is StepState.DONE]
    everything = before.result.get("everything") if before is not None else None
    attempts.append({"items": counts_rows(looks.items), "done": done})
    return {
        **found_of(looks),
        CHECKED: attempts,
        "everything": everything or found_of(looks)["everything"],
        "sessions": dict(context.judge.sessions),
    }


def sessions_there(context: Context) -> Mapping[str, str]:
    """Return the target's sessions that are there, and those that came since."""
    with suppress(StoreNotConfigured):
        keys = context.tools.erasers.keys
        return keys.sessions(context.surface, context.judge.wants, context.survey)
    return {}

"""Does the steps of an order one by one, and says how each went. Pure.

The first that is not done ends it: what comes after is left to do. The same order goes on there,
since what is there already is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from services.errors import ApprovalNeeded, KatoTenantsError
from services.setup.models import Step, StepState


def run(steps: Iterable[Step], do: Callable[[Step], None]) -> tuple[Step, ...]:
    """Do what is left of steps, and return them with how each went."""
    done, halted = [], False
    for step in steps:
        if not step.state.is_over and not halted:
            step = _attempted(step, do)  # noqa: PLW2901 - it is the same step, later
        halted = halted or not step.state.is_over
        done.append(step)
    return tuple(done)


def _attempted(step: Step, do: Callable[[Step], None]) -> Step:
    try:
        do(step)
    except ApprovalNeeded as exc:
        return replace(step, state=StepState.WAITING, request=exc.request, problem=None)
    except KatoTenantsError as exc:
        return replace(step, state=StepState.FAILED, problem=exc.problem)
    return replace(step, state=StepState.DONE, problem=None, request="")

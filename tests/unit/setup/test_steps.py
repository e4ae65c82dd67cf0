"""The steps of a set up: done one by one, gone on with, and told apart by how they went."""

from __future__ import annotations

from services.errors import ApprovalNeeded
from services.setup.models import SetupRefused, Step, StepName, StepState
from services.setup.steps import run

STEPS = (
    Step(StepName.CARD, "t"), Step(StepName.LIMITS, "t", StepState.THERE),
    Step(StepName.COLLECTION, "c"), Step(StepName.SESSION, "n"),
)  # fmt: skip


def test_the_first_that_fails_ends_it_and_is_gone_on_with() -> None:
    asked: list[StepName] = []

    def fails(step: Step) -> None:
        asked.append(step.name)
        if step.name is StepName.COLLECTION:
            raise SetupRefused("no room")

    first = run(STEPS, fails)
    states = [each.state for each in first]
    assert states == [StepState.DONE, StepState.THERE, StepState.FAILED, StepState.TO_DO]
    assert str(first[2].problem) == "no room"
    again = run(first, lambda step: asked.append(step.name))
    assert all(each.state.is_over for each in again)
    assert asked == [StepName.CARD, StepName.COLLECTION, StepName.COLLECTION, StepName.SESSION]


def test_a_second_person_is_waited_for() -> None:
    def waits(_: Step) -> None:
        raise ApprovalNeeded("r1")

    found = run(STEPS, waits)
    assert (found[0].state, found[0].request) == (StepState.WAITING, "r1")
    assert found[2].state is StepState.TO_DO

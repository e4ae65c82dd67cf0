"""A job on a page: what is told of it while it runs is what it has come to, steps and all."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def _script() -> None:
    from dataclasses import replace
    from datetime import UTC, datetime

    from dashboard.draw import jobs
    from services.access.viewer import Action
    from services.jobs.models import Job, JobState, Progress, Step, StepState

    opened = Job(
        "a" * 32, "move", {}, "ada", "OPS-1", datetime.now(UTC), JobState.RUNNING,
        steps=(Step("copy"), Step("verify")),
    )  # fmt: skip
    now = replace(
        opened, steps=(Step("copy", StepState.DONE), Step("verify", StepState.STARTED)),
        progress=Progress("comparing"),
    )  # fmt: skip

    class Desk:
        def job(self, job_id: str) -> Job:
            return now

        def stop(self, job_id: str) -> None: ...

        def resume(self, job_id: str) -> object: ...

    kind = jobs.Kind(Desk, Action.MOVE, "Moving", "", "move", "refused",
                     {"copy": "Copy it", "verify": "Compare it"})  # fmt: skip
    jobs.draw(opened, kind, lambda job: None)


@pytest.mark.usefixtures("reading_services")
def test_its_steps_are_as_far_as_it_is() -> None:
    app = AppTest.from_function(_script, default_timeout=240).run()
    assert not app.exception, app.exception
    (steps,) = app.table
    assert list(steps.value["State"]) == ["done", "now"]

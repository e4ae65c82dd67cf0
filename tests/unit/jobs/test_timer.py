"""What is done again and again goes on after a failure, at once when woken, and ends when told."""

from __future__ import annotations

import threading

from services.jobs.timer import Timer
from services.jobs.worker import Worker
from services.retention.models import RetentionError


def test_what_fails_is_done_again_and_nothing_once_it_is_over() -> None:
    left: list[Exception | None] = [RetentionError("x"), ValueError("x"), None]
    last = threading.Event()

    def look() -> None:
        failure = left.pop(0)
        if failure is None:
            last.set()
            return
        timer.wake()
        raise failure

    timer = Timer("looks", 3600, look)
    timer.start()
    timer.wake()
    assert last.wait(30)
    timer.stop(30)
    assert not any(thread.name == "looks" for thread in threading.enumerate())


def test_a_job_that_cannot_be_run_keeps_no_other_from_running() -> None:
    ran: list[str] = []
    last = threading.Event()

    def run(job: str) -> bool:
        ran.append(job)
        if job == "broken":
            raise ValueError(job)
        last.set()
        return True

    worker = Worker("works", lambda _: ("broken", "whole"), run)
    worker.start()
    assert last.wait(30)
    worker.stop(30)
    assert ran[:2] == ["broken", "whole"]

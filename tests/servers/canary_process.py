"""A canary test in a process of its own, which may kill itself at a step."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from services import bootstrap
from services.canary.models import Verdict
from services.settings.environment import load_settings
from tests.servers.forked import forked
from tests.servers.purge_process import die


def run(environment: Mapping[str, str], *step: str) -> int:
    """Run it, and return how the process ended: 0 where it passed.

    With a `step` it dies as soon as the run says so, or with `rows`, `keys` or `points` as soon
    as the first of these are written.
    """
    return forked(_run, *step, **environment)


def _run(step: str = "") -> None:
    with closing(bootstrap.build(load_settings())) as services:
        canary = services.canary
        says = canary._says

        def deadly(said: str) -> None:
            if said == step:
                die()
            says(said)

        canary._says = deadly  # type: ignore[method-assign]
        for store, writer in canary._tools.writers.items():
            if store == step:
                _kill_after(writer)
        report = canary.run(by="a process")
    raise SystemExit(0 if report.verdict is Verdict.PASSED else 1)


def _kill_after(writer: object) -> None:
    real = writer.write  # type: ignore[attr-defined]

    def write(belongings: object) -> None:
        real(belongings)
        die()

    writer.write = write  # type: ignore[attr-defined]

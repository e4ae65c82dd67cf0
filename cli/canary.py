"""`kato-tenants canary`: run the canary test, and print what came of it.

Exit codes: 0 passed, 1 something leaked or was not cleaned up, 2 it could not be known, 3 the
embedded engines are in use by another process.
"""

from __future__ import annotations

from collections.abc import Iterator

import typer

from cli import desk
from services.canary.formats import canary_json
from services.canary.models import CanaryReport, Outcome, Verdict
from services.settings.environment import Settings

EXIT_UNKNOWN = 2

ASK = (
    "This writes sessions, patterns, keys and vectors of throwaway tenants into the deployment, "
    "and takes them away again. Go on?"
)


def agreed() -> bool:
    """Ask whether to go on; where nobody can answer, the answer is no."""
    try:
        return typer.confirm(ASK, err=True)
    except typer.Abort:
        return False


def canary(settings: Settings, *, as_json: bool) -> tuple[str, int]:
    """Run the test; return what to print, and the exit code. Raises KatoTenantsError."""
    with desk.opened(settings) as found:
        report = found.canary.run()
    return canary_json(report) if as_json else _text(report), _exit(report)


def _exit(report: CanaryReport) -> int:
    if report.verdict is Verdict.FAILED or not report.cleaned:
        return 1
    return 0 if report.verdict is Verdict.PASSED else EXIT_UNKNOWN


def _text(report: CanaryReport) -> str:
    """Write a report in ASCII: names can hold any bytes."""
    return "\n".join(ascii(line)[1:-1] for line in _lines(report))


def _lines(report: CanaryReport) -> Iterator[str]:
    passed = sum(probe.outcome is Outcome.PASSED for probe in report.probes)
    asked = len(report.probes)
    yield f"{report.verdict.value}: {passed} of {asked} questions passed, {report.seconds:.1f} s"
    for probe in report.probes:
        if probe.outcome is not Outcome.PASSED:
            why = ", ".join(probe.leaked) or probe.reason
            yield f"  {probe.outcome.value}: {probe.tenant}, {probe.asked}: {why}"
    yield f"seen of KATO ({report.kato}):"
    yield from (f"  {each.about}: {each.seen}" for each in report.observations)
    yield "everything was cleaned up" if report.cleaned else "not cleaned up; the next run tries:"
    yield from (f"  {text}" for text in report.left)

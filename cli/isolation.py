"""`kato-tenants audit`: the isolation audit for a scheduled run.

Exit codes: 0 done, 1 something was found, 2 a store could not be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import desk
from cli.desk import load_settings
from cli.errors import one_line_errors
from services.access.viewer import Action
from services.isolation.formats import report_json
from services.isolation.models import Record, Report, RuleState
from services.isolation.severity import Severity
from services.settings.environment import Settings
from services.visible import visible

EXIT_FOUND, EXIT_UNSEEN = 1, 2

app = typer.Typer(add_completion=False)


@app.command("audit")
def audit_command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the documented JSON.")] = False,
    fail_on: Annotated[
        Severity | None,
        typer.Option(help="Exit 1 where a finding that nobody accepted is this grave, or graver."),
    ] = None,
) -> None:
    """Audit how tenants are kept apart. Exit 2 when a store could not be looked at."""
    with one_line_errors(failed=EXIT_UNSEEN):
        result = audit(load_settings(), as_json=as_json, fail_on=fail_on)
        typer.echo(result.text)
    if result.code:
        raise typer.Exit(result.code)


@dataclass(frozen=True, slots=True)
class Result:
    """What is printed, and how the command ends."""

    text: str
    code: int


def audit(settings: Settings, *, as_json: bool, fail_on: Severity | None) -> Result:
    """Audit once, keep what was found, and say it. Raises KatoTenantsError.

    Ends with 1 where a finding that nobody accepted is as grave as `fail_on`, else with 2 where
    a rule could not be looked at, else with 0.
    """
    with (
        desk.opened(settings) as found,
        found.gate.doing(Action.EXPORT, target="the isolation audit"),
    ):
        snapshot = found.fleet.read()
        report = found.isolation.audit(snapshot)
        rules = found.isolation.rules
    stores = {measure.value: figures for measure, figures in snapshot.stores.items()}
    text = report_json(report, stores, rules) if as_json else "\n".join(_lines(report))
    return Result(text, _code(report, fail_on))


def _code(report: Report, fail_on: Severity | None) -> int:
    standing = report.standing(datetime.now(UTC))
    if fail_on is not None and any(r.finding.severity.at_least(fail_on) for r in standing):
        return EXIT_FOUND
    return EXIT_UNSEEN if report.unknown else 0


def _lines(report: Report) -> Iterator[str]:
    now = datetime.now(UTC)
    for record in report.records:
        if record.resolved_at is None:
            yield _line(record, now)
    for rule in report.unknown:
        yield f"unknown   {rule.code}: {visible(str(rule.reason))}"
    yield _summary(report)


def _line(record: Record, now: datetime) -> str:
    finding = record.finding
    status = record.status(now).word
    head = f"{finding.severity.value:<9} {finding.id} {finding.code} ({status})"
    return f"{head}: {visible(finding.what)}"


def _summary(report: Report) -> str:
    passed = sum(rule.state is RuleState.PASSED for rule in report.rules)
    found = sum(rule.state is RuleState.FOUND for rule in report.rules)
    score = "unknown" if report.score is None else f"{report.score} of 100"
    return (
        f"score {score}: {passed} rules pass, {found} found issues, "
        f"{len(report.unknown)} could not be checked"
    )

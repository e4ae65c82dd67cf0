"""`kato-tenants log`: verify, show and export the audit log. No store and no engine is needed.

Exit codes of `verify`: 0 as it was written, 1 broken, 2 it could not be looked at or checked.
Without anchors it also ends with 0, and says that a missing end cannot be excluded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.desk import load_settings, opened_alone
from cli.errors import EXIT_FAILED, one_line_errors
from services.access.viewer import Action, Outcome
from services.audit_log.access import DeskLog
from services.audit_log.formats import csv_lines, json_lines
from services.audit_log.models import Entry, LogFilter, MissingEnd, State, Verification
from services.errors import LogError
from services.visible import visible

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

EXIT_UNSEEN = 2
_EXITS = {State.BROKEN: EXIT_FAILED, State.UNCHECKED: EXIT_UNSEEN}


class Format(StrEnum):
    """How the log is written."""

    JSONL = "jsonl"
    CSV = "csv"


AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]
Since = Annotated[
    str | None, typer.Option("--since", help="From this time on: 2026-01-31, or with T12:00:00Z.")
]
TenantName = Annotated[
    str, typer.Option("--tenant", help="About this tenant, as kind/id: tenant/acme.")
]


@contextmanager
def _log(*, failed: int = EXIT_FAILED) -> Iterator[DeskLog]:
    with one_line_errors(failed=failed), opened_alone(load_settings()) as alone:
        yield alone.log


@app.command("verify")
def verify_command(
    *,
    anchors: Annotated[
        Path | None,
        typer.Option(
            "--anchors", help="A file that holds anchors among other lines; without it, the one "
            "that KATO_TENANTS_ANCHOR_FILE names.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say whether every entry is there, as it was written, in its order."""
    with _log(failed=EXIT_UNSEEN) as log:
        found = log.verify(None if anchors is None else _text_of(anchors))
    typer.echo(_json_of(found) if as_json else f"{found.state.value}: {found.words}")
    if found.state in _EXITS:
        raise typer.Exit(_EXITS[found.state])


@app.command("show")
def show_command(
    *,
    text: Annotated[str, typer.Option("--text", help="Part of any name, in any case.")] = "",
    who: Annotated[list[str] | None, typer.Option("--who", help="By this person.")] = None,
    tenant: TenantName = "",
    outcome: Annotated[list[Outcome] | None, typer.Option("--outcome")] = None,
    unended: Annotated[
        bool, typer.Option("--unended", help="Only actions that began and never ended.")
    ] = False,
    entries: Annotated[
        bool,
        typer.Option("--entries", help="Each entry: also that something began which has ended."),
    ] = False,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most entries.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Print what was done, the newest first; as JSON, each entry."""
    with _log() as log:
        wanted = LogFilter(
            text=text, who=tuple(who or ()), tenant=tenant, outcomes=tuple(outcome or ()),
            unended=unended, since=_time(since), acts=not (entries or as_json),
        )  # fmt: skip
        found = log.page(wanted, limit=limit).entries
        ends = log.ends(found)
        missing = () if _is_narrow(wanted) else log.missing_ends()
    if as_json:
        typer.echo("".join(json_lines(found)), nl=False)
        return
    for end in missing:
        typer.echo(_missing_line(end))
    for entry in found:
        typer.echo(_line(entry, ended=entry.event.request_id in ends))


@app.command("export")
def export_command(
    *,
    since: Since = None,
    format_: Annotated[Format, typer.Option("--format", help="How.")] = Format.JSONL,
) -> None:
    """Print every entry, the oldest first: JSON lines to verify again, or CSV."""
    write = json_lines if format_ is Format.JSONL else csv_lines
    with _log() as log, log.exporting(LogFilter(since=_time(since))) as entries:
        for line in write(entries):
            typer.echo(line, nl=False)


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        raise LogError("the file with the anchors cannot be read") from None


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise LogError("--since takes a time like 2026-01-31 or 2026-01-31T12:00:00Z") from None


def _json_of(found: Verification) -> str:
    return json.dumps({**asdict(found), "state": found.state.value, "words": found.words}, indent=2)


def _is_narrow(wanted: LogFilter) -> bool:
    """Whether entries of some are asked for, so that what has no entry is not asked for."""
    return bool(wanted.text or wanted.who or wanted.tenant or wanted.outcomes or wanted.since)


def _missing_line(end: MissingEnd) -> str:
    about = f"{end.target}: job {end.job_id}"
    words = "(it ended, and its end is not in the log so far)"
    parts = ("-", f"{end.at:%Y-%m-%dT%H:%M:%SZ}", end.who, Action.RUN_PURGE.value, about)
    return "  ".join((*map(visible, parts), words))


def _line(entry: Entry, *, ended: bool) -> str:
    event = entry.event
    parts = [
        str(entry.number), f"{event.at:%Y-%m-%dT%H:%M:%SZ}", event.who, event.role, event.action,
        ", ".join(event.tenants), event.target, event.outcome.word, event.reason,
        event.request_id,
    ]  # fmt: skip
    if event.outcome is Outcome.BEGUN and not ended:
        parts.append("(no end so far)")
    return "  ".join(visible(part) for part in parts if part)

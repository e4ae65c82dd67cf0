"""`kato-tenants alerts`: what asks for somebody, who was told, and silencing. No store is asked.

Exit codes: 0 done; 1 it could not be done, something fires that nobody silenced (`list`), or the
route did not take it (`test`); 2 wrong settings or arguments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cli.desk import load_settings, opened_alone
from cli.errors import EXIT_FAILED, EXIT_SETTINGS, fail, one_line_errors
from cli.history import seconds_of
from cli.printed import aligned
from services.access.viewer import Action
from services.alerts.access import DeskAlerts
from services.alerts.formats import alert_json, delivery_json, letter_json, silence_json
from services.alerts.models import Alert, Alerts, AlertState, Delivery, Silence
from services.alerts.words import line_of, title_of
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from services.usage.formats import Json, stamp
from services.visible import visible

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

AsJson = Annotated[bool, typer.Option("--json", help="Print the documented JSON.")]


@contextmanager
def _desk(settings: Settings, *, exported: str = "") -> Iterator[DeskAlerts]:
    with opened_alone(settings) as alone:
        if not exported:
            yield alone.alerts
            return
        with alone.gate.doing(Action.EXPORT, target=exported):
            yield alone.alerts


@app.command("list")
def list_command(
    *,
    past: Annotated[bool, typer.Option("--past", help="Also those that are over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what fires or is about to, what is silenced, and how each route does."""
    now = datetime.now(UTC)
    with one_line_errors():
        settings = load_settings()
        with _desk(settings, exported="alerts") as alerts:
            found, routes = alerts.all(), alerts.deliveries()
        shown = (*found.live, *(found.past if past else ()))
        if as_json:
            typer.echo(json.dumps(_json_of(found, shown, routes, settings.address, now), indent=2))
        else:
            typer.echo("\n".join(_lines(found, shown, routes, now)))
    if any(_fires(each, found, now) for each in found.live):
        raise typer.Exit(EXIT_FAILED)


@app.command("test")
def send_test_command(
    route: Annotated[str, typer.Argument(help="The route's name.")], *, as_json: AsJson = False
) -> None:
    """Send a test message to a route, here and now, once."""
    with one_line_errors(), _desk(load_settings()) as alerts:
        letter = alerts.test_here(route)
    if as_json:
        typer.echo(json.dumps(letter_json(letter), indent=2))
    elif letter.sent_at is not None:
        typer.echo(f"{route} took it")
    else:
        typer.echo(f"{route} did not take it: {visible(str(letter.problem or 'not sent yet'))}")
    if letter.sent_at is None:
        raise typer.Exit(EXIT_FAILED)


@app.command("silence")
def silence_command(
    *,
    alert: Annotated[str, typer.Option("--alert", help="One alert, by its id.")] = "",
    condition: Annotated[str, typer.Option("--condition", help="A condition, by its code.")] = "",
    tenant: Annotated[
        str, typer.Option("--tenant", help="What is about this tenant alone, as kind/id.")
    ] = "",
    lasts: Annotated[str, typer.Option("--for", help="How long, as 30min, 4h or 7d.")],
    why: Annotated[str, typer.Option("--why", help="Why; it is kept and logged.")],
    as_json: AsJson = False,
) -> None:
    """Tell nobody of some alerts for a while."""
    if alert and (condition or tenant):
        fail("--alert stands alone", EXIT_SETTINGS)
    with one_line_errors(), _desk(load_settings()) as alerts:
        new = alerts.silence(
            why=why, until=timedelta(seconds=seconds_of("--for", lasts)), alert=alert,
            code=condition, tenant=TenantKey.parse(tenant) if tenant else None,
        )  # fmt: skip
    now = datetime.now(UTC)
    typer.echo(json.dumps(silence_json(new, now), indent=2) if as_json else _silence_line(new))


@app.command("unsilence")
def unsilence_command(
    silence: Annotated[str, typer.Argument(help="The silence's id.")], *, as_json: AsJson = False
) -> None:
    """End a silence."""
    with one_line_errors(), _desk(load_settings()) as alerts:
        alerts.unsilence(silence)
    typer.echo(json.dumps({"id": silence, "ended": True}) if as_json else f"{silence} has ended")


def _json_of(
    found: Alerts, shown: tuple[Alert, ...], routes: tuple[Delivery, ...], url: str, now: datetime
) -> Json:
    silences = ((alert, found.silence_of(alert, now)) for alert in shown)
    return {
        "looked_at": stamp(found.looked_at),
        "alerts": [
            {**alert_json(alert, url), "silenced_by": None if by is None else by.id}
            for alert, by in silences
        ],
        "silences": [silence_json(each, now) for each in found.silences],
        "routes": [delivery_json(each) for each in routes],
    }


def _lines(
    found: Alerts, shown: tuple[Alert, ...], routes: tuple[Delivery, ...], now: datetime
) -> Iterator[str]:
    yield f"looked at {stamp(found.looked_at) or 'never'}"
    if shown:
        yield aligned([("STATE", "SEVERITY", "ID", "SINCE", "WHAT"), *(
            (_state(each, found, now), each.severity.value, each.id, stamp(each.began) or "",
             f"{title_of(each)}: {line_of(each)}") for each in shown
        )])  # fmt: skip
    else:
        yield "nothing fires"
    yield from (_silence_line(each) for each in found.silences if each.holds(now))
    yield from map(_route_line, routes)


def _fires(alert: Alert, found: Alerts, now: datetime) -> bool:
    return alert.state is AlertState.FIRING and found.silence_of(alert, now) is None


def _state(alert: Alert, found: Alerts, now: datetime) -> str:
    silenced = alert.state is not AlertState.RESOLVED and found.silence_of(alert, now)
    return "silenced" if silenced else alert.state.value


def _silence_line(silence: Silence) -> str:
    what = " ".join(filter(None, (
        silence.code, silence.subject, "" if silence.tenant is None else str(silence.tenant),
    )))  # fmt: skip
    by, why = visible(silence.by), visible(silence.why)
    return f"silence {silence.id} until {stamp(silence.until)}: {visible(what)} ({by}: {why})"


def _route_line(route: Delivery) -> str:
    last = stamp(route.sent_at) or "never"
    line = f"route {route.route} ({route.kind.value}): last sent {last}, {route.waiting} waiting"
    if route.failing_since is not None:
        line += f", fails since {stamp(route.failing_since)}: {visible(str(route.problem))}"
    return line + (f", {route.given_up} given up" if route.given_up else "")

"""Who is to be told of which alerts now: routes, groups, silences. Pure.

What a route was told stands with the alert and is kept together with the message, so that
whatever was not told is told later, and nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.alerts.models import (
    Alert,
    AlertState,
    Condition,
    Kind,
    Message,
    Route,
    ShownTo,
    Silence,
    Told,
)

GROUPED_FOR = timedelta(minutes=5)
"""After a message about a condition, what else it sees waits so long, and is told in one."""

MOST = 100
"""Most alerts in one message."""

NewId = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Telling:
    """Messages to be sent, and the alerts with what their routes have been told by these."""

    messages: tuple[Message, ...]
    alerts: tuple[Alert, ...]


def tell(
    alerts: Iterable[Alert], routes: Sequence[Route], table: Mapping[str, Condition],
    silences: Sequence[Silence], *, now: datetime, new_id: NewId,
    saying_again: Collection[str] = (),
) -> Telling:  # fmt: skip
    """Return what every route is to be told now of alerts that fire, or are over.

    Of one that is silenced nobody is told that it fires; whoever was told before, that it is over.
    `saying_again` are routes that nothing is said to again: they have not taken it the last time.
    """
    known = {alert.id: alert for alert in alerts}
    quiet = [each for each in silences if each.holds(now)]
    told: list[Message] = []
    for route in routes:
        wanted = [
            alert for alert in known.values()
            if alert.state is not AlertState.PENDING and route.wants(alert, _shown(alert, table))
        ]  # fmt: skip
        for group in _groups(route, wanted):
            for some, again in _due(route, group, quiet, now):
                if again and route.name in saying_again:
                    continue
                told.append(Message(new_id(), route.name, now, some, again=again))
                known |= {alert.id: _noted(alert, route.name, now) for alert in some}
    return Telling(tuple(told), tuple(known.values()))


def settled(
    alert: Alert, routes: Iterable[Route], table: Mapping[str, Condition],
    silences: Iterable[Silence], *, now: datetime,
) -> bool:  # fmt: skip
    """Whether an alert is over, and nobody is to be told that any more."""
    quiet = [each for each in silences if each.holds(now)]
    return alert.state is AlertState.RESOLVED and not any(
        route.wants(alert, _shown(alert, table)) and _is_news(alert, route, quiet)
        for route in routes
    )


def _shown(alert: Alert, table: Mapping[str, Condition]) -> ShownTo:
    condition = table.get(alert.code)
    return ShownTo.FLEET if condition is None else condition.shown_to


def _groups(route: Route, alerts: Iterable[Alert]) -> Iterator[list[Alert]]:
    """Yield what is told in one message: a condition's; Alertmanager groups itself."""
    groups: dict[str, list[Alert]] = {}
    for alert in alerts:
        key = "" if route.kind is Kind.ALERTMANAGER else alert.code
        groups.setdefault(key, []).append(alert)
    yield from groups.values()


def _due(
    route: Route, group: Sequence[Alert], quiet: Sequence[Silence], now: datetime
) -> Iterator[tuple[tuple[Alert, ...], bool]]:
    """Yield what is to be told of a group, in messages, and whether it says nothing new."""
    news = [alert for alert in group if _is_news(alert, route, quiet)]
    last = max((at for alert in group for at in _told_at(alert, route)), default=None)
    waits = timedelta(0) if route.kind is Kind.ALERTMANAGER else GROUPED_FOR
    if last is None or not last <= now < last + waits:
        yield from ((some, False) for some in _cut(news))
    old = [each for each in group if _is_due_again(each, route, quiet, now)]
    yield from ((some, True) for some in _cut(old))


def _is_news(alert: Alert, route: Route, quiet: Sequence[Silence]) -> bool:
    told, _ = alert.told.get(route.name, (None, None))
    if told is None:
        return not _is_quiet(alert, quiet)
    return told is Told.FIRING and alert.state is AlertState.RESOLVED


def _is_due_again(alert: Alert, route: Route, quiet: Sequence[Silence], now: datetime) -> bool:
    told, at = alert.told.get(route.name, (None, now))
    if route.again is None or told is not Told.FIRING or alert.state is not AlertState.FIRING:
        return False
    return not at <= now < at + route.again and not _is_quiet(alert, quiet)


def _is_quiet(alert: Alert, quiet: Iterable[Silence]) -> bool:
    return any(silence.covers(alert) for silence in quiet)


def _told_at(alert: Alert, route: Route) -> Iterator[datetime]:
    if route.name in alert.told:
        yield alert.told[route.name][1]


def _noted(alert: Alert, route: str, now: datetime) -> Alert:
    told = Told.RESOLVED if alert.state is AlertState.RESOLVED else Told.FIRING
    return replace(alert, told={**alert.told, route: (told, now)})


def _cut(alerts: Sequence[Alert]) -> Iterator[tuple[Alert, ...]]:
    return (tuple(alerts[at : at + MOST]) for at in range(0, len(alerts), MOST))

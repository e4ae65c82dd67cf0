"""How each route does, by its messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.alerts.models import Delivery, Route, Sending


def deliveries(routes: Iterable[Route], sendings: Sequence[Sending]) -> tuple[Delivery, ...]:
    """Return how every route does: when it last took something, and what it does not take.

    A test that failed says so until something else is sent.
    """
    return tuple(
        _delivery(route, [each for each in sendings if each.route == route.name])
        for route in routes
    )


def _delivery(route: Route, letters: Sequence[Sending]) -> Delivery:
    sent = max((each.sent_at for each in letters if each.sent_at), default=None)
    waiting = [each for each in letters if each.sent_at is None and not each.given_up]
    failed = [
        each for each in letters
        if each.sent_at is None and each.failed_at and (sent is None or each.failed_at > sent)
    ]  # fmt: skip
    stuck = [each for each in (*waiting, *failed) if each.failed_at is not None]
    since = min((each.failed_at for each in stuck if each.failed_at), default=None)
    newest = max(stuck, key=lambda each: each.number, default=None)
    return Delivery(
        route.name, route.kind, sent, len(waiting),
        sum(each.given_up and not each.test for each in letters),
        since, None if newest is None else newest.problem,
    )  # fmt: skip

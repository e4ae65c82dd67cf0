"""Makes the receiver of each route, each with its own way to be spoken to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from services.alerts.models import Kind, Route
from services.alerts.ports import Receiver
from services.stores.receivers.alertmanager import Alertmanager
from services.stores.receivers.webhook import Webhook


def receivers(
    routes: Sequence[Route], closing: ExitStack, *, deployment: str = "", url: str = ""
) -> Mapping[str, Receiver]:
    """Return a receiver for each route by its name, closed with `closing`.

    Apprise, which takes half a second, is imported where a route asks for it. Raises SettingsError
    for a URL that it does not know.
    """
    found: dict[str, Receiver] = {}
    for route in routes:
        made = _made(route, deployment, url)
        closing.callback(made.close)
        found[route.name] = made
    return found


def _made(route: Route, deployment: str, url: str) -> Receiver:
    match route.kind:
        case Kind.ALERTMANAGER:
            return Alertmanager(route, deployment=deployment, url=url)
        case Kind.WEBHOOK:
            return Webhook(route, deployment=deployment, url=url)
        case Kind.APPRISE:
            from services.stores.receivers.chat import Chat  # noqa: PLC0415  takes half a second

            return Chat(route, deployment=deployment, url=url)

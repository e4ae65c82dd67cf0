"""Mail, chats and pagers, by whatever URL Apprise knows. Its log quotes these: it has none."""

from __future__ import annotations

import logging
import warnings

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, NotifyType

from services.alerts.models import AlertState, Message, Route
from services.alerts.routes import VARIABLE
from services.alerts.words import body_of, subject_of
from services.errors import SettingsError, StoreUnavailable
from services.isolation.severity import Severity

_OPERATION = "sending alerts"


class Chat:
    """Tells people. Raises SettingsError for a URL that Apprise does not know."""

    def __init__(self, route: Route, *, deployment: str = "", url: str = "") -> None:
        logging.getLogger("apprise").disabled = True
        self._name, self._deployment, self._url = route.name, deployment, url
        asset = AppriseAsset(app_id="KATO tenants", app_desc="Alerts of KATO tenants", app_url=url)
        self._apprise = Apprise(asset=asset)
        with warnings.catch_warnings(action="ignore"):  # of its plugins, all of which it imports
            found = Apprise.instantiate(route.address, asset=asset, suppress_exceptions=True)
        if not isinstance(found, NotifyBase) or not self._apprise.add(found):
            reason = f"apprise of {route.name} is no URL that Apprise knows"
            raise SettingsError(VARIABLE, reason)

    def send(self, message: Message) -> None:
        """Send one message. Raises StoreUnavailable: Apprise does not say why it failed."""
        told = self._apprise.notify(
            title=subject_of(message, self._deployment), body=body_of(message, self._url),
            notify_type=_type_of(message), body_format=NotifyFormat.TEXT,
            interpret_escapes=False,
        )  # fmt: skip
        if not told:
            raise StoreUnavailable(self._name, _OPERATION, "it did not take it")

    def close(self) -> None:
        """Nothing is held open."""


def _type_of(message: Message) -> NotifyType:
    if message.test:
        return NotifyType.INFO
    firing = [alert for alert in message.alerts if alert.state is AlertState.FIRING]
    if not firing:
        return NotifyType.SUCCESS
    grave = any(alert.severity.at_least(Severity.HIGH) for alert in firing)
    return NotifyType.FAILURE if grave else NotifyType.WARNING

"""Wires the audit log."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

from services.audit_log.anchor import Anchorer
from services.audit_log.ports import AnchorPlace
from services.audit_log.service import Logbook
from services.settings.environment import Settings
from services.stores.anchors import AnchorFile, AnchorUrl
from services.stores.records.audit_log import LogStore


def logbook_of(settings: Settings, store: LogStore, stack: ExitStack) -> Logbook:
    """Build it on the log in this product's own records, closed with `stack`."""
    file = AnchorFile(settings.anchor_file) if settings.anchor_file else None
    places: list[AnchorPlace] = [file] if file else []
    if settings.anchor_url:
        places.append(AnchorUrl(settings.anchor_url.get_secret_value()))
    interval = timedelta(minutes=settings.anchor_minutes)
    logbook = Logbook(store, Anchorer(store, places, interval=interval), anchors=file)
    stack.callback(logbook.close)
    return logbook

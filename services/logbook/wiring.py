"""Wires the audit log, for bootstrap, and for commands that need nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from services.logbook.anchoring import Anchorer
from services.logbook.chain import LogKeys
from services.logbook.service import Logbook
from services.logbook.sources import AnchorPlace
from services.settings import Settings
from services.stores.anchors import AnchorFile, AnchorUrl
from services.stores.database import open_for
from services.stores.logbook import LogStore


def logbook_of(settings: Settings, store: LogStore) -> Logbook:
    """Build it on the log in this product's own records; whoever builds it closes it."""
    file = AnchorFile(settings.anchor_file) if settings.anchor_file else None
    places: list[AnchorPlace] = [file] if file else []
    if settings.anchor_url:
        places.append(AnchorUrl(settings.anchor_url.get_secret_value()))
    interval = timedelta(minutes=settings.anchor_minutes)
    return Logbook(store, Anchorer(store, places, interval=interval), anchors=file)


@contextmanager
def opened(settings: Settings) -> Iterator[Logbook]:
    """Open the log alone: no store and no embedded engine is needed. Raises StoreError."""
    with ExitStack() as stack:
        store = LogStore(open_for(settings, stack), LogKeys(settings.log_keys))
        logbook = logbook_of(settings, store)
        stack.callback(logbook.close)
        yield logbook

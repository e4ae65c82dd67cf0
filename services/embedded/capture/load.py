"""Loading a capture directory into the stores of the settings."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from services.embedded.capture import read as capture
from services.embedded.engines import started
from services.settings.environment import Settings
from services.stores.absent import present
from services.stores.open import engines_of


def load_capture(directory: Path, settings: Settings, *, merge: bool) -> str:
    """Load a capture directory into the embedded or the configured stores; say what was loaded.

    Raises CaptureError for a line that cannot be understood, DataPresent when a store holds data
    and `merge` is not given, EmbeddedBusy, and StoreError.
    """
    with ExitStack() as stack:
        embedded = started(settings, stack) if settings.embedded else None
        engines = engines_of(settings, embedded, stack)
        clickhouse = present(engines.clickhouse)
        report = capture.load(
            directory,
            clickhouse=clickhouse.connect_once() if clickhouse else None,
            redis=present(engines.redis),
            qdrant=present(engines.qdrant),
            database=settings.clickhouse_db,
            merge=merge,
        )
    return str(report)

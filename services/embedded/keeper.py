"""Starts the embedded Valkey again when its server ends by itself: killed, or out of memory."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

from services.embedded.valkey import ValkeyProcess
from services.errors import KatoTenantsError

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds between two starts, twice as many each time: one that ends at once is no busy loop."""

STEADY = 60.0
"""A server that ran for so many seconds is well: the next start waits no longer than the first."""

TOLD_FOR = timedelta(days=1)
_LOOK_SECONDS = 0.25
_LOG = "valkey.log in the data directory"  # which viewers need not know

logger = logging.getLogger(__name__)


class Keeper:
    """Looks after a server in a thread, until it is stopped."""

    def __init__(self, valkey: ValkeyProcess) -> None:
        self._valkey = valkey
        self._over = threading.Event()
        self._times = 0
        self._last: datetime | None = None
        self._problem = ""
        self._thread = threading.Thread(target=self._keep, name="embedded valkey", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look after it no more: it is to end now."""
        self._over.set()
        self._thread.join()

    def note(self) -> str:
        """Say what somebody should know of it, and what to do; empty where all is well."""
        if self._problem:
            return (
                f"its embedded server ended and does not start again ({self._problem}); it is "
                f"tried every {LONGEST_WAIT:g} s at least: see {_LOG}, and whether the disk is full"
            )
        if self._last is None or datetime.now(UTC) - self._last > TOLD_FOR:
            return ""
        often = "once" if self._times == 1 else f"{self._times:,} times"
        return (
            f"its embedded server ended by itself ({often} since the start, last at "
            f"{self._last:%H:%M} UTC), and was started again with its data: {_LOG} may say why"
        )

    def _keep(self) -> None:
        wait, since = FIRST_WAIT, time.monotonic()
        while not self._over.wait(_LOOK_SECONDS):
            if self._valkey.runs:
                continue
            self._times, self._last = self._times + 1, datetime.now(UTC)
            wait = FIRST_WAIT if time.monotonic() - since > STEADY else min(wait * 2, LONGEST_WAIT)
            logger.error("the embedded Valkey ended by itself, and is started again")
            self._start_again()
            since = time.monotonic()
            self._over.wait(wait)

    def _start_again(self) -> None:
        try:
            self._valkey.start_again()
        except KatoTenantsError as exc:
            self._problem = str(exc)
            logger.warning("the embedded Valkey could not be started again: %s", exc)
        except Exception as exc:  # the thread has to live
            self._problem = f"this product failed ({type(exc).__name__})"
            logger.exception("the embedded Valkey could not be started again")
        else:
            self._problem = ""

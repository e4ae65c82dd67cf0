"""Writes imports in a thread of its own, one after the other: no page waits for one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.errors import KatoTenantsError
from services.imports.models import Run
from services.imports.service import ImportService

logger = logging.getLogger(__name__)


class Importing:
    """An import service, and the thread in which it writes. `on_end` follows each import."""

    def __init__(self, service: ImportService, *, on_end: Callable[[], None]) -> None:
        self.service, self._on_end = service, on_end
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imports")

    def begin(self, run: str) -> None:
        """Write what was claimed, soon."""
        self._thread.submit(self._work, run)

    def here(self, run: str) -> Run:
        """Write what was claimed, in the caller's thread. Raises what `write` raises."""
        done = self.service.write(run)
        self._on_end()
        return done

    def _work(self, run: str) -> None:
        try:
            self.here(run)
        except KatoTenantsError as exc:
            logger.warning("an import could not be written: %s", exc)
        except Exception:
            logger.exception("an import failed")

    def close(self) -> None:
        """Begin no more; one under way is written to its end, or taken back."""
        self._thread.shutdown(wait=True, cancel_futures=True)

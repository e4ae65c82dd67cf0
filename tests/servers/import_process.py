"""An import's job in a process of its own, which kills itself once a call into a store is done."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from unittest import mock

from sqlalchemy import text

from services import bootstrap
from services.imports import write
from services.imports.models import Kind
from services.settings.environment import load_settings
from services.stores.clickhouse.imports import PatternImports
from services.stores.qdrant.imports import PointImports
from services.stores.records.database import writing
from services.stores.redis.imports import KeyImports
from tests.servers.forked import forked

WRITES: Mapping[str, tuple[type, str]] = {
    Kind.PATTERNS: (PatternImports, "publish"), Kind.KEYS: (KeyImports, "write"),
    Kind.VECTORS: (PointImports, "write"),
}  # fmt: skip
"""The call after which some of it is written."""


def go_on(environment: Mapping[str, str], run: str, *, dies: str = "") -> int:
    """Go on with an import in a process of its own, and return how that ended.

    With a kind of rows it dies when it has written some.
    """
    return forked(_run, run, dies, **environment)


def _run(run: str, dies: str) -> None:
    smaller = mock.patch.object(write, "BATCH", 2)
    with smaller, closing(bootstrap.build(load_settings())) as services:
        with writing(services.database, "a test") as connection:
            connection.execute(text("UPDATE job SET leased_until = NULL, owner = ''"))
        if dies:
            _deadly(*WRITES[dies])
        services.imports.run_here(run)


def _deadly(adapter: type, name: str) -> None:
    real = getattr(adapter, name)

    def deadly(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    mock.patch.object(adapter, name, deadly).start()

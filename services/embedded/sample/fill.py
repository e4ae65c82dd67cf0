"""Fills empty embedded engines with the sample fleet, once, whatever interrupts it."""

from __future__ import annotations

from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from qdrant_client import QdrantClient

from services.embedded.sample import prices
from services.embedded.sample.fleet import fleet
from services.embedded.write.rows import TABLES
from services.embedded.write.stores import LoadReport, Targets, found_in, write
from services.errors import SettingsError, StoreUnavailable
from services.settings.private_files import DATA_VARIABLE
from services.stores.faults import guarded
from services.stores.qdrant import connect as qdrant
from services.stores.redis.link import conversation

MARKER = "sample"
_LOADING, _LOADED = "loading", "loaded"
_CLEARING = "clearing a sample that was cut short"
_SECONDS = 600.0


def fill(data: Path, targets: Targets, *, service: str) -> LoadReport | None:
    """Write the sample fleet into the engines of a data directory, if they are empty.

    Returns None when that was done before, or they hold data of another origin, which is left
    as it is. A load that a killed process left half done is cleared away and done again. Raises
    StoreError, and SettingsError when the directory cannot be written to.
    """
    state = _state(data)
    if state == _LOADING:
        _clear(targets)
    elif state == _LOADED or found_in(targets):
        return None
    _write(data / prices.FILE, prices.TEXT)
    _note(data, _LOADING)
    report = write(fleet(service=service), targets)
    _note(data, _LOADED)
    return report


def is_filled(data: Path) -> bool:
    """Whether the engines of a data directory were filled with the sample fleet."""
    return _state(data) == _LOADED


def _state(data: Path) -> str:
    path = data / MARKER
    return path.read_text("utf-8").strip() if path.exists() else ""


def _note(data: Path, state: str) -> None:
    _write(data / MARKER, f"{state}\n")


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.write_text(text, "utf-8")
        fresh.replace(path)
    except OSError as exc:
        reason = f"the data directory {path.parent} cannot be written to ({exc.strerror})"
        raise SettingsError(DATA_VARIABLE, reason) from exc


def _clear(targets: Targets) -> None:
    """Empty the engines: until the mark says so, nothing but half a sample is in them."""
    if targets.redis is not None:
        with conversation(targets.redis, operation=_CLEARING, seconds=_SECONDS) as link:
            for each in link.primaries:
                each.ask("FLUSHDB")
    if targets.clickhouse is not None:
        _clear_rows(targets.clickhouse, targets.database)
    if targets.qdrant is not None:
        _clear_vectors(targets.qdrant)


def _clear_rows(client: Client, database: str) -> None:
    try:
        for table in TABLES:
            client.command(
                "TRUNCATE TABLE IF EXISTS {database:Identifier}.{table:Identifier}",
                parameters={"database": database, "table": table},
            )
    except ClickHouseError as exc:
        raise StoreUnavailable("clickhouse", _CLEARING, "its engine could not do it") from exc


def _clear_vectors(client: QdrantClient) -> None:
    with guarded(qdrant.STORE, _CLEARING, qdrant.judge):
        for collection in client.get_collections().collections:
            client.delete_collection(collection.name)

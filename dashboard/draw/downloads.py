"""Files to download, each decided and logged when it is clicked: CSV, and Parquet for programs."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from dashboard.app import current, permits, runtime
from dashboard.app.cache import sight_of
from dashboard.app.files import Owned, owner_here
from dashboard.draw.formatting import moment, visible
from services.access.viewer import Action
from services.browse.models import Scope
from services.errors import AccessDenied
from services.purge.models import Plan
from services.settings.environment import load_settings
from services.spreadsheet import neutral
from services.tenancy.kb_ids import TenantKey

_UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)
_FORMATS: dict[str, tuple[Callable[[pd.DataFrame], bytes], str]]

Rows = pd.DataFrame | Callable[[], pd.DataFrame]
"""What a file has, or what makes it."""


def download(
    frame: Rows, name: str, *, tenants: Whose = None, read_at: datetime | None = None
) -> None:
    """Draw two small buttons under a table; the file is made when one is clicked.

    `name` is the file's, and the buttons' key: no two tables of a page may have the same. Columns
    say their units, and each row when it was read: at `read_at`, or just now. Nothing is drawn of
    an empty frame; what makes one, when a button is clicked, has rows.
    """
    if isinstance(frame, pd.DataFrame) and frame.empty:
        return
    at = read_at or datetime.now(UTC)
    with st.container(horizontal=True, gap="small"):
        for extension, (write, mime) in _FORMATS.items():
            export_button(
                extension.upper() if extension == "csv" else extension.capitalize(),
                partial(_written, write, frame, at),
                target=f"{name} as {extension}",
                tenants=tenants,
                file_name=f"{file_name(name)}.{extension}",
                mime=mime,
                key=f"download_{name}_{extension}",
                type="tertiary",
            )


def _written(write: Callable[[pd.DataFrame], bytes], frame: Rows, at: datetime) -> bytes:
    return write(with_units(frame if isinstance(frame, pd.DataFrame) else frame(), at))


_UNITS = {
    "bytes": ("Disk", "Memory", "Size"),
    "s": ("Expires in", "TTL", "Shortest TTL", "Longest TTL"),
}
_HEADS = {column: f"{column} ({unit})" for unit, columns in _UNITS.items() for column in columns}
READ_AT = "Read at (UTC)"


def with_units(frame: pd.DataFrame, read_at: datetime) -> pd.DataFrame:
    """Return a table as it is kept in a file: its head says the units, each row when it was read.

    Sizes are bytes, times to live seconds, times in UTC.
    """
    times = frame.select_dtypes(include=["datetime", "datetimetz"]).columns
    heads = _HEADS | {name: f"{name} (UTC)" for name in times}
    return frame.rename(columns=heads).assign(**{READ_AT: moment(read_at).removesuffix(" UTC")})


def file_name(name: str) -> str:
    """Return a name that any file system takes."""
    return _UNSAFE.sub("_", name).strip("._")[:100] or "table"


def as_csv(frame: pd.DataFrame) -> bytes:
    """Return a frame as CSV in UTF-8: lists joined, no cell a formula, every byte visible.

    It begins with the mark by which spreadsheets know UTF-8.
    """
    cells = _plain(frame).map(lambda cell: neutral(cell) if isinstance(cell, str) else cell)
    cells.columns = [neutral(str(column)) for column in cells.columns]
    return bytes(cells.to_csv(index=False, lineterminator="\n").encode("utf-8-sig"))


def as_parquet(frame: pd.DataFrame) -> bytes:
    """Return a frame as Parquet; lists are joined into text, every byte visible."""
    return bytes(_plain(frame).to_parquet(index=False))


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.map(_cell)


def _cell(cell: object) -> object:
    """Return a cell that any file can hold; texts that the page shows are visible already."""
    if isinstance(cell, list | tuple):
        return ", ".join(str(_cell(each)) for each in cell)
    return cell if not isinstance(cell, str) or _encodes(cell) else visible(cell)


def _encodes(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


_FORMATS = {
    "csv": (as_csv, "text/csv"),
    "parquet": (as_parquet, "application/vnd.apache.parquet"),
}


Made = bytes | str
Whose = Collection[TenantKey] | Callable[[], Collection[TenantKey]] | None
"""Whose data is in a file, or what says so when it is made; None where it is no tenant's."""

_ELSEWHERE = "this page is of another deployment by now: go back to the one that it was drawn for"
_CHANGED = "your role or scope is another than when this page was drawn: reload it"


def export_button(
    label: str, make: Callable[[], Made], *, target: str, file_name: str, mime: str, key: str,
    tenants: Whose = None, icon: str = ":material/download:", **options: Any,
) -> None:  # fmt: skip
    """Draw a button that downloads what `make` returns; `target` is what the log calls it.

    Whoever may not export it when it is clicked, or sees other things by then, gets no file.
    """
    sight = sight_of(runtime.desk().gate.viewer())
    decided_button(
        label, partial(_logged, make, target, tenants, sight),
        reason=permits.why_not(Action.EXPORT), file_name=file_name, mime=mime, key=key, icon=icon,
        **options,
    )  # fmt: skip


def concerned(about: Scope | Plan) -> Callable[[], Collection[TenantKey]]:
    """Return what says whose data a file is of, when it is made: a tenant's, or a plan's."""
    desk = runtime.desk()
    if isinstance(about, Plan):
        return partial(desk.purge.concerned, about)
    return partial(desk.inspection.concerned, about)


def decided_button(
    label: str, make: Callable[[], Made], *, reason: str, **options: Any
) -> None:  # fmt: skip
    """Draw a button for a file of which `make` itself decides, and logs; off for a `reason`."""
    st.download_button(
        label, _of_this_viewer(make), on_click="ignore", disabled=bool(reason),
        help=reason or None, **options,
    )  # fmt: skip


def _logged(
    make: Callable[[], Made], target: str, tenants: Whose, sight: str
) -> Made:  # fmt: skip
    gate = runtime.desk().gate
    whose = tenants() if callable(tenants) else tenants
    with gate.doing(Action.EXPORT, tenants=whose, target=target):
        if sight_of(gate.viewer()) != sight:
            raise AccessDenied(Action.EXPORT.value, _CHANGED)
        return make()


def _of_this_viewer(make: Callable[[], Made]) -> Callable[[], Made]:
    """Return the same, to be called from a thread that knows of no browser.

    Streamlit makes files in such a thread, where nobody is signed in. So this goes by the
    connection that the button was drawn for, and looks at its sign-in anew.
    """
    drawn_for, drawn_of = get_script_run_ctx(), current.name()

    def join() -> None:
        if drawn_for is not None:
            add_script_run_ctx(threading.current_thread(), drawn_for)

    def owned() -> Owned:
        if current.name() != drawn_of:
            raise AccessDenied(Action.EXPORT.value, _ELSEWHERE)
        return Owned.by(make(), owner_here(load_settings()))

    def made() -> Made:
        with ThreadPoolExecutor(1, initializer=join) as one:
            return one.submit(owned).result()

    return made

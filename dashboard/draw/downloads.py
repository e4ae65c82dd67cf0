"""A table as a file: CSV for spreadsheets, Parquet for programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.draw.formatting import visible
from dashboard.draw.x_exports import Whose, export_button
from services.usage.formats import neutral

_UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)
_FORMATS: dict[str, tuple[Callable[[pd.DataFrame], bytes], str]]


def download(frame: pd.DataFrame, name: str, *, tenants: Whose = None) -> None:
    """Draw two small buttons under a table; the file is made when one is clicked.

    `name` is the file's, and the buttons' key: no two tables of a page may have the same.
    """
    if frame.empty:
        return
    with st.container(horizontal=True, gap="small"):
        for extension, (write, mime) in _FORMATS.items():
            export_button(
                extension.upper() if extension == "csv" else extension.capitalize(),
                partial(write, frame),
                target=f"{name} as {extension}",
                tenants=tenants,
                file_name=f"{file_name(name)}.{extension}",
                mime=mime,
                key=f"download_{name}_{extension}",
                type="tertiary",
            )


def file_name(name: str) -> str:
    """Return a name that any file system takes."""
    return _UNSAFE.sub("_", name).strip("._")[:100] or "table"


def as_csv(frame: pd.DataFrame) -> bytes:
    """Return a frame as CSV in UTF-8: lists joined, no cell a formula, every byte visible."""
    cells = _plain(frame).map(lambda cell: neutral(cell) if isinstance(cell, str) else cell)
    cells.columns = [neutral(str(column)) for column in cells.columns]
    return bytes(cells.to_csv(index=False, lineterminator="\n").encode("utf-8"))


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

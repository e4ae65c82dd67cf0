"""The rows of an archive as Parquet files, for reading elsewhere: none is restored from."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from services.archive.container import Reader
from services.archive.errors import ArchiveError
from services.archive.models import Format, Part
from services.archive.ports import Place
from services.archive.tools import Tools

_UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)
_LONGEST = 120

AsParquet = Callable[[Part, Iterable[bytes], BinaryIO], int]
"""Writes the chunks of a part as one file, and returns how many rows. Raises ArchiveError."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One file, and how many rows of which part are in it."""

    part: str
    file: str
    rows: int


def export(
    tools: Tools, place: Place, name: str, folder: Path, *, write: AsParquet
) -> tuple[Exported, ...]:
    """Write the rows of each table that is in an archive into a file of its own.

    Every chunk is proven by its hash before it is written. Only their owner can read the files; one
    that is there already is not written over. Raises ArchiveRefused, ArchiveError, StoreError.
    """
    with place.reading(name) as stream:
        reader = Reader(stream, tools.identities())
        parts = [p for p in reader.manifest.parts if p.format is Format.NATIVE and p.count]
        return tuple(_exported(reader, part, folder, write) for part in parts)


def _exported(reader: Reader, part: Part, folder: Path, write: AsParquet) -> Exported:
    path = folder / f"{file_name(part)}.parquet"
    try:
        to = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
    except OSError as exc:
        raise ArchiveError(f"{path} cannot be written: {exc.strerror}") from None
    try:
        with to:
            rows = write(part, _chunks(reader, part), to)
        _all(part, rows)
    except OSError as exc:
        path.unlink()
        raise ArchiveError(f"{path} cannot be written: {exc.strerror}") from None
    except BaseException:
        path.unlink()
        raise
    return Exported(part.name, str(path), rows)


def file_name(part: Part) -> str:
    """Return what the file of a part is called: as its table, where any file may be.

    Else a hash tells it from those of tables that differ in what no name of a file has.
    """
    table = part.name.removeprefix(f"{part.store}/")
    plain = _UNSAFE.sub("-", table)[:_LONGEST]
    if plain == table and not plain.startswith("."):
        return plain
    told = hashlib.sha256(table.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{plain.lstrip('.')}-{told}"


def _all(part: Part, rows: int) -> None:
    if rows != part.count:
        raise ArchiveError(f"{rows:,} of {part.count:,} rows of {part.name} could be read")


def _chunks(reader: Reader, part: Part) -> Iterator[bytes]:
    wanted = {each.number for each in reader.manifest.chunks if each.part == part.name}
    return (content for _, content in reader.chunks(wanted))

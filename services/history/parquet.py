"""Usage over time as Parquet, for programs: whole numbers stay whole, times have their zone."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO

import pyarrow as pa
from pyarrow import parquet

from services.history.formats import COLUMNS, rows
from services.history.models import Cell

_FIGURES = frozenset({"first", "last", "min", "max", "margin"})
_MOST = 2**63
_WHOLE, _MEAN = pa.decimal128(38, 0), pa.decimal128(38, 3)


def as_parquet(cells: Sequence[Cell]) -> bytes:
    """Return one row a span, with the documented columns; null where it was not known."""
    told = zip(*rows(cells), strict=True) if cells else [()] * len(COLUMNS)
    columns = dict(zip(COLUMNS, map(list, told), strict=True))
    columns["from"] = [cell.began for cell in cells]
    columns["to"] = [cell.ended for cell in cells]
    columns["mean"] = [None if mean is None else Decimal(mean) for mean in columns["mean"]]
    arrays = [pa.array(values, _kind(name, values)) for name, values in columns.items()]
    out = BytesIO()
    parquet.write_table(pa.table(arrays, names=list(COLUMNS)), out)
    return out.getvalue()


def _kind(name: str, values: Sequence[object]) -> pa.DataType:
    if name in {"from", "to"}:
        return pa.timestamp("s", tz="UTC")
    if name in _FIGURES:
        large = any(isinstance(value, int) and value >= _MOST for value in values)
        return _WHOLE if large else pa.int64()
    return {"mean": _MEAN, "known": pa.float64(), "reason": pa.string()}[name]

"""Usage over time as Parquet: what programs read is what was kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import pyarrow as pa
import pytest
from pyarrow import parquet

from services.history.models import Cell
from services.history.parquet import as_parquet
from services.history.rollup import Rollup

BEGAN, HOUR = datetime(2026, 10, 25, 0, tzinfo=UTC), timedelta(hours=1)


@pytest.mark.parametrize(
    ("figure", "kind"), [(2**53 + 1, pa.int64()), (2**64 + 1, pa.decimal128(38, 0))]
)
def test_numbers_stay_exact_and_times_have_their_zone(figure: int, kind: pa.DataType) -> None:
    """Beside a gap too, which would make floats of whole numbers."""
    known = Cell(BEGAN, BEGAN + HOUR, Rollup.constant(figure, 1800), 5)
    gap = Cell(BEGAN + HOUR, BEGAN + 2 * HOUR, None, reason="Redis did not answer")
    table = parquet.read_table(BytesIO(as_parquet([known, gap])))
    assert table.schema.field("last").type == kind
    assert table.schema.field("from").type.tz == "UTC"
    first, second = table.to_pylist()
    assert (int(first["last"]), first["mean"]) == (figure, Decimal(figure))
    assert (first["from"], first["to"], first["known"]) == (BEGAN, BEGAN + HOUR, 0.5)
    assert (second["last"], second["mean"]) == (None, None)
    assert second["reason"] == "Redis did not answer"


def test_no_span_is_a_table_all_the_same() -> None:
    assert parquet.read_table(BytesIO(as_parquet([]))).num_rows == 0

"""Rows out of hostile files: each is read, or refused by itself with the reason."""

from __future__ import annotations

import json
from contextlib import suppress
from io import BytesIO

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from pyarrow import parquet

from services.imports import read
from services.imports.models import LONGEST_ROW, Form, ImportRefused, Refused, Why
from services.imports.read import form_of, rows

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def found(data: bytes, form: Form) -> list[object]:
    return [
        (each.number, each.why) if isinstance(each, Refused) else each[1]
        for each in rows(BytesIO(data), form)
    ]


@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=5))
def test_what_is_written_as_json_lines_is_read_back(written: list[dict[str, object]]) -> None:
    data = "\n".join(json.dumps(each) for each in written).encode()
    assert found(data, Form.JSONL) == written


@given(st.binary(max_size=200), st.sampled_from([Form.JSONL, Form.CSV]))
def test_any_bytes_have_an_answer(data: bytes, form: Form) -> None:
    """Rows, or why they are none, or why the file is none."""
    with suppress(ImportRefused):
        found(data, form)


def test_a_row_is_refused_by_itself() -> None:
    """Broken UTF-8, what is no JSON, what is no object, NaN, and one that is too long."""
    long = b'{"a": "' + b"x" * (LONGEST_ROW + 10) + b'"}'
    data = b"\n".join([
        b'{"a": 1}', b'{"a": "\xff"}', b"{", b"[1]", b'{"a": NaN}', long, b"", b"[" * 100_000,
        b'{"a": 2}',
    ])  # fmt: skip
    assert found(data, Form.JSONL) == [
        {"a": 1}, (2, Why.NOT_UTF8), (3, Why.UNREADABLE), (4, Why.UNREADABLE),
        (5, Why.UNREADABLE), (6, Why.TOO_LONG), (7, Why.UNREADABLE), {"a": 2},
    ]  # fmt: skip
    refused = [row for row in rows(BytesIO(data), Form.JSONL) if isinstance(row, Refused)]
    assert [each.about for each in refused[1:3]] == ["not JSON", "no JSON object"]


def test_cells_are_what_was_meant() -> None:
    """What an export made of a formula is that formula again; an empty cell is none."""
    data = '\ufeffkey,value\nk,\'=1+1\nbroken,\udcff\nshort\nq,"a\nb"\n'
    assert found(data.encode("utf-8", "surrogateescape"), Form.CSV) == [
        {"key": "k", "value": "=1+1"}, (2, Why.NOT_UTF8), (3, Why.UNREADABLE),
        {"key": "q", "value": "a\nb"},
    ]  # fmt: skip
    with pytest.raises(ImportRefused):
        found(b"key,key\n1,2\n", Form.CSV)
    with pytest.raises(ImportRefused):
        found('{"a": 1}'.encode("utf-16"), Form.JSONL)


def test_parquet_and_what_only_says_so() -> None:
    table = pa.table({"id": [1, 2], "vector": [[0.5], [1.0]], "payload": [{"a": "x"}, None]})
    out = BytesIO()
    parquet.write_table(table, out)
    assert found(out.getvalue(), Form.PARQUET) == [
        {"id": 1, "vector": [0.5], "payload": {"a": "x"}}, {"id": 2, "vector": [1.0]},
    ]  # fmt: skip
    for data in (b"", b"PAR1", out.getvalue()[:-9]):
        with pytest.raises(ImportRefused):
            found(data, Form.PARQUET)
    assert (form_of("x.CSV"), form_of("x.txt")) == (Form.CSV, None)


def test_too_many_rows_are_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MOST_ROWS", 2)
    assert len(found(b"{}\n{}\n", Form.JSONL)) == 2
    with pytest.raises(ImportRefused):
        found(b"{}\n{}\n{}\n", Form.JSONL)

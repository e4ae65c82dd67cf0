"""Files of node_ids: what is written comes back, and what is wrong is said with its line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from services.errors import NamesError
from services.names.models import Exported, Format, Line, Refused
from services.names.read import read
from services.names.write import written
from services.spreadsheet import as_written, told_apart
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import text_of

HOSTILE = (
    "=1+1",
    "'=1",
    "''+x",
    "a,b",
    'a"b',
    "a\r\nb",
    "a\rb",
    "a\nb",
    "\x00",
    "\ufeff",
    " ",
    ";",
    "{}",
)
node_ids = st.binary(min_size=1).map(text_of) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1
) | st.sampled_from(HOSTILE)  # fmt: skip
times = st.datetimes(timezones=st.just(UTC))
exported = st.builds(
    Exported, node_ids, st.builds(TenantKey, st.just("tenant"), node_ids), times
)  # fmt: skip


@given(st.lists(exported), st.sampled_from([Format.CSV, Format.JSONL]), st.booleans())
def test_what_is_exported_is_read_back(names: list[Exported], kind: Format, told: bool) -> None:
    """Byte for byte, whatever the names hold; and how it is written is seen from the file."""
    data = b"".join(written(names, kind))
    found = read(data, kind if told or not names else None)
    lines = [line for line in found if isinstance(line, Line)]
    assert len(lines) == len(found)
    assert [(line.node_id, line.tenant, line.since) for line in lines] == [
        (name.node_id, str(name.tenant), name.since) for name in names
    ]


@given(st.text() | st.text("'=+-@\t\r x", max_size=6))
def test_a_cell_is_no_formula_and_comes_back(text: str) -> None:
    cell = told_apart(text)
    assert as_written(cell) == text
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))


@given(st.binary(), st.none() | st.sampled_from(Format))
def test_any_file_is_read_or_refused_as_a_whole(data: bytes, kind: Format | None) -> None:
    """And every line of it is a node_id that is not empty, or refused with why."""
    try:
        lines = read(data, kind)
    except NamesError:
        return
    for line in lines:
        assert line.why if isinstance(line, Refused) else line.node_id
    assert [line.number for line in lines] == sorted(line.number for line in lines)


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("tenant:a:user:b\r\n\n#x\n", ["1 tenant:a:user:b", "3 #x"]),
        ("\ufeffnode_id\na\n", ["2 a"]),
        ("since;node_id\n2025-01-01;a\n", ["2 a"]),
        ('note,"node_id"\n"two\nlines",a\nx,b\n', ["2 a", "4 b"]),
        ("node_id,tenant\na\n", ["2: it has 1 columns, and the first line 2"]),
        ("node_id,since\na,31.1.2026\n", ["2: its since is no time like"]),
        ('{"node_id": "a", "since": 7}\n', ["1: its since is no time like"]),
        ('{"node_id": "a", "tenant": 7}\n[]\n{\n{"node": 1}\n', [
            "1: its tenant is no text", "2: it is not a JSON object", "3: it is not JSON",
            "4: it names no node_id",
        ]),
        ('{"node_id": "a", "since": "0001-01-01T00+14:00"}', ["1: its since is no time like"]),
    ],
)  # fmt: skip
def test_what_a_file_says(text: str, read_as: list[str]) -> None:
    said = [
        f"{line.number}: {line.why}" if isinstance(line, Refused)
        else f"{line.number} {line.node_id}"
        for line in read(text.encode())
    ]  # fmt: skip
    assert len(said) == len(read_as)
    assert all(one.startswith(other) for one, other in zip(said, read_as, strict=True))


def test_a_time_without_a_zone_is_in_utc() -> None:
    (line,) = read(b"node_id,since\na,2026-01-31T13:00:00\n")
    assert isinstance(line, Line)
    assert line.since == datetime(2026, 1, 31, 13, tzinfo=UTC)


@pytest.mark.parametrize("data", ["a".encode("utf-16"), b"node\na\n"])
def test_what_is_no_such_file_is_refused(data: bytes) -> None:
    with pytest.raises(NamesError):
        read(data, Format.CSV)

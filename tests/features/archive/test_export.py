"""An archive's rows as Parquet: those of the store, in new files, and none of a cut archive."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from cli.archive import app
from services.archive.errors import ArchiveError, ArchiveRefused
from services.archive.export import file_name
from services.archive.models import Format, Part
from services.bootstrap import Services
from services.stores.clickhouse import native_parquet
from tests.features.restore.test_restore import archived, services
from tests.servers.deployment import Deployment

__all__ = ["services"]  # a fixture

_ROWS = """
SELECT name, pattern_data, length, created_at FROM patterns_data WHERE kb_id IN {kbs:Array(String)}
ORDER BY kb_id, name
"""


def test_rows_are_as_in_the_store_and_nothing_is_written_over(
    services: Services, kato: Deployment, tmp_path: Path
) -> None:
    archive = archived(services)
    (found,) = services.archive.export(archive, tmp_path)
    assert (found.part, found.rows) == (
        "clickhouse/patterns_data", archive.counts["clickhouse/patterns_data"]
    )  # fmt: skip
    path = Path(found.file)
    assert path.stat().st_mode & 0o077 == 0
    table = parquet.read_table(path).sort_by([("kb_id", "ascending"), ("name", "ascending")])
    assert kato.targets.clickhouse is not None
    kbs = sorted({*table["kb_id"].to_pylist()})
    rows = kato.targets.clickhouse.query(_ROWS, parameters={"kbs": kbs}).result_rows
    told = [
        (row["name"], row["pattern_data"], row["length"], row["created_at"].replace(tzinfo=None))
        for row in table.to_pylist()
    ]
    assert told == [tuple(row) for row in rows]
    before = path.read_bytes()
    with pytest.raises(ArchiveError, match="cannot be written"):
        services.archive.export(archive, tmp_path)
    assert path.read_bytes() == before


def test_of_what_cannot_be_read_no_file_is_left(services: Services, tmp_path: Path) -> None:
    archive = archived(services)
    folder = tmp_path / "out"
    folder.mkdir()
    with patch.object(native_parquet, "write_parquet", return_value=1), pytest.raises(ArchiveError):
        services.archive.export(archive, folder)
    file = tmp_path / "archives" / archive.name
    file.write_bytes(file.read_bytes()[:-700])
    with pytest.raises(ArchiveRefused):
        services.archive.export(archive, folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "words", [("create", "--tenant", "tenant/acme", "--parquet"), ("export", "x", "--to")]
)
def test_a_folder_that_is_not_there_is_said_before_anything_is_done(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    """And not once an archive was taken for hours."""
    done = CliRunner().invoke(app, [*words, str(tmp_path / "none")])
    assert (done.exit_code, "does not exist" in done.output) == (2, True)


def test_tables_of_any_name_have_files_of_their_own() -> None:
    """Also those that differ in what no file's name has, and those of very long names."""
    names = ("a b", "a-b", "a/b", "../a", ".a", "é", "日", "\udcff", "t" * 400, "t" * 401)
    files = [file_name(Part(f"clickhouse/{name}", Format.NATIVE)) for name in names]
    assert len({*files}) == len(names)
    assert files[1] == "a-b"
    for file in files:
        assert file == Path(file).name
        assert len(file.encode()) < 200
        assert not file.startswith(".")

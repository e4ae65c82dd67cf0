"""Files that were made for somebody: their names, who gets them, and until when."""

from __future__ import annotations

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileKind, MediaFileStorageError

from dashboard.app import files
from dashboard.app.files import Owned, OwnedFiles

CSV = "text/csv"


def made(kept: OwnedFiles, owner: str = "ann", content: bytes = b"x") -> str:
    content = Owned.by(content, owner)
    return kept.load_and_get_id(content, CSV, MediaFileKind.DOWNLOADABLE, "usage.csv")


def test_no_content_leads_to_a_name() -> None:
    """The same file twice has two."""
    kept = OwnedFiles()
    names = {made(kept) for _ in range(10)}
    assert len(names) == 10
    assert all(len(name) == 48 for name in names)
    assert kept.get_file(made(kept)).content == b"x"


def test_a_file_is_for_its_maker_alone() -> None:
    """With its ending too; nobody's is for nobody."""
    kept = OwnedFiles()
    name, nobodys = made(kept), made(kept, "")
    assert kept.is_for(f"{name}.csv", "ann")
    assert not any(kept.is_for(f"{name}.csv", other) for other in ("bob", "", "ann "))
    assert not kept.is_for(nobodys, "")
    assert kept.is_for("picture.png", "")


def test_it_stays_while_others_click() -> None:
    """Streamlit tidies up after every run of anybody's page: before it was fetched, too."""
    kept = OwnedFiles()
    manager = MediaFileManager(kept)
    entry = manager.add_deferred(lambda: Owned.by("a,b", "ann"), CSV, "1", "usage.csv")
    url = manager.execute_deferred(entry)
    for _ in range(5):
        manager.remove_orphaned_files()
    name = url.removeprefix("/media/")
    assert kept.get_file(name).content == b"a,b"
    assert kept.is_for(name, "ann")


def test_it_goes_when_its_time_is_over_or_there_is_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The oldest first."""
    kept = OwnedFiles()
    monkeypatch.setattr(files, "MOST_BYTES", 25)
    names = [made(kept, content=b"0123456789") for _ in range(3)]
    with pytest.raises(MediaFileStorageError):
        kept.get_file(names[0])
    assert kept.get_file(names[2]).content_size == 10
    monkeypatch.setattr(files, "KEPT_SECONDS", -1)
    kept.delete_file("any")
    assert not kept._files_by_id
    assert not kept._kept

"""Places for archives: a folder, S3 by its HTTP face, and places that fill up, lie or break."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.archive.errors import ArchiveError
from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.stores.archives.place import Place

NAME = "acme.kato.tar"
DATA = os.urandom(40_000)
S3 = {"key": "k", "secret": "s3cr3t"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """An S3 on a real socket, with one bucket."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="k", aws_secret_access_key="s",
        region_name="us-east-1",
    ).create_bucket(Bucket="archives")  # fmt: skip
    yield url
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Place(str(tmp_path / "archives"), {})
    url = request.getfixturevalue("s3")
    return Place(f"s3://archives/{tmp_path.name}", {**S3, "endpoint_url": url})


def kept(place: Place, data: bytes = DATA) -> None:
    with place.writing(NAME) as sink:
        for at in range(0, len(data), 7000):
            sink.write(data[at : at + 7000])
    place.keep(NAME, size=len(data))


def test_a_file_has_its_name_only_when_it_is_whole(place: Place) -> None:
    assert place.files() == ()
    with place.writing(NAME) as sink:
        sink.write(DATA)
        assert place.files() == ()
    assert place.files() == ()
    with place.reading(NAME, unfinished=True) as stream:
        assert stream.read() == DATA
    place.keep(NAME, size=len(DATA))
    (found,) = place.files()
    assert (found.name, found.bytes) == (NAME, len(DATA))
    assert found.changed_at is not None
    with place.reading(NAME) as stream:
        assert stream.seekable()
        assert stream.seek(-10, 2) == len(DATA) - 10
        assert stream.read(99) == DATA[-10:]


def test_what_failed_half_way_is_not_there(place: Place) -> None:
    def fails() -> None:
        with place.writing(NAME) as sink:
            sink.write(DATA)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert place.files() == ()
    with pytest.raises(ArchiveError, match="no such archive"), place.reading(NAME, unfinished=True):
        pass


def test_a_file_of_another_size_is_told(place: Place) -> None:
    with place.writing(NAME) as sink:
        sink.write(DATA)
    with pytest.raises(StoreRejected, match=r"of 39,999 bytes it has 40000"):
        place.keep(NAME, size=39_999)


def test_a_folder_that_cannot_be_made_is_told_and_not_that_an_archive_is_missing() -> None:
    place = Place("/proc/kato-tenants/archives", {})
    with pytest.raises(StoreRejected, match="cannot be made"), place.writing(NAME):
        pass


def test_one_that_is_not_there_is_told(place: Place) -> None:
    with pytest.raises(ArchiveError, match="no such archive"), place.reading("no.kato.tar"):
        pass


@pytest.mark.parametrize("name", ["../x.kato.tar", "a/b.kato.tar", ".hidden", "a\\b"])
def test_no_name_leads_elsewhere(place: Place, name: str) -> None:
    with pytest.raises(ArchiveError, match="no folder"), place.writing(name):
        pass


def test_a_place_says_no_password_and_gone_it_is_unavailable() -> None:
    options = {**S3, "endpoint_url": "http://127.0.0.1:9", "config_kwargs": {"connect_timeout": 1}}
    place = Place("s3://archives/x", options)
    with pytest.raises(StoreUnavailable) as told:
        kept(place)
    assert "s3cr3t" not in str(told.value)
    assert Place("memory://user:pass@h/x?y=z", {}).url == "memory://h/x"


@pytest.mark.parametrize(("url", "options"), [("nonsense://x", {}), ("s3://b", {"endpoint": 1})])
def test_an_address_that_no_driver_takes_is_told(url: str, options: dict[str, object]) -> None:
    with pytest.raises(StoreMisconfigured):
        kept(Place(url, options))


class Failing:
    """A file that fails as a disk or a server does."""

    def __init__(self, inner: Any, fault: object) -> None:
        self._inner, self._fault = inner, fault

    def write(self, data: bytes) -> object:
        if isinstance(self._fault, BaseException):
            raise self._fault
        self._inner.write(data[: len(data) // 2])
        return self._fault

    def close(self) -> None:
        self._inner.close()


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (OSError(errno.ENOSPC, "full"), StoreRejected, "it is full"),
        (OSError(errno.EDQUOT, "quota"), StoreRejected, "it is full"),
        (PermissionError("no"), StoreDenied, "refused"),
        (OSError(errno.EROFS, "read-only"), StoreDenied, "refused"),
        (ConnectionResetError(), StoreUnavailable, "broke off"),
        (TimeoutError(), StoreUnavailable, "broke off"),
        (3500, StoreRejected, "only a part"),
    ],
)
def test_a_place_that_fails_is_told_and_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: object, kind: type[StoreError],
    words: str,
) -> None:  # fmt: skip
    place = Place(str(tmp_path / "archives"), {})
    opened = place._fs.open
    monkeypatch.setattr(place._fs, "open", lambda *args, **more: Failing(opened(*args), fault))
    with pytest.raises(kind, match=words):
        kept(place)
    monkeypatch.undo()
    assert list((tmp_path / "archives").iterdir()) == []


def test_a_file_is_removed_for_good_and_once_more_does_no_harm(place: Place) -> None:
    kept(place)
    (file,) = place.files()
    place.remove(file.name)
    place.remove(file.name)
    assert place.files() == ()

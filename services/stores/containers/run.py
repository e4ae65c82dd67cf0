"""Runs commands of this machine: lists of words, never through a shell, each with its end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from services.instances.models import Ran
from services.settings.private_files import make_private

OUTPUT = 64_000
"""So many bytes of what a command said are kept: the last."""

_GRACE_SECONDS, _LOOK_SECONDS = 5.0, 1.0
_PASSED_ON = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
    "KUBECONFIG", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY",
)  # fmt: skip
"""The variables that a tool is given: none of this dashboard's own, which has the passwords."""


class Commands:
    """Runs a command to its end, as this user, with nothing to read."""

    def run(self, command: Sequence[str], *, seconds: float) -> Ran:
        """Run one, and return what it said. It is ended, with what it began, after `seconds`."""
        words = tuple(command)
        if not words or shutil.which(words[0]) is None:
            return Ran(words, why_not=f"{words[0] if words else 'it'} is not on this machine")
        with tempfile.TemporaryFile() as said:  # a pipe that nobody reads would stop a long talker
            try:
                process = subprocess.Popen(  # noqa: S603  a list of words that settings name
                    words, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
                    env=_environment(os.environ), start_new_session=True,
                )  # fmt: skip
            except OSError as exc:
                return Ran(words, why_not=f"it cannot be started ({os.strerror(exc.errno or 0)})")
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                output = f"{_last(said.fileno())}\nIt was ended: it took longer than {seconds:g} s."
                return Ran(words, process.returncode or -1, output.lstrip())
            except BaseException:
                _end(process)
                raise
            return Ran(words, code, _last(said.fileno()))

    def listens(self, port: int) -> bool:
        """Whether anything on this machine has a TCP port, on any of its addresses."""
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0")):  # noqa: S104
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(_LOOK_SECONDS)
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except OSError:
                    return True
        return False


class InstanceFolder:
    """The folder in which each instance has one for its files, for this user alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, files: Mapping[str, str]) -> Path:
        """Write the files of one, and return their folder. Raises SettingsError."""
        folder = self._folder / name
        make_private(folder)
        write_files(folder, files)
        return folder


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder that is there, each whole or not at all. Raises OSError."""
    for name, text in files.items():
        with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8", delete=False) as file:
            file.write(text)
        Path(file.name).replace(folder / name)


def _environment(all_of_it: Mapping[str, str]) -> dict[str, str]:
    return {name: all_of_it[name] for name in _PASSED_ON if name in all_of_it}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and whatever it began, at first politely."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
            return


def _last(file: int) -> str:
    """Return the end of what was written into a file."""
    size = os.fstat(file).st_size
    text = os.pread(file, OUTPUT, max(0, size - OUTPUT)).decode("utf-8", "replace")
    return text.rstrip()

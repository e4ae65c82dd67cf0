"""Processes forked from a server that has imported this product already, which takes seconds."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import walk_packages

import cli
import services

CONTEXT = multiprocessing.get_context("forkserver")
_ALL = [
    module.name
    for package in (cli, services)
    for module in walk_packages(package.__path__, f"{package.__name__}.")
]
CONTEXT.set_forkserver_preload([name for name in _ALL if not name.endswith("__main__")])

_SECONDS = 240


def forked(work: Callable[..., None], *arguments: object) -> int:
    """Do something in a process of its own, and return how that ended, as `exitcode` says it."""
    process = CONTEXT.Process(target=work, args=arguments)
    process.start()
    process.join(timeout=_SECONDS)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"a process did not end within {_SECONDS} s")
    return process.exitcode


class Talking:
    """A process that runs a module's `main`, which reads and prints lines.

    It is talked to as a `subprocess.Popen` of two pipes is.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        given, typed = CONTEXT.Pipe(duplex=False)
        printed, said = CONTEXT.Pipe(duplex=False)
        with given, typed, printed, said:
            work = (module, arguments, dict(os.environ), given, said)
            self._process = CONTEXT.Process(target=_main, args=work, daemon=True)
            self._process.start()
            self.stdin = os.fdopen(os.dup(typed.fileno()), "w", encoding="utf-8")
            self.stdout = os.fdopen(os.dup(printed.fileno()), encoding="utf-8")

    @property
    def returncode(self) -> int | None:
        """How it ended, None while it has not."""
        return self._process.exitcode

    def communicate(self, text: str = "", timeout: float = _SECONDS) -> tuple[str, None]:
        """Tell it a last text, and return what it prints until it ends, within so many seconds."""
        with self.stdin, self.stdout:
            self.stdin.write(text)
            self.stdin.close()
            printed = self.stdout.read()
        self._process.join(timeout)
        return printed, None

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process.pid
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it as by a loss of power."""
        self._process.kill()


def _main(
    module: str, arguments: tuple[str, ...], environment: Mapping[str, str], given: Connection,
    said: Connection,
) -> None:  # fmt: skip
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = open(given.fileno(), encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(said.fileno(), "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    import_module(module).main(*arguments)
    sys.stdout.flush()


def run(*arguments: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `kato-tenants` and return what it printed. `typed` is what comes in by standard input."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        for stream in streams:
            stream.write_text(typed if stream.name == "in" else "", "utf-8")
        code = forked(_command, arguments, {**os.environ, **environment}, streams)
        printed = (stream.read_text("utf-8") for stream in streams[1:])
        return subprocess.CompletedProcess(arguments, code, *printed)


def _command(
    arguments: tuple[str, ...], environment: Mapping[str, str], streams: list[Path]
) -> None:
    from cli.main import main

    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        os.dup2(os.open(stream, os.O_RDWR), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  for the whole process
    sys.argv = ["kato-tenants", *arguments]
    main()

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
from multiprocessing.process import BaseProcess
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

import cli
import services

CONTEXT = multiprocessing.get_context("forkserver")


def _modules(package: ModuleType) -> list[str]:
    found = walk_packages(package.__path__, f"{package.__name__}.")
    return [module.name for module in found if not module.name.endswith("__main__")]


_COMMANDS = [*_modules(cli), *_modules(services)]
CONTEXT.set_forkserver_preload(_COMMANDS)


def import_beforehand(package: ModuleType, *names: str) -> None:
    """Let the fork server import this too, unless it runs already."""
    CONTEXT.set_forkserver_preload([*_COMMANDS, *_modules(package), *names])


_SECONDS = 240


def begun(work: Callable[..., None], *arguments: object, **environment: str) -> BaseProcess:
    """Begin something in a process of its own.

    It has the environment that is here now, and these variables: the fork server has that of
    whatever came first.
    """
    given = {**os.environ, **environment}
    process = CONTEXT.Process(target=_given, args=(given, work, arguments))
    process.start()
    return process


def forked(work: Callable[..., None], *arguments: object, **environment: str) -> int:
    """Do something in a process of its own, and return how that ended, as `exitcode` says it."""
    process = begun(work, *arguments, **environment)
    process.join(timeout=_SECONDS)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"a process did not end within {_SECONDS} s")
    return process.exitcode


def _given(
    environment: Mapping[str, str], work: Callable[..., None], arguments: tuple[object, ...]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    work(*arguments)


class Talking:
    """A process that runs a module's `main`, and talks over its standard input and output."""

    def __init__(self, module: str, *arguments: str) -> None:
        (read, given), (said, write) = os.pipe(), os.pipe()
        theirs = Connection(read, writable=False), Connection(write, readable=False)
        self._process = begun(_talk, module, arguments, *theirs)
        for end in theirs:
            end.close()
        self._given = os.fdopen(given, "w", encoding="utf-8")
        self._said = os.fdopen(said, encoding="utf-8")

    def tell(self, word: str) -> None:
        """Say a line to it."""
        self._given.write(f"{word}\n")
        self._given.flush()

    def line(self) -> str:
        """Wait for the next line that it says."""
        return self._said.readline().strip()

    def told(self, word: str) -> str:
        """Wait until it is ready, tell it a word, and return what it says to that."""
        assert self.line() == "ready"
        self.tell(word)
        return self.line()

    def ended(self) -> str:
        """Say nothing more, and return what it says last. It may not fail."""
        last = self._over()
        assert self._process.exitcode == 0
        return last

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it as a machine ends that loses its power."""
        self._process.kill()
        self._over()

    def _over(self) -> str:
        self._given.close()
        with self._said:
            last = self._said.read().strip()
        self._process.join(timeout=_SECONDS)
        return last


def _talk(module: str, arguments: tuple[str, ...], given: Connection, said: Connection) -> None:
    for number, end in enumerate((given, said)):
        os.dup2(end.fileno(), number)
        end.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  for the whole process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    import_module(module).main(*arguments)
    sys.stdout.flush()


def run(*arguments: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `kato-tenants` and return what it printed. `typed` is what comes in by standard input."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        for stream in streams:
            stream.write_text(typed if stream.name == "in" else "", "utf-8")
        code = forked(_command, arguments, streams, **environment)
        printed = (stream.read_text("utf-8") for stream in streams[1:])
        return subprocess.CompletedProcess(arguments, code, *printed)


def _command(arguments: tuple[str, ...], streams: list[Path]) -> None:
    from cli.main import main

    for number, stream in enumerate(streams):
        os.dup2(os.open(stream, os.O_RDWR), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  for the whole process
    sys.argv = ["kato-tenants", *arguments]
    main()

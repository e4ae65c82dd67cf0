"""Processes forked from a server that has imported this product already, which takes seconds."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
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

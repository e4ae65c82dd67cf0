"""Which functions the unit tests reach where nothing is changed, and how long each test takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from itertools import zip_longest
from types import FrameType
from typing import TypeVar

import pytest

from tests.mutants.changes import Function, Mutant

Result = TypeVar("Result")
Traced = Generator[None, Result, Result]


@dataclass(frozen=True)
class Unchanged:
    """What tests do where nothing is changed: functions that a file reaches, seconds, failures.

    `imported` are the modules that were imported for them.
    """

    functions: dict[str, set[Function]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    imported: list[str] = field(default_factory=list)

    def files_of(self, mutant: Mutant) -> set[str]:
        """Return the files whose tests may notice; what runs at import, all of them may."""
        if mutant.function[1]:
            return {file for file, seen in self.functions.items() if mutant.function in seen}
        return {nodeid.split("::", maxsplit=1)[0] for nodeid in self.seconds}


class Reach:
    """A plugin of pytest that writes down what an unchanged run does."""

    def __init__(self, paths: frozenset[str]) -> None:
        self.seen = Unchanged()
        self._paths, self._file = paths, ""

    def _call(self, frame: FrameType, event: str, arg: object) -> None:
        code = frame.f_code
        if code.co_filename in self._paths:
            line = 0 if code.co_name == "<module>" else code.co_firstlineno
            self.seen.functions.setdefault(self._file, set()).add((code.co_filename, line))

    def _during(self, nodeid: str) -> Traced[Result]:
        self._file = nodeid.split("::", maxsplit=1)[0]
        sys.settrace(self._call)
        try:
            return (yield)
        finally:
            sys.settrace(None)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Traced[Result]:
        return (yield from self._during(collector.nodeid))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Traced[Result]:
        return (yield from self._during(item.nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        took = self.seen.seconds.get(report.nodeid, 0) + report.duration
        self.seen.seconds[report.nodeid] = took
        if report.failed:
            self.seen.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self.seen.imported.extend(sys.modules)


class Quickest:
    """A plugin that begins with the tests that take least, without those that fail anyway."""

    def __init__(self, unchanged: Unchanged) -> None:
        self._unchanged = unchanged

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kept = [item for item in items if item.nodeid not in self._unchanged.failed]
        items[:] = sorted(kept, key=lambda item: self._unchanged.seconds.get(item.nodeid, 0))


class Collected(Quickest):
    """The same, which has the tests collected once, and hands them to whoever asks."""

    def __init__(self, unchanged: Unchanged, work: Callable[[pytest.Session], None]) -> None:
        super().__init__(unchanged)
        self._work = work

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._work(session)
        return True


def run_items(session: pytest.Session, files: set[str]) -> int:
    """Run the collected tests of files until one fails; 1 then, else 0."""
    items = [item for item in session.items if item.nodeid.split("::", maxsplit=1)[0] in files]
    for item, following in zip_longest(items, items[1:]):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return 1
    return 0

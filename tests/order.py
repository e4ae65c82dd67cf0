"""Which tests run when, and which together in one process.

A worker of pytest-xdist takes one file after the other, in the order given here.
"""

from __future__ import annotations

import gc
import itertools
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

BUSY, WAITING = ("browser", "pages", "golden"), ("engines", "features", "commands")
"""Folders whose tests keep the processor busy, and those whose tests mostly wait."""

TOGETHER = {
    "the sample fleet": ("test_walk", "test_ticket", "test_isolation", "test_find"),
    "fleets of their own": (
        "test_scope", "test_sessions", "test_sign_in", "test_purge", "test_keyboard_purge",
        "test_parking", "test_apart", "test_move", "test_restore", "test_limits",
    ),
}  # fmt: skip
"""Browser tests of one process: those on the sample fleet share its dashboard and a browser."""

_GROUPS = {f"tests/browser/{name}.py": group for group, names in TOGETHER.items() for name in names}


class _FilesTogether(LoadFileScheduling):
    """Files go to workers one by one, but for those that stay together."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return _GROUPS.get(path, path)

    def remove_node(self, node: WorkerController) -> str | None:
        """Forget what a worker had done before it goes, as pytest-xdist 3.8.0 does not.

        It gives that out again when a worker crashes; whoever gets it has nothing to run, reports
        nothing, is given nothing more, and the whole run never ends.
        """
        work = self.assigned_work[node]
        for scope in [scope for scope, tests in work.items() if all(tests.values())]:
            del work[scope]
        return super().remove_node(node)


def pytest_xdist_make_scheduler(
    config: pytest.Config, log: object
) -> LoadFileScheduling | None:  # fmt: skip
    if config.getoption("dist") != "loadfile":
        return None
    return _FilesTogether(config, log)  # type: ignore[arg-type]  # xdist's own kind of logger


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let files that are busy and files that wait take turns, and begin with these.

    So workers do both at once, and none has a long one left when the others have nothing.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    folders = {path: path.relative_to(Path(__file__).parent).parts[0] for path in files}
    busy = [path for folder in BUSY for path in files if folders[path] == folder]
    waiting = [path for path in files if folders[path] in WAITING]
    pairs = itertools.zip_longest(busy, waiting)
    order = [path for pair in pairs for path in pair if path is not None]
    rest = [path for path in files if path not in {*busy, *waiting}]
    items[:] = [item for path in (*order, *rest) for item in files[path]]


def pytest_configure() -> None:
    """Let nothing look for garbage among what is only being imported and collected."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What was collected stays to the end: the collector need not go through it again and again."""
    gc.freeze()
    gc.enable()

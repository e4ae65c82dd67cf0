"""Draw mutants, try them, and print which survive: `python -m tests.mutants`."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import pickle
import resource
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType

import pytest

from tests.mutants.changes import (
    ROOT,
    Mutant,
    code_of,
    draw,
    modules,
    put_into_functions,
)
from tests.mutants.reach import Collected, Quickest, Reach, Unchanged, run_items

SEED, COUNT = 20261128, 200
LIMIT = 120  # seconds of processor time; a mutant that takes more is noticed
CRASHED = 70
OURS = {"services", "dashboard", "cli", "bench", "tests", "conftest", "__main__"}


class Import(SourceFileLoader):
    """Gives the one changed module to whoever imports it."""

    def __init__(self, mutant: Mutant) -> None:
        name = mutant.file.removesuffix(".py").replace("/", ".")
        super().__init__(name, str(ROOT / mutant.file))
        self._code = code_of(mutant)

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Find that module alone."""
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_code(self, fullname: str) -> CodeType:
        """Return what was compiled."""
        return self._code


def in_child(work: Callable[[], int], log: Path) -> int:
    """Do work in a child of this process; return its exit code, below 0 where a signal ended it."""
    child = os.fork()
    if not child:
        out, code = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), CRASHED
        os.dup2(out, 1)
        os.dup2(out, 2)
        try:
            code = int(work())
        except BaseException:  # noqa: BLE001 - the parent's stack is not this child's to go on with
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(files: Iterable[str], plugin: object) -> int:
    """Run the tests of files and return pytest's exit code."""
    return pytest.main([
        "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile", "quick",
        "--hypothesis-seed", "1", "-W", "ignore::pytest.PytestAssertRewriteWarning", *files,
    ], plugins=[plugin])  # fmt: skip


def unchanged(kept: Path) -> Unchanged:
    """Run all of tests/unit where nothing is changed."""

    def trace() -> int:
        plugin = Reach(frozenset(map(str, modules())))
        code = run(["tests/unit"], plugin)
        kept.write_bytes(pickle.dumps(plugin.seen))
        return code

    if not kept.exists() and in_child(trace, log := kept.with_suffix(".log")) not in {0, 1}:
        sys.exit(log.read_text())
    seen: Unchanged = pickle.loads(kept.read_bytes())
    for name in seen.imported:
        if name.split(".")[0] not in OURS:
            with suppress(ImportError):
                importlib.import_module(name)  # once, instead of in every child
    return seen


def at_once(mutants: Iterable[Mutant], seen: Unchanged, folder: Path) -> dict[Mutant, str]:
    """Return how mutants were noticed by tests that were collected before, in this process.

    That costs far less than to collect them again. What goes into no function as it is, and what
    was not noticed, is not among them.
    """
    found: dict[Mutant, str] = {}

    def work(session: pytest.Session) -> None:
        for mutant in mutants:
            files = seen.files_of(mutant)
            how = judged(partial(judge, session, mutant, files), folder) if files else ""
            if how:
                found[mutant] = how

    def judge(session: pytest.Session, mutant: Mutant, files: set[str]) -> int:
        return run_items(session, files) if put_into_functions(mutant) else 0

    run(["tests/unit"], Collected(seen, work))
    return found


def anew(mutant: Mutant, seen: Unchanged, folder: Path) -> str:
    """Return how a mutant was noticed by tests that import it; empty where none did."""

    def judge() -> int:
        sys.meta_path.insert(0, Import(mutant))
        return run(["-x", *sorted(files)], Quickest(seen))

    files = seen.files_of(mutant)
    return judged(judge, folder) if files else ""


def judged(judge: Callable[[], int], folder: Path) -> str:
    """Return what tests in a child make of a mutant: that they fail, take too long, or nothing."""

    def limited() -> int:
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.mkdtemp(dir=folder)
        return judge()

    code = in_child(limited, log := folder / "mutant.log")
    if code == CRASHED:
        sys.exit(log.read_text())
    return "" if not code else "failed" if code > 0 else "too long"


def main() -> int:
    """Draw, try and print."""
    parser = argparse.ArgumentParser(description="Say which small changes no unit test notices.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the draw")
    parser.add_argument("--reach", type=Path, help="keep here which file reaches what")
    given = parser.parse_args()
    drawn = {n: m for n, m in enumerate(draw(given.seed, given.count)) if n in (given.only or [n])}
    with tempfile.TemporaryDirectory() as folder:
        seen = unchanged(given.reach or Path(folder, "reach"))
        print("left out, as they fail unchanged:", *(seen.failed or ["none"]), flush=True)
        passed = Path(folder, "passed")
        in_child(partial(keep, passed, drawn.values(), seen, Path(folder)), Path(folder, "log"))
        found: dict[Mutant, str] = pickle.loads(passed.read_bytes())
        for number, mutant in drawn.items():
            found[mutant] = found.get(mutant) or anew(mutant, seen, Path(folder))
            if not found[mutant]:
                print(f"{number}  {mutant}  ({len(seen.files_of(mutant))} files)", flush=True)
    came = Counter(how or "survived" for how in found.values())
    print(*(f"{count} {how}" for how, count in came.items()), sep=", ")
    return 0


def keep(passed: Path, mutants: Iterable[Mutant], seen: Unchanged, folder: Path) -> int:
    """Write down what comes of `at_once`: in a child, for it imports everything unchanged."""
    passed.write_bytes(pickle.dumps(at_once(mutants, seen, folder)))
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())

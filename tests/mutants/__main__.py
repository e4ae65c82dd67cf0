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

from tests.mutants.changes import ROOT, Mutant, code_of, draw, modules
from tests.mutants.reach import Quickest, Reach, Unchanged

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


def noticed(mutant: Mutant, seen: Unchanged, folder: Path) -> str:
    """Return how a mutant was noticed; empty where no test did."""
    files = seen.files_of(mutant)
    near = {file for file in files if file.startswith(f"tests/unit/{mutant.room}/")}

    def judge(some: Iterable[str]) -> int:
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.mkdtemp(dir=folder)
        sys.meta_path.insert(0, Import(mutant))
        return run(["-x", *some], Quickest(seen))

    for some in (near, files - near):
        if not some:
            continue
        code = in_child(partial(judge, sorted(some)), log := folder / "mutant.log")
        if code == CRASHED:
            sys.exit(log.read_text())
        if code:
            return "failed" if code > 0 else "too long"
    return ""


def main() -> int:
    """Draw, try and print."""
    parser = argparse.ArgumentParser(description="Say which small changes no unit test notices.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the draw")
    parser.add_argument("--reach", type=Path, help="keep here which file reaches what")
    given = parser.parse_args()
    came: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        seen = unchanged(given.reach or Path(folder, "reach"))
        print("left out, as they fail unchanged:", *(seen.failed or ["none"]), flush=True)
        for number, mutant in enumerate(draw(given.seed, given.count)):
            if given.only and number not in given.only:
                continue
            how = noticed(mutant, seen, Path(folder))
            came[how or "survived"] += 1
            if not how:
                print(f"{number}  {mutant}  ({len(seen.files_of(mutant))} files)", flush=True)
    print(*(f"{count} {how}" for how, count in came.items()), sep=", ")
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())

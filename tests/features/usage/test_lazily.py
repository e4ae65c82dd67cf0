"""A command imports what it uses, and leaves the rest of the product alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.deployment import Deployment
from tests.servers.sqlite import put_tables

PROGRAM = """
import ast, json, sys
from pathlib import Path

from cli.main import app

def says_nothing(file):
    return all(isinstance(each, ast.Expr) for each in ast.parse(Path(file).read_text()).body)

sys.argv[0] = "kato-tenants"
try:
    app()
except SystemExit as exc:
    assert not exc.code
ours = {name: each.__file__ for name, each in sys.modules.items()
        if name.partition(".")[0] in ("cli", "dashboard", "services")}
print(json.dumps(sorted(name for name, file in ours.items() if not says_nothing(file))),
      file=sys.stderr)
"""

MOST = 89
"""How many modules the usage of a configured deployment takes; 105 it took in another house.

Its records are there already: what old ones take to be read is taken once.
"""


@pytest.fixture
def used(kato: Deployment, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules of this product that `usage --json` imports."""
    for variable, value in kato.environment.items():
        monkeypatch.setenv(variable, value)
    put_tables(Path(os.environ["KATO_TENANTS_DATA"]))
    command = [sys.executable, "-c", PROGRAM, "usage", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=True)
    assert json.loads(done.stdout)["tenants"]
    found: list[str] = json.loads(done.stderr.splitlines()[-1])
    return found


def test_usage_imports_what_it_takes(used: list[str]) -> None:
    assert len(used) <= MOST, " ".join(used)
    rooms = {".".join(name.split(".")[:2]) for name in used}
    assert not rooms & {"services.browse", "services.canary", "services.embedded"}
    assert not [name for name in used if name.endswith((".erase", ".pages"))]

"""`kato-tenants backups`: rules from a shell, a backup at once, and how tenants stand as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app


def told(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["backups", *words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.output)


@pytest.mark.usefixtures("kato_settings")
def test_a_rule_is_set_and_a_tenant_backed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong is told in one line."""
    monkeypatch.setenv("KATO_TENANTS_ARCHIVES", str(tmp_path / "archives"))
    wrong = CliRunner().invoke(app, ["backups", "set", "*", "61 * * * *"])
    assert (wrong.exit_code, "30 3 * * *" in wrong.output) == (2, True)
    no_rule = CliRunner().invoke(app, ["backups", "run", "tenant/globex"])
    assert (no_rule.exit_code, "no rule" in no_rule.output) == (1, True)
    assert told("set", "*", "30 3 * * *", "--keep", "last=2", "--why", "x") == {
        "set": 1, "removed": 0,
    }  # fmt: skip
    (rule,) = told("list")["rules"]
    assert (rule["for"], rule["keep"]["last"], rule["why"]) == ("*", 2, "x")
    (ran,) = told("run", "tenant/globex")["tenants"]
    assert ran["last_run"]["state"] == "proven"
    assert ran["newest"]["archive"] == ran["last_run"]["archive"]
    (stands,) = told("status", "--tenant", "tenant/globex")["tenants"]
    assert stands["newest"]["bytes"] == ran["newest"]["bytes"] > 0
    assert told("remove", "*") == {"set": 0, "removed": 1}
    assert "no rule" in CliRunner().invoke(app, ["backups", "remove", "*"]).output

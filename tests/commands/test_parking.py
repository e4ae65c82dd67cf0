"""`kato-tenants park` and `unpark`: a tenant out of the stores and back, told as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from services.settings.environment import Settings
from tests.servers.deployment import Deployment

BOB = "tenant_acme_user_bob_kato"


def told(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.output)


def test_a_tenant_is_parked_and_brought_back(
    kato_settings: Settings, kato: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kato_settings  # its environment is what counts
    client = kato.targets.redis
    assert client is not None
    assert "KATO_TENANTS_ARCHIVES" in str(told("park", "tenant/acme", "--dry-run", code=1))
    monkeypatch.setenv("KATO_TENANTS_ARCHIVES", str(tmp_path / "archives"))
    monkeypatch.setenv("KATO_TENANTS_SETTLE_SECONDS", "0")
    keys = sorted(client.scan_iter(match=f"{BOB}:*", count=1000))
    plan = told("park", "tenant/acme", "--dry-run")
    assert plan["obstacles"] == []
    assert plan["saved"]["keys"]["count"] >= len(keys) > 0
    job = told("park", "tenant/acme", "--reason", "OPS-7")
    assert (job["state"], job["outcome"], job["reason"]) == ("ended", "parked", "OPS-7")
    assert not list(client.scan_iter(match=f"{BOB}:*", count=1000))
    (parked,) = told("park", "--list")["parked"]
    assert (parked["tenant"], parked["archive"]) == ("tenant/acme", job["receipt"]["archive"])
    again = CliRunner().invoke(app, ["park", "tenant/acme"])
    assert (again.exit_code, "parked already" in again.output) == (1, True)
    assert told("unpark", "tenant/acme")["outcome"] == "restored"
    assert sorted(client.scan_iter(match=f"{BOB}:*", count=1000)) == keys
    assert told("park", "--list") == {"parked": []}
    assert CliRunner().invoke(app, ["unpark", "tenant/acme"]).exit_code == 1
    assert CliRunner().invoke(app, ["park"]).exit_code == 2

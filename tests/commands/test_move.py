"""`kato-tenants move`: a tenant goes to another deployment, told as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.features.move.conftest import OTHER, move_to, other, without_acme
from tests.servers.deployment import Deployment

__all__ = ["move_to", "other", "without_acme"]  # fixtures

BOB = "tenant_acme_user_bob_kato"


def told(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["move", *words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.output)


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["move", *words])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.usefixtures("kato_settings")  # its environment is what counts
def test_a_tenant_moves(
    kato: Deployment, other: Deployment, move_to: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ours, theirs = kato.targets.redis, other.targets.redis

    def keys(client: Any) -> list[bytes]:
        return sorted(client.scan_iter(match=f"{BOB}:*", count=1000))

    before = keys(ours)
    assert "no deployment is called" in said("plan", "tenant/acme", "--to", OTHER, code=1)
    monkeypatch.setenv("KATO_TENANTS_MOVE_TO", move_to)
    assert "KATO_TENANTS_ARCHIVES" in said("plan", "tenant/acme", "--to", OTHER, code=1)
    monkeypatch.setenv("KATO_TENANTS_ARCHIVES", str(tmp_path / "archives"))
    plan = told("plan", "tenant/acme", "--to", OTHER)
    assert (plan["to"], plan["obstacles"]) == (OTHER, [])
    assert plan["amounts"]["keys"]["count"] >= len(before) > 0
    job = told("begin", "tenant/acme", "--to", OTHER, "--reason", "OPS-7")
    assert (job["phase"], job["state"], job["reason"]) == (
        "copied, not cut over", "stopped", "OPS-7",
    )  # fmt: skip
    assert keys(ours) == keys(theirs) == before
    assert f"next: kato-tenants move cutover {job['id']}" in said("status", job["id"])
    assert told("give-up", job["id"])["receipt"] == {"to": OTHER, "removed": True}
    assert not keys(theirs)
    job = told("begin", "tenant/acme", "--to", OTHER)
    done = told("cutover", job["id"])
    assert (done["phase"], done["outcome"], done["receipt"]["outcome"]) == (
        "moved", "moved", "erased",
    )  # fmt: skip
    assert (keys(ours), keys(theirs)) == ([], before)
    found = told("list")
    assert (found["destinations"], len(found["jobs"])) == ([OTHER], 2)
    assert [each["tenant"] for each in found["moved"]] == ["tenant/acme"]
    assert "it moved to eu-2" in said("begin", "tenant/acme", "--to", OTHER, code=1)
    said("cutover", job["id"], code=1)
    said("forget", "tenant/acme")
    assert told("list")["moved"] == []
    said("plan", "acme", "--to", OTHER, code=2)

"""`kato-tenants retention`: policies set and planned from a shell, run, and told as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.engines.redis.test_retention import put
from tests.servers.deployment import Deployment

BOB = "tenant_acme_user_bob_kato"


def told(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["retention", *words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.output)


@pytest.mark.usefixtures("kato_settings")
def test_a_policy_is_set_planned_and_run(kato: Deployment) -> None:
    """What is wrong is told in one line; what a plan showed is what runs."""
    client = kato.targets.redis
    assert client is not None
    for number in range(3):
        put(client, f"{BOB}:prediction:{number}", idle=number * 100)
    wrong = CliRunner().invoke(app, ["retention", "set", "*", "predictions:idle", "200d"])
    assert (wrong.exit_code, "194 days" in wrong.output) == (2, True)
    keep = ("tenant/acme", "predictions:count", "1")
    would = told("set", *keep, "--dry-run")
    assert told("list") == {"policies": []}
    assert told("set", *keep, "--cron", "30 3 * * *", "--why", "x") == {"set": 1, "removed": 0}
    (kept,) = told("list")["policies"]
    assert (kept["for"], kept["keep"], kept["schedule"]) == ("tenant/acme", 1, "30 3 * * *")
    assert kept["next"].endswith("03:30:00Z")
    plan = told("plan", "--only", "tenant/acme=predictions:count")
    lines = {line["owner"]: line for line in plan["lines"]}
    assert lines == {line["owner"]: line for line in would["lines"]}
    assert lines[BOB]["due"] == lines[BOB]["there"] - 1
    unseen = CliRunner().invoke(app, ["retention", "run", "--digest", "", "--reason", "t"])
    assert (unseen.exit_code, told("status")["runs"]) == (1, [])
    receipt = told("run", "--only", "tenant/acme=predictions:count", "--digest", plan["digest"],
                   "--reason", "t")  # fmt: skip
    assert receipt["outcome"] == "done"
    (ran,) = told("status")["runs"]
    assert (ran["job"], ran["state"]) == (receipt["job"], "ended")
    assert len(client.keys(f"{BOB}:prediction:*")) == 1
    assert told("remove", *keep[:2]) == {"set": 0, "removed": 1}
    assert "no policy" in CliRunner().invoke(app, ["retention", "remove", *keep[:2]]).output

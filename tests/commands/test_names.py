"""`kato-tenants names`, in processes of its own: from a file to what counts as known, and back."""

from __future__ import annotations

import json
from pathlib import Path

import redis

from tests.servers.deployment import Deployment
from tests.servers.forked import run

WHY = ("--why", "ticket 4711")
FILE = b"""node_id,tenant,since\r
tenant:first:user:x,first,2025-01-31\r
"tenant:odd\xff""\r
:user:y",,\r
tenant:zed:user:y,tenant/acme,\r
'=1+1,,2025-02-01\r
"""


def test_import_and_export(kato: Deployment, tmp_path: Path) -> None:
    """Dry first; what conflicts is said; an export imported elsewhere exports the same."""
    here = {**kato.environment, "KATO_TENANTS_DATA": str(tmp_path / "here")}
    there = {**here, "KATO_TENANTS_DATA": str(tmp_path / "there")}
    file = tmp_path / "names.csv"
    file.write_bytes(FILE)
    dry = run("names", "import", str(file), "--dry-run", "--json", **here)
    assert (dry.returncode, json.loads(dry.stdout)["counts"]) == (1, {
        "new": 3, "known": 0, "shared": 0, "conflicting": 1, "refused": 0,
    })  # fmt: skip
    assert run("names", "export", **here).stdout == ""
    done = run("names", "import", str(file), **here)
    assert done.returncode == 1
    assert "line 5, conflicting: tenant:zed:user:y: the file says tenant/acme" in done.stdout
    exported = run("names", "export", **here).stdout
    assert [json.loads(line)["node_id"] for line in exported.splitlines()] == [
        "=1+1", "tenant:first:user:x", 'tenant:odd\udcff"\r\n:user:y',
    ]  # fmt: skip
    (tmp_path / "names.jsonl").write_text(exported)
    assert run("names", "import", str(tmp_path / "names.jsonl"), **there).returncode == 0
    assert run("names", "export", **there).stdout == exported
    again = run("names", "import", str(tmp_path / "names.jsonl"), "--json", **here)
    assert json.loads(again.stdout)["counts"]["known"] == 3
    log = run("log", "show", "--json", **here).stdout
    assert '"import names"' in log
    reading = {**here, "KATO_TENANTS_READ_ONLY": "true"}
    refused = run("names", "import", str(file), **reading)
    assert (refused.returncode, "read only" in refused.stderr) == (1, True)


def test_a_word_makes_what_is_inferred_go(kato: Deployment, valkey: redis.Redis) -> None:
    """Confirmed, it is said so with who and why, and a purge takes it; revoked, it does not."""
    here = {**kato.environment, "KATO_TENANTS_SETTLE_SECONDS": "0"}

    def tenants() -> dict[str, dict[str, object]]:
        found = json.loads(run("usage", "--json", **here).stdout)["tenants"]
        return {each["tenant"]: each for each in found}

    def left_out(tenant: str) -> set[str]:
        plan = run("purge", "plan", "--tenant", tenant, "--json", **here)
        return {left["kb_id"] for left in json.loads(plan.stdout)["left_out"]}

    tenant, kb_id = "tenant/idle", "tenant_idle_user_bob_kato"
    valkey.set(f"{kb_id}:frequency:x", 1)
    assert tenants()[tenant]["claim"] == "inferred"
    assert kb_id in left_out(tenant)
    bare = run("names", "confirm", tenant, kb_id, "--why", " ", **here)
    assert (bare.returncode, "say why" in bare.stderr) == (1, True)
    strange = run("names", "confirm", "tenant/nobody", kb_id, *WHY, **here)
    assert (strange.returncode, len(strange.stderr.splitlines())) == (1, 1)
    done = run("names", "confirm", tenant, "--all", *WHY, **here)
    assert done.returncode == 0, done.stderr
    found = tenants()[tenant]
    (claim,) = (each for each in found["claims"] if each["kb_id"] == kb_id)  # type: ignore[attr-defined]
    assert (found["claim"], claim["claim"]) == ("confirmed", "confirmed")
    assert (claim["confirmed"]["tenant"], claim["confirmed"]["why"]) == (tenant, "ticket 4711")
    assert kb_id not in left_out(tenant)
    assert run("names", "revoke", tenant, kb_id, *WHY, **here).returncode == 0
    assert tenants()[tenant]["claim"] == "inferred"
    assert kb_id in left_out(tenant)
    assert "revoke a confirmation" in run("log", "show", **here).stdout
    again = run("names", "revoke", tenant, kb_id, *WHY, **here)
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)

"""`kato-tenants purge`, in processes of its own: what it prints, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CAPTURE
from tests.servers.deployment import SECRET, Deployment
from tests.servers.forked import run

ACME = ("--tenant", "tenant/acme")
WHY = ("--reason", "ticket 4711")


@pytest.fixture
def settled(kato: Deployment) -> dict[str, str]:
    """The environment of a deployment, without the wait before the last look."""
    return {**kato.environment, "KATO_TENANTS_SETTLE_SECONDS": "0"}


def planned(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """Plan, and return the JSON."""
    done = run("purge", "plan", *arguments, "--json", **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert SECRET not in done.stdout
    plan: dict[str, Any] = json.loads(done.stdout)
    return plan


def test_plan_run_receipt(settled: dict[str, str]) -> None:
    """The interface for scripts, from the plan to the receipt."""
    digest = planned(settled, *ACME)["digest"]
    assert planned(settled, *ACME)["digest"] == digest
    confirmed = ("--digest", digest, "--confirm", "tenant/acme", *WHY, "--json")
    done = run("purge", "run", *ACME, *confirmed, **settled)
    assert done.returncode == 0, done.stdout + done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["outcome"] == "erased"
    assert receipt["stores"].keys() == {"patterns", "keys", "vectors", "sessions"}
    for figures in receipt["stores"].values():
        assert figures.keys() == {"planned", "deleted", "absent", "failed", "left"}
        assert figures["left"] == 0
    assert receipt["stores"]["patterns"]["deleted"] > 10
    assert json.loads(run("purge", "receipt", receipt["job"], **settled).stdout) == receipt
    status = json.loads(run("purge", "status", receipt["job"], "--json", **settled).stdout)
    assert (status["state"], status["outcome"]) == ("ended", "erased")
    again = run("purge", "resume", receipt["job"], **settled)
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)


def test_collections_are_dropped_only_by_who_may_purge(settled: dict[str, str]) -> None:
    """Verifying is reading; and the stand-in was not restarted since the purge."""
    digest = planned(settled, *ACME)["digest"]
    confirmed = ("--digest", digest, "--confirm", "tenant/acme", *WHY, "--json")
    job = json.loads(run("purge", "run", *ACME, *confirmed, **settled).stdout)["job"]
    reading = {**settled, "KATO_TENANTS_READ_ONLY": "true"}
    assert run("purge", "verify", job, **reading).returncode == 0
    for environment, why in ((reading, "read only"), (settled, "started after")):
        done = run("purge", "verify", job, "--drop-emptied", **environment)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert why in done.stderr


def test_what_is_refused_says_why_in_one_line(settled: dict[str, str]) -> None:
    """Another target, another confirmation, no plan, no such tenant's form."""
    digest = planned(settled, *ACME)["digest"]
    confirmed = ("--confirm", "tenant/acme", *WHY)
    for arguments, why in (
        (("run", "--tenant", "tenant/globex", "--digest", digest, *confirmed), "another target"),
        (("run", *ACME, "--digest", digest, "--confirm", "acme", *WHY), "type exactly"),
        (("run", *ACME, "--digest", "0" * 64, *confirmed), "no plan"),
        (("plan", "--tenant", "acme"), "kind/id"),
        (("plan",), "name a tenant"),
        (("status", "nope"), "no purge job"),
    ):
        done = run("purge", *arguments, **settled)
        assert done.returncode == 1, arguments
        assert why in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_store_down_is_unknown_and_resumed(kato: Deployment, settled: dict[str, str]) -> None:
    """Exit 2 and a receipt that knows nothing; healed, it goes on to the end."""
    digest = planned(settled, *ACME)["digest"]
    kato.fail("qdrant", "down")
    arguments = ("--digest", digest, "--confirm", "tenant/acme", *WHY, "--json")
    done = run("purge", "run", *ACME, *arguments, **settled)
    assert done.returncode == 2, done.stdout + done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["outcome"] == "unknown"
    assert all(figures["left"] is None for figures in receipt["stores"].values())
    unsure = run("purge", "plan", *ACME, **settled)
    assert unsure.returncode == 1
    assert "cannot run: vectors could not be asked" in unsure.stdout
    kato.heal()
    done = run("purge", "resume", receipt["job"], "--json", **settled)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["outcome"] == "erased"


def test_on_the_embedded_engines(tmp_path: Path) -> None:
    """The same, with a user of all tenants."""
    environment = {"KATO_TENANTS_DATA": str(tmp_path), "KATO_TENANTS_SETTLE_SECONDS": "0"}
    assert run("load", str(CAPTURE), **environment).returncode == 0
    plan = planned(environment, "--user", "alice")
    tenants = ["org/bigco", "tenant/acme-corp", "tenant/globex"]
    assert (plan["tenants"], plan["confirm"]) == (tenants, "alice in 3 tenants")
    said = run("purge", "plan", "--user", "alice", **environment).stdout
    assert said.startswith("purge of the user alice: alice in 3 tenants\n  org/bigco: ")
    confirmed = ("--digest", plan["digest"], *WHY)
    begun = ("purge", "run", "--user", "alice", *confirmed)
    refused = run(*begun, "--confirm", "alice", **environment)
    assert "type exactly: alice in 3 tenants" in refused.stderr
    done = run(*begun, "--confirm", plan["confirm"], **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "outcome: erased" in done.stdout
    (job,) = json.loads(run("purge", "list", "--json", **environment).stdout)
    files = tmp_path / "receipts"
    wrote = run("purge", "receipt", job["job"], "--to", str(files), **environment)
    assert sorted(wrote.stdout.split()) == sorted(map(str, files.iterdir()))
    texts = {path.name: path.read_text("utf-8") for path in files.iterdir()}
    assert len(texts) == 2 * (1 + len(tenants))
    for name, text in texts.items():
        about = [tenant for tenant in tenants if tenant.replace("/", "_") in name] or tenants
        assert {tenant for tenant in tenants if tenant in text} == set(about), name
        assert "ticket 4711" in text
        assert "All data of the user alice" in text
    usage = json.loads(run("usage", "--json", **environment).stdout)
    left = {tenant["tenant"]: tenant["kb_ids"] for tenant in usage["tenants"]}
    assert left["tenant/globex"] == ["tenant_globex_user_hank_kato"]

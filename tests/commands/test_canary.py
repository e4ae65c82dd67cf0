"""`kato-tenants canary`, in processes of its own: what it asks, prints, and how it exits."""

from __future__ import annotations

import json

from tests.features.canary.test_canary import Prints
from tests.features.purge.test_purge import prints
from tests.servers.deployment import SECRET, Deployment
from tests.servers.forked import run

__all__ = ["prints"]  # a fixture


def test_it_says_what_it_writes_and_asks_before(kato: Deployment, prints: Prints) -> None:
    """Without a yes nothing is written, whether somebody says no or nobody is there."""
    told = " ".join(run("canary", "--help").stdout.split())
    for word in ("sessions", "patterns_data", "Redis keys", "collections", "cleans up", "Exit"):
        assert word in told
    before = prints()
    refused = run("canary", typed="n\n", **kato.environment)
    assert refused.returncode == 2
    assert "nothing was written" in refused.stderr
    assert not refused.stdout.strip()
    assert prints() == before


def test_a_run_that_passes(kato: Deployment, prints: Prints) -> None:
    """Exit 0, and every store is as it was."""
    before = prints()
    done = run("canary", "--yes", "--json", **kato.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.isascii()
    assert SECRET not in done.stdout
    report = json.loads(done.stdout)
    assert (report["verdict"], report["cleaned"], report["left"]) == ("passed", True, [])
    assert {probe["outcome"] for probe in report["probes"]} == {"passed"}
    text = run("canary", "--yes", **kato.environment).stdout
    assert text.startswith("passed: ")
    assert "are two tenants" in text
    assert "everything was cleaned up" in text
    assert prints() == before


def test_a_store_that_is_down_is_exit_2(kato: Deployment, prints: Prints) -> None:
    """It could not be known, and nothing was written."""
    before = prints()
    kato.fail("clickhouse", "down")
    done = run("canary", "--yes", **kato.environment)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout.startswith("unknown: ")
    assert "ClickHouse did not answer" in done.stdout
    kato.heal()
    assert prints() == before


def test_on_the_embedded_engines() -> None:
    """The same there; what answers in KATO's place is named as what it is."""
    done = run("canary", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stand-in" in done.stdout
    usage = json.loads(run("usage", "--json").stdout)
    assert usage["tenants"] == []
    assert all(store["total"]["count"] == 0 for store in usage["stores"].values())

"""`kato-tenants limits`, in processes of its own: from a rule to who is over, and files of them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.servers.deployment import Deployment
from tests.servers.forked import run

FILE = "for,measure,limit\n*,patterns,1000\norg/*,keys_bytes,5GB\n'=x/1,keys,none\nacme,keys,1\n"


def listed(**here: str) -> list[tuple[str, str, int | None]]:
    found = json.loads(run("limits", "list", "--json", **here).stdout)["limits"]
    return [(each["for"], each["measure"], each["limit"]) for each in found]


def test_rules_are_set_listed_and_moved(tmp_path: Path) -> None:
    """No store is needed; what an export has, an import brings elsewhere; each change is logged."""
    here = {"KATO_TENANTS_DATA": str(tmp_path / "here")}
    there = {"KATO_TENANTS_DATA": str(tmp_path / "there")}
    assert run("limits", "list", **here).stdout == "no limit is set\n"
    done = run("limits", "set", "tenant/acme", "patterns", "5,000", "--why", "ticket 4711", **here)
    assert (done.returncode, done.stdout) == (0, "set: 1, removed: 0\n"), done.stderr
    file = tmp_path / "limits.csv"
    file.write_text(FILE)
    took = run("limits", "import", str(file), "--json", **here)
    assert (took.returncode, json.loads(took.stdout)) == (
        1, {"set": 3, "removed": 0, "refused": 1, "tenants": None}
    )  # fmt: skip
    assert took.stderr.startswith("line 5, refused: a tenant is written kind/id")
    rules = [("*", "patterns", 1000), ("org/*", "keys_bytes", 5 * 10**9), ("=x/1", "keys", None),
             ("tenant/acme", "patterns", 5000)]  # fmt: skip
    assert listed(**here) == rules
    exported = run("limits", "export", **here).stdout
    assert "'=x/1,keys,none,cli/" in exported
    assert run("limits", "set", "*", "keys", "1", **there).returncode == 0
    (tmp_path / "all.csv").write_text(exported, newline="")
    moved = run("limits", "import", str(tmp_path / "all.csv"), "--instead", **there)
    assert moved.stdout == "set: 4, removed: 1\n"
    assert listed(**there) == rules
    refused = run("limits", "import", str(file), "--instead", **there)
    assert (refused.returncode, listed(**there)) == (1, rules)
    assert run("limits", "remove", "org/*", "keys_bytes", **there).returncode == 0
    again = run("limits", "remove", "org/*", "keys_bytes", **there)
    assert (again.returncode, "there is no limit" in again.stderr) == (1, True)
    wrong = run("limits", "set", "*", "keys", "5GB", **there)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    log = run("log", "show", "--json", **here).stdout
    assert '"set limits"' in log
    assert "tenant/acme patterns 5,000" in log
    assert "ticket 4711" in log


def test_who_is_over_is_told(kato: Deployment, tmp_path: Path) -> None:
    """And what a limit would come to before it is set; a store that is down makes nobody under."""
    here = {**kato.environment, "KATO_TENANTS_DATA": str(tmp_path)}
    dry = run("limits", "set", "*", "patterns", "1", "--dry-run", "--json", **here)
    would = json.loads(dry.stdout)
    assert would["set"] == 1
    assert would["tenants"]["over"] > 0
    assert listed(**here) == []
    for quantity in ("patterns", "keys"):
        assert run("limits", "set", "*", quantity, "1", **here).returncode == 0
    check = run("limits", "check", "--json", "--fail-on", "over", **here)
    found = json.loads(check.stdout)["standings"]
    assert check.returncode == 1
    over = [each for each in found if each["state"] == "over" and each["measure"] == "patterns"]
    assert len({each["tenant"] for each in over}) >= would["tenants"]["over"] > 0
    assert all(each["used"] > each["limit"] == 1 and each["from"] == "*" for each in over)
    for quantity in ("patterns", "keys"):
        assert run("limits", "set", "*", quantity, "1" + "0" * 12, **here).returncode == 0
    kato.fail("redis", "down")
    blind = run("limits", "check", "--fail-on", "over", **here)
    assert blind.returncode == 2
    assert "unknown: Redis did not answer" in blind.stdout

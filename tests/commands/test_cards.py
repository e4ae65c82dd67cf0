"""`kato-tenants card`, in processes of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.servers.forked import run

FILE = "tenant,name,labels,notes\n'=x/1,'=1+1,plan=free,\ntenant/acme,Acme,plan=a/b,\n"


def shown(tenant: str, **here: str) -> Any:
    return json.loads(run("card", "show", tenant, "--json", **here).stdout)


def test_a_card_is_written_moved_and_held(tmp_path: Path) -> None:
    """No store is needed; what an export has an import brings elsewhere; each change is logged."""
    here = {"KATO_TENANTS_DATA": str(tmp_path / "here")}
    there = {"KATO_TENANTS_DATA": str(tmp_path / "there")}
    assert run("card", "list", **here).stdout == "no card\n"
    said = ("--name", "Acme", "--contact", "bob@acme", "--label", "plan=gold", "--label", "eu=1")
    done = run("card", "set", "tenant/acme", *said, **here)
    assert (done.returncode, done.stdout) == (
        0, "changed: 1\n  tenant/acme: name, contact, labels\n"
    ), done.stderr  # fmt: skip
    dry = run("card", "set", "tenant/acme", "--no-label", "eu", "--dry-run", "--json", **here)
    assert json.loads(dry.stdout) == {
        "done": False, "changed": [{"tenant": "tenant/acme", "fields": ["labels"]}], "refused": 0
    }  # fmt: skip
    held = run("card", "hold", "tenant/acme", "--reason", "a court's order", **here)
    assert held.returncode == 0, held.stderr
    acme = shown("tenant/acme", **here)
    assert (acme["labels"], acme["state"]) == ({"eu": "1", "plan": "gold"}, "on hold")
    assert acme["hold"]["reason"] == "a court's order"
    (tmp_path / "new.csv").write_text(FILE)
    took = run("card", "import", str(tmp_path / "new.csv"), **here)
    assert (took.returncode, took.stdout) == (1, "changed: 1\n  =x/1: name, labels\n")
    assert took.stderr.startswith("line 3, refused: a label's value")
    exported = run("card", "export", **here).stdout
    (tmp_path / "all.csv").write_text(exported, newline="")
    assert run("card", "import", str(tmp_path / "all.csv"), **there).returncode == 0
    moved = shown("tenant/acme", **there)
    assert moved["hold"] is None  # one is set by itself, with a reason
    assert (moved["name"], moved["labels"]) == (acme["name"], acme["labels"])
    listed = json.loads(run("card", "list", "--label", "plan=free", "--json", **here).stdout)
    assert [each["tenant"] for each in listed["cards"]] == ["=x/1"]
    assert run("card", "lift", "tenant/acme", "--why", "it is over", **here).returncode == 0
    again = run("card", "lift", "tenant/acme", "--why", "it is over", **here)
    assert (again.returncode, "not on hold" in again.stderr) == (1, True)
    assert run("card", "set", "acme", "--name", "x", **here).returncode == 2
    log = run("log", "show", "--json", **here).stdout
    for told in ("edit a card", "label a tenant", "set a legal hold", "lift a legal hold",
                 "a court's order", "tenant/acme eu=1, plan=gold"):  # fmt: skip
        assert told in log
    assert "bob@acme" not in log

"""`restore --give-up` and `import give-up`: what cannot go on is ended, and told."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from services import bootstrap
from services.purge.models import Request, Target
from services.settings.environment import Settings, load_settings
from services.tenancy.kb_ids import TenantKey, held_names

GLOBEX = TenantKey("tenant", "globex")


def test_a_restore_and_an_import_are_given_up_and_listed_so(
    kato_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kato_settings  # its environment is what counts
    monkeypatch.setenv("KATO_TENANTS_ARCHIVES", str(tmp_path / "archives"))
    with closing(bootstrap.build(load_settings())) as services:
        plan = services.archive.plan(Request(Target(GLOBEX)))
        archive = services.archive.run_here(services.archive.begin(plan, by="ada", reason="x"))
        restoring = services.restore.plan(archive.name)
        job = services.restore.begin(restoring, by="ada", reason="x").id
        services.job_book.begin(
            "import", {"import": "f" * 16, "tenant": "tenant/acme", "machine": "web-2"},
            asked_by="ann", reason="keys", names=held_names([TenantKey("tenant", "acme")], ()),
            steps=("write", "take back"), at=services.now(),
        )  # fmt: skip
    (tmp_path / "archives" / archive.name).unlink()
    run = CliRunner().invoke
    assert run(app, ["restore", "--resume", job]).exit_code == 1
    without = run(app, ["restore", "--give-up", job])
    assert (without.exit_code, "reason" in without.output) == (1, True)
    given = run(app, ["archive", "restore", "--give-up", job, "--reason", "deleted"])
    assert given.exit_code == 0, given.output
    assert "given up" in given.output
    assert "it had begun to write: nothing" in given.output
    listed = json.loads(run(app, ["restore", "--list", "--json"]).output)["restores"]
    assert listed[0]["receipt"]["given_up"]["reason"] == "deleted"
    assert "web-2" in run(app, ["import", "list"]).output
    words = ["import", "give-up", "f" * 16, "--reason", "gone", "--json"]
    assert json.loads(run(app, words).output)["at_least"] == 0
    (away,) = json.loads(run(app, ["import", "list", "--json"]).output)["elsewhere"]
    assert (away["machine"], away["given_up"]["reason"]) == ("web-2", "gone")
    assert run(app, ["restore"]).exit_code == 2

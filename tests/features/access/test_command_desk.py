"""Commands go through the gate: each is decided, written down, and stopped in read-only mode."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
import redis
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from cli import desk
from cli.main import app
from services import bootstrap
from services.audit_log.models import Entry
from services.errors import AccessDenied
from services.settings.environment import Settings, load_settings
from tests.conftest import CAPTURE
from tests.servers.deployment import SECRET, Deployment

ME = f"cli/{pwd.getpwuid(os.getuid()).pw_name}"
CONFIRMED = ("--confirm", "tenant/acme", "--reason", "ticket")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KATO_TENANTS_SETTLE_SECONDS", "0")
    monkeypatch.setenv("KATO_TENANTS_METADATA_KEYS", Fernet.generate_key().decode())


def run(*arguments: str) -> tuple[int, str]:
    """Run a command here; return its exit code and what it printed."""
    done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def entries() -> Sequence[Entry]:
    """What is in the log, the oldest first."""
    with desk.opened_alone(load_settings()) as alone:
        return alone.log.page(limit=1_000).entries[::-1]


def planned() -> str:
    code, out = run("purge", "plan", "--tenant", "tenant/acme", "--json")
    assert code == 0, out
    return str(json.loads(out)["digest"])


def test_each_command_is_in_the_log(kato_settings: Settings) -> None:
    """By who has the shell, as an admin, before and after; what only looks at figures is not."""
    for command in (["usage"], ["usage", "--json"], ["audit"], ["rotate-keys"], ["doctor"]):
        assert run(*command)[0] == 0, command
    digest = planned()
    code, out = run("purge", "run", "--tenant", "tenant/acme", "--digest", digest, *CONFIRMED,
                    "--json")  # fmt: skip
    assert code == 0, out
    job = json.loads(out)["job"]
    assert json.loads(out)["asked_by"] == ME
    assert run("purge", "status", job)[0] == 0
    assert run("purge", "resume", job)[0] == 1
    found = [entry.event for entry in entries()]
    assert {(event.who, event.role) for event in found} == {(ME, "admin")}
    usage, audit, receipt = (
        "the usage of every tenant", "the isolation audit", f"the receipt of {job}"
    )  # fmt: skip
    steps = [
        ("export", usage, "done"), ("export", usage, "done"), ("export", audit, "done"),
        ("rotate keys", "", "done"), ("plan a purge", "tenant/acme", "done"),
        ("run a purge", "tenant/acme", "done"), ("run a purge", f"tenant/acme: job {job}", "done"),
        ("export", receipt, "done"),
        ("steer a purge", f"resume {job}", "failed"),
    ]  # fmt: skip
    ends = [(e.action, e.target, e.outcome.value) for e in found if e.outcome.value != "begun"]
    assert ends == steps
    assert len(found) == 2 * len(steps) - 1  # what a job came to is one entry
    begun = next(e for e in found if (e.action, e.outcome.value) == ("run a purge", "begun"))
    assert (begun.digest, begun.tenants) == (digest, ("tenant/acme",))


def test_the_canary_test_is_in_the_log(kato_settings: Settings) -> None:
    assert run("canary", "--yes")[0] == 0
    assert [(e.event.who, e.event.action, e.event.outcome.value) for e in entries()] == [
        (ME, "run the canary test", "begun"), (ME, "run the canary test", "done"),
    ]  # fmt: skip


def test_loading_is_in_the_log(kato_settings: Settings) -> None:
    """That it could not be, too."""
    code, out = run("load", str(CAPTURE))
    assert code == 1, out
    (begun, failed) = (entry.event for entry in entries())
    assert (begun.action, begun.target) == ("load data", str(CAPTURE))
    assert failed.outcome.value == "failed"
    assert failed.reason in " ".join(out.split())


def test_read_only_stops_what_writes(
    kato: Deployment, kato_settings: Settings, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line; what only looks goes on."""
    purge = ["purge", "run", "--tenant", "tenant/acme", *CONFIRMED, "--digest", planned()]
    load = ["load", str(CAPTURE), "--merge"]
    monkeypatch.setenv("KATO_TENANTS_READ_ONLY", "1")
    before = {key: valkey.dump(key) for key in valkey.scan_iter()}
    for number, command in enumerate((["canary", "--yes"], ["rotate-keys"], load, purge), 1):
        code, out = run(*command)
        assert code in {1, 2}, command
        assert "this dashboard is set to read only" in out, command
        assert {key: valkey.dump(key) for key in valkey.scan_iter()} == before, command
        outcomes = [entry.event.outcome.value for entry in entries()]
        assert outcomes[-1] == "refused", command
        assert outcomes.count("refused") == number, command
    for looks in (["usage"], ["audit"], ["purge", "plan", "--tenant", "tenant/acme"]):
        assert run(*looks)[0] == 0, looks


def test_a_second_person_is_asked_for_at_the_shell_too(
    kato_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else approves it in the dashboard; then the same command runs, once."""
    for name, value in {
        "AUTH": "proxy", "PROXY_HEADER": "X", "PROXY_ISSUER": "i", "PROXY_AUDIENCE": "a",
        "PROXY_SECRET": SECRET * 6, "DEFAULT_ROLE": "admin", "DEFAULT_TENANTS": "*",
        "TWO_PERSONS": "rotate keys", "ID_CLAIM": "sub",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"KATO_TENANTS_{name}", value)
    code, out = run("rotate-keys")
    assert code == 1
    assert "a second admin has to approve this first" in out
    with closing(bootstrap.build(load_settings())) as services:
        (request,) = services.approvals.all()
        with pytest.raises(AccessDenied):
            services.approvals.approve(desk.viewer(), request)
        services.approvals.approve(desk.Viewer("bob", desk.Role.ADMIN), request)
    assert run("rotate-keys")[0] == 0
    assert run("rotate-keys")[0] == 1


def test_a_log_that_cannot_be_written_stops_all_but_looking(
    kato_settings: Settings, valkey: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`doctor` and `log verify` are for just that."""
    monkeypatch.setenv("KATO_TENANTS_LOG_KEY", "k" * 32)
    assert run("rotate-keys")[0] == 0
    monkeypatch.delenv("KATO_TENANTS_LOG_KEY")
    before = {key: valkey.dump(key) for key in valkey.scan_iter()}
    for command in (["usage"], ["audit"], ["canary", "--yes"], ["rotate-keys"]):
        code, out = run(*command)
        assert code in {1, 2}, command
        assert "sealed" in out
    assert {key: valkey.dump(key) for key in valkey.scan_iter()} == before
    assert run("doctor")[0] == 0
    code, out = run("log", "verify")
    assert (code, "sealed with a key that is not set" in out) == (2, True)


def test_read_only_runs_no_purge_jobs(
    kato_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither new ones nor what another dashboard began."""
    for read_only, runs in (("1", False), ("0", True)):
        monkeypatch.setenv("KATO_TENANTS_READ_ONLY", read_only)
        with closing(bootstrap.build(load_settings())) as services:
            services.start()
            assert (services.purge_worker._thread is not None) is runs


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as any user."""

    def nobody(_: int) -> str:
        raise KeyError("no such user")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert desk.viewer().id == f"cli/{os.getuid()}"

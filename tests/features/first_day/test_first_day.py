"""The first day at a KATO that has run for a year, on real sockets.

Most sessions have expired, no node_id was ever recorded here, the user at Redis may do what is
needed and no more, and settings come with the line ends of the files that they were read from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from dashboard.app import navigation, runtime
from tests.features.purge.fingerprint import Fingerprint, fingerprint
from tests.features.rights.test_documented import block
from tests.pages import conftest as pages
from tests.pages.conftest import Open
from tests.servers.deployment import Deployment
from tests.servers.forked import run
from tests.servers.sqlite import put_tables

installed_once, no_leftovers, on_this_machine, open_page = (
    pages._installed_once, pages._no_leftovers, pages._on_this_machine, pages.open_page,
)  # fmt: skip

ACME = "tenant/acme"
LASTING = b'"tenant:globex:user:hank"'
"""What the record of the one session that is still alive holds."""


@pytest.fixture
def environment(
    kato: Deployment, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """The settings of a dashboard of that deployment, with empty records."""
    for key in valkey.scan_iter("kato:session:session-*"):
        if LASTING not in (valkey.get(key) or b""):
            valkey.delete(key)
    valkey.execute_command(*block("Redis: purge").split())
    secret = tmp_path / "redis-url"
    secret.write_text(f" redis://kato-purge:PASSWORD@127.0.0.1:{kato.redis.port}/0\r\n")
    given = {name: f"{value}\n" for name, value in kato.environment.items() if name != "REDIS_URL"}
    found = {**given, "REDIS_URL_FILE": str(secret), "KATO_TENANTS_DATA": str(tmp_path / "own")}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    put_tables(tmp_path / "own")
    yield found
    valkey.acl_deluser("kato-purge")


def told(*arguments: str, code: int = 0, **environment: str) -> str:
    """What a command prints."""
    done = run(*arguments, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def usage_of(environment: dict[str, str]) -> dict[str, Any]:
    """The usage by tenant; every store is known, and its parts sum up to it."""
    found = json.loads(told("usage", "--json", **environment))
    for figures in found["stores"].values():
        assert figures["state"] == "ok", figures
        assert figures["difference"]["count"] == 0
    return {each["tenant"]: each for each in found["tenants"]}


def figures_of(tenants: dict[str, Any]) -> dict[str, list[int]]:
    """The counts of each tenant."""
    return {
        name: [each[store]["count"] for store in ("patterns", "keys", "vectors", "sessions")]
        for name, each in tenants.items()
    }


def everything(kato: Deployment) -> Fingerprint:
    return fingerprint(kato.targets, session_owner=bytes.hex)


def test_the_commands(kato: Deployment, environment: dict[str, str], tmp_path: Path) -> None:
    """From knowing nobody to a proven purge: names come by import and by an admin's word."""
    doctor = told("doctor", **environment)
    assert [line for line in doctor.splitlines() if line[0] != " " and ": ok" not in line] == []
    assert "its user may not use CONFIG GET" in doctor
    before = usage_of(environment)
    assert (before[ACME]["claim"], before["tenant/globex"]["claim"]) == ("inferred", "known")
    acmes = frozenset(before[ACME]["kb_ids"])
    audit = json.loads(told("audit", "--json", code=2, **environment))
    assert audit["rules"]["orphan.index"]["state"] == "found"
    unknown = {code for code, rule in audit["rules"].items() if rule["state"] == "unknown"}
    assert unknown == {"exposure.persistence"}  # which takes CONFIG GET, and with it the password
    told("names", "confirm", "user/zed", "--all", "--why", "their contract", **environment)
    names = tmp_path / "names.txt"
    users = (each.removeprefix("tenant_acme_user_").removesuffix("_kato") for each in acmes)
    names.write_text("".join(f"tenant:acme:user:{user}\n" for user in users), "utf-8")
    told("names", "import", "--dry-run", str(names), **environment)
    assert usage_of(environment)[ACME]["claim"] == "inferred"
    told("names", "import", str(names), **environment)
    known = usage_of(environment)
    assert known[ACME]["claim"] == "known"
    assert [each["claim"] for each in known["user/zed"]["claims"]] == ["confirmed"]
    assert figures_of(known) == figures_of(before)
    others = everything(kato).without(acmes)
    plan = json.loads(told("purge", "plan", "--tenant", ACME, "--json", **environment))
    confirmed = ("--digest", plan["digest"], "--confirm", ACME, "--reason", "ticket 4711")
    receipt = json.loads(
        told("purge", "run", "--tenant", ACME, *confirmed, "--json", **environment)
    )
    assert receipt["outcome"] == "erased"
    assert everything(kato).residue(acmes) == 0
    assert everything(kato).without(acmes) == others
    assert told("log", "verify", **environment)


def test_every_page(environment: dict[str, str], open_page: Open) -> None:
    """With an owner for everything and no error, though nobody was ever seen."""
    built = runtime.services()
    try:
        assert built.collector.wait(timeout=240)
        for page in navigation.PAGES:
            app = open_page(page.name, **({"tenant": ACME} if page.name == "tenant" else {}))
            assert not app.error, (page.name, [each.value for each in app.error])
    finally:
        built.close()

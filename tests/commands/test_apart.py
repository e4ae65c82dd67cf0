"""`kato-tenants apart`: a shared kb_id is planned and taken apart, told as JSON and as text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from services.apart import work
from services.apart.models import ApartRefused
from services.apart.work import ApartWork, StepName
from services.jobs.models import Result
from services.settings.environment import Settings
from tests.features.apart.shared import BEGAN, KB, add_vectors
from tests.servers.deployment import Deployment

WORD = ("--began", f"tenant/acme_corp={BEGAN.replace(minute=28):%Y-%m-%dT%H:%M:%S}")
NAMES = ("--as", "tenant/acme-corp=tenant:acme-corp:user:robert")


def ran(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["apart", *words])
    assert result.exit_code == code, result.output
    return result.output


def told(*words: str, code: int = 0) -> Any:
    return json.loads(ran(*words, "--json", code=code))


def test_a_shared_kb_id_is_planned_and_taken_apart(
    kato_settings: Settings, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kato_settings  # its environment is what counts
    monkeypatch.setenv("KATO_TENANTS_SETTLE_SECONDS", "0")
    add_vectors(kato)
    assert CliRunner().invoke(app, ["usage", "--json"]).exit_code == 0  # node_ids are seen
    plan = told(KB, *WORD, *NAMES)
    assert [share["trust"] for share in plan["shares"]] == ["nobody said", "a person's word"]
    assert {each["store"] for each in plan["goes"]} == {
        "patterns", "keys", "vectors", "sessions",
    }  # fmt: skip
    text = ran(KB, *WORD, *NAMES)
    for words in ("tenant:acme-corp:user:robert", "one mutation rewrites", plan["digest"]):
        assert words in text
    assert "look at the plan again" in ran(KB, *WORD, "--begin", plan["digest"], code=1)
    job = told(KB, *WORD, *NAMES, "--begin", plan["digest"], "--reason", "OPS-16")
    assert (job["state"], job["outcome"], job["reason"]) == ("ended", "apart", "OPS-16")
    assert len(job["receipt"]["sessions"]) == 3
    (known,) = told("--list")["apart"]
    assert (known["kb_id"], known["job"], known["reason"]) == (KB, job["id"], "OPS-16")
    assert "tenant:acme-corp:user:robert" in ran("--list")
    again = told(KB, *WORD)
    assert again["goes"] == []


def test_what_cannot_go_on_is_given_up_and_says_where_sessions_went(
    kato_settings: Settings, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kato_settings, kato

    def fails(_: ApartWork) -> Result:
        raise ApartRefused("somebody writes there")

    monkeypatch.setenv("KATO_TENANTS_SETTLE_SECONDS", "0")
    monkeypatch.setitem(work.DOES, StepName.REST, fails)  # type: ignore[arg-type]
    assert CliRunner().invoke(app, ["usage", "--json"]).exit_code == 0  # node_ids are seen
    job = told(KB, "--begin", told(KB)["digest"], code=1)
    assert "somebody writes there" in job["problem"]
    text = ran("--give-up", job["id"])
    assert f"apart {KB}: abandoned" in text
    assert text.count("session session-") == 3
    assert "from now on" not in text  # nobody is called otherwise
    assert "can be given up" in ran("--give-up", job["id"], code=1)


def test_what_cannot_be_said_or_done_is_refused(kato_settings: Settings, kato: Deployment) -> None:
    del kato_settings, kato
    assert ran("--list") == "no kb_id was taken apart\n"
    assert CliRunner().invoke(app, ["apart"]).exit_code == 2
    assert CliRunner().invoke(app, ["apart", "--begin", "x", "--list"]).exit_code == 2
    for words, why in (
        (("tenant_acme_user_bob_kato",), "no two tenants"),
        ((KB, "--began", "tenant/acme_corp=tomorrow"), "a time is written as"),
        ((KB, "--began", "acme"), "write TENANT="), ((KB, "--as", "acme=x"), "kind/id"),
        (("--resume", "x"), "no such job"),
    ):  # fmt: skip
        assert why in ran(*words, code=1)

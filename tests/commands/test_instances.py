"""`kato-tenants instance`: a KATO for one tenant, from its plan to its end, with real processes."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from typer.testing import CliRunner

from cli import desk
from cli.main import app
from services.errors import StoreUnavailable
from services.sessions.landing import Served
from services.settings.environment import load_settings
from services.tenancy.schemes import NamingSchemes
from tests.servers import containers
from tests.servers.deployment import Deployment

ACME, VERSION = "tenant/acme", "3.10.1 stand-in"


def told(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["instance", *words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["instance", *words])
    assert result.exit_code == code, result.output
    return result.output


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """The one port that instances may have."""
    found = free_port()
    monkeypatch.setenv("KATO_TENANTS_INSTANCE_PORTS", f"{found}-{found}")
    return found


@pytest.fixture
def tools(
    kato_settings: object, kato: Deployment, port: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:  # fmt: skip
    """Tools on the path, and settings that name none of them."""
    secrets = tmp_path / "secrets.env"
    url = f"redis://127.0.0.1:{kato.redis.port}/0"
    secrets.write_text(f"REDIS_URL={url}\nCLICKHOUSE_PASSWORD=hunter2\n", "utf-8")
    monkeypatch.setenv("KATO_TENANTS_INSTANCE_SECRETS", str(secrets))
    monkeypatch.setenv("KATO_TENANTS_INSTANCE_IMAGES", "kato = ghcr.io/sevakavakians/kato:3.10.1")
    with containers.tools(tmp_path / "bin", port) as folder:
        (folder / "kept" / "redis").write_text(url)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield folder


def test_an_instance_serves_its_tenant(
    tools: Path, port: int, kato: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned, rendered, started, registered, and in the end stopped: its sessions go there."""
    plan = told("plan", ACME, "--cpus", "0.5")
    name = plan["name"]
    assert (plan["ports"], plan["obstacles"], plan["resources"]["cpus"]) == (
        {"kato": port}, [], 0.5,
    )  # fmt: skip
    assert told("list") == {"instances": []}  # a plan keeps nothing
    rendered = told("render", ACME, "--out", str(tmp_path / "out"), "--why", "OPS-9")
    assert (rendered["name"], rendered["state"], rendered["why"]) == (name, "planned", "OPS-9")
    file = tmp_path / "out" / "compose.yaml"
    assert "hunter2" not in file.read_text("utf-8")
    assert told("render", name)["files"] == {"compose.yaml": file.read_text("utf-8")}
    assert "only 0 of 1 ports" in said("render", "tenant/hooli", code=1)  # it is taken

    (would,) = told("up", name)["commands"]
    assert (would["code"], would["why_not"]) == (
        None, "KATO_TENANTS_INSTANCE_TOOL names no tool",
    )  # fmt: skip
    assert would["command"][:2] == ["docker", "compose"]
    assert not containers.calls(tools)

    monkeypatch.setenv("KATO_TENANTS_INSTANCE_TOOL", "docker compose")
    up = told("up", name)
    assert (up["commands"][0]["code"], up["instance"]["state"]) == (0, "planned")
    assert up["instance"]["health"]["version"] == VERSION
    assert told("register", name, "--why", "its own")["state"] == "serving"
    assert told("list", "--health", "--tenant", ACME)["instances"][0]["health"]["version"]

    kato.fail("kato", "down")  # the one that all share
    with redis.Redis(port=kato.targets.redis.connection_pool.connection_kwargs["port"]) as keys:
        before = {*keys.scan_iter("kato:session:session-*")}
        with desk.opened(load_settings()) as found:
            scheme = next(s for s in NamingSchemes.of().schemes if s.fields == ("tenant", "user"))
            eve = {"tenant": "acme", "user": "eve"}
            landing = found.sessions.landing(scheme, eve)
            assert landing.served == Served(name, f"http://127.0.0.1:{port}")
            found.sessions.create(scheme, eve, ttl_seconds=600, metadata={}, word="x")
            with pytest.raises(StoreUnavailable):
                found.sessions.create(
                    scheme,
                    {"tenant": "hooli", "user": "eve"},
                    ttl_seconds=600,
                    metadata={},
                    word="x",
                )
        (session,) = {*keys.scan_iter("kato:session:session-*")} - before
        assert json.loads(keys.get(session))["node_id"] == "tenant:acme:user:eve"  # type: ignore[arg-type]
    kato.heal()

    assert "is needed: sessions of tenant/acme are created there" in said("down", name, code=1)
    assert said("status", name).splitlines()[-1].startswith(f"API: {VERSION}")
    assert told("end", name)["state"] == "ended"
    assert "of its sessions are live" in said("down", name, code=1)
    assert told("down", name, "--anyway")["commands"][0]["code"] == 0
    assert told("list", "--health")["instances"][0]["health"] is None  # it ended: nobody asks
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port))
    assert f"{name} is forgotten" in said("forget", name)
    assert told("plan", "tenant/hooli")["ports"] == {"kato": port}


def test_a_tool_that_fails_is_told(
    tools: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With what it said; one that is not there runs nothing."""
    name = told("render", ACME)["name"]
    monkeypatch.setenv("KATO_TENANTS_INSTANCE_TOOL", "docker compose")
    (tools / "kept" / "broken").touch()
    (ran,) = told("up", name)["commands"]
    assert "cannot be used here: Cannot connect to the daemon" in ran["why_not"]
    monkeypatch.setenv("KATO_TENANTS_INSTANCE_TOOL", str(tmp_path / "none" / "docker-compose"))
    assert "is not on this machine" in said("up", name)
    monkeypatch.setenv("KATO_TENANTS_INSTANCE_TOOL", "kubectl")
    assert "names another tool" in said("up", name, code=1)
    monkeypatch.setenv("KATO_TENANTS_INSTANCE_TOOL", "docker compose")
    monkeypatch.delenv("KATO_TENANTS_INSTANCE_SECRETS")
    assert "KATO_TENANTS_INSTANCE_SECRETS" in said("up", name, code=1)
    monkeypatch.setenv("KATO_TENANTS_INSTANCE_TOOL", "rm -rf")
    said("list", code=2)


def test_kubernetes_runs_one_too(tools: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Applied, waited for, and scaled to nothing: its Namespace, with what it keeps, stays."""
    monkeypatch.setenv("KATO_TENANTS_INSTANCE_TOOL", "kubectl")
    name = told("render", ACME, "--tool", "kubernetes")["name"]
    url = f"http://127.0.0.1:{port}"
    assert told("register", name, "--url", url)["url"] == url
    up = told("up", name)
    assert [each["code"] for each in up["commands"]] == [0, 0]
    assert up["instance"]["health"]["version"] == VERSION
    assert told("status", name)["commands"][0]["output"] == f"deployment.apps/kato in {name}"
    assert told("down", name, "--anyway")["commands"][0]["code"] == 0
    assert told("list", "--health", code=1)["instances"][0]["health"]["version"] is None
    words = [word for call in containers.calls(tools) for word in call]
    assert "delete" not in words
    assert "--replicas=0" in words


@pytest.mark.usefixtures("kato_settings")
def test_a_kato_that_is_there_is_registered(kato: Deployment) -> None:
    """By its address, with the SERVICE_NAME that it has; wrong ones are refused."""
    url = f"http://127.0.0.1:{kato.kato.port}"
    kept = told("register", ACME, "--url", url, "--service", "kato-acme", "--name", "acme-1")
    assert (kept["name"], kept["service"], kept["state"]) == ("acme-1", "kato-acme", "serving")
    assert "could be those of another KATO" in said(
        "register", "tenant/x", "--url", url, "--service", "x-kato", code=1
    )
    assert "not kept" in said("register", ACME, "--url", "http://u:hunter2@x", code=1)
    said("register", ACME, code=2)
    beside = told("register", ACME, "--url", url, "--beside")
    states = {each["name"]: each["state"] for each in told("list")["instances"]}
    assert states == {"acme-1": "serving", beside["name"]: "serving"}
    found = CliRunner().invoke(app, ["audit", "--json"])
    rules = {each["code"]: each for each in json.loads(found.stdout)["findings"]}
    assert rules["served.twice"]["tenants"] == [ACME]
    assert told("register", "acme-1")["state"] == "serving"
    states = {each["name"]: each["state"] for each in told("list")["instances"]}
    assert states == {"acme-1": "serving", beside["name"]: "ended"}
    assert told("end", "acme-1")["state"] == "ended"
    assert "it is known whose kb_ids of the SERVICE_NAME kato-acme are" in said(
        "forget", "acme-1", code=1
    )
    said("forget", "acme-1", "--anyway")
    said("forget", beside["name"])
    assert told("list") == {"instances": []}
    assert "there is no such instance" in said("status", "kato-none", code=1)
    said("plan", "acme", code=2)
    said("plan", ACME, "--memory", "lots", code=2)

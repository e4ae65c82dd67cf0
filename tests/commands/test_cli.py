"""The command line, in processes of its own: what it prints, and how it exits."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.embedded.lock import DirectoryLock
from tests.conftest import CAPTURE
from tests.servers import ROOT
from tests.servers.deployment import SECRET, Deployment
from tests.servers.forked import run


def test_by_itself() -> None:
    """As it is installed: by its own name, and as a module."""
    script = str(Path(sys.executable).with_name("kato-tenants"))
    for words in ([script], [sys.executable, "-m", "cli"]):
        done = subprocess.run([*words, "--help"], capture_output=True, text=True, check=True)
        assert "Start the dashboard" in done.stdout


def test_what_needs_no_store_waits_for_no_driver() -> None:
    """To import all of them takes seconds, and `run` leaves them to the server that it starts."""
    check = "import sys, cli.main; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True
    )
    drivers = {"clickhouse_connect", "redis", "qdrant_client", "chdb", "sqlalchemy", "streamlit"}
    assert drivers.isdisjoint(done.stdout.split())


def test_the_first_start_asks_nothing(tmp_path: Path) -> None:
    """Streamlit asks whoever starts it for the first time for an email address, and waits."""
    check = (
        "from streamlit.runtime import credentials; from streamlit.web import bootstrap;"
        "bootstrap.load_config_options({'server_headless': False}); credentials.check_credentials()"
    )
    started = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, env={**os.environ, "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")


def test_load_then_usage_on_the_embedded_engines() -> None:
    """A capture goes in, its exact figures come out, and a second load does not mix in."""
    loaded = run("load", str(CAPTURE))
    assert loaded.returncode == 0, loaded.stderr
    assert "136 patterns, 2,343 keys and 12 collections" in loaded.stdout
    again = run("load", str(CAPTURE))
    assert again.returncode == 1
    assert len(again.stderr.splitlines()) == 1
    found = json.loads(run("usage", "--json").stdout)
    counts = {name: store["total"]["count"] for name, store in found["stores"].items()}
    assert counts == {"patterns": 136, "keys": 2315, "vectors": 75, "sessions": 28}
    parts = [*found["tenants"], *found["shared"], found["unattributed"]]
    for measure, count in counts.items():
        assert sum(part[measure]["count"] for part in parts) == count
    rows = list(csv.reader(io.StringIO(run("usage", "--csv").stdout)))
    assert rows[0][0] == "owner"
    assert {"tenant/acme", "tenant/O'Brien & Söhne"} < {row[0] for row in rows}
    table = run("usage").stdout.splitlines()
    assert table[-1].split() == ["TOTAL", "136", "2,315", "75", "28"]
    merged = run("load", str(CAPTURE), "--merge")
    assert merged.returncode == 0, merged.stderr
    assert json.loads(run("usage", "--json").stdout)["stores"]["patterns"]["total"]["count"] == 136


@pytest.mark.parametrize("words", [["usage"], ["doctor"], ["load", str(CAPTURE)], ["run"]])
def test_while_another_process_holds_the_engines(words: list[str]) -> None:
    """One line, exit 3, and at once."""
    lock = DirectoryLock.acquire(Path(os.environ["KATO_TENANTS_DATA"]))
    started = time.monotonic()
    refused = run(*words)
    lock.release()
    assert refused.returncode == 3
    assert len(refused.stderr.splitlines()) == 1
    assert str(os.getpid()) in refused.stderr
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("words", [["usage"], ["doctor"], ["load", str(CAPTURE)], ["run"]])
def test_a_wrong_setting_stops_every_command(words: list[str]) -> None:
    """One line that names the variable, exit 2."""
    refused = run(*words, CLICKHOUSE_PORT="http")
    assert refused.returncode == 2
    assert refused.stderr.startswith("kato-tenants: CLICKHOUSE_PORT: ")
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["usage", "--json", "--csv"], ["run", "--sample", "--empty"], ["load", "nowhere"]]
)
def test_arguments_that_make_no_sense(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


def test_doctor_says_what_to_do(kato: Deployment) -> None:
    """Exit 0 when all is well; 1, with a reason and an advice, when a store is down."""
    well = run("doctor", **kato.environment)
    assert well.returncode == 0, well.stdout + well.stderr
    assert [line.split(":")[0] for line in well.stdout.splitlines()] == [
        "clickhouse", "redis", "qdrant", "kato", "state store"
    ]  # fmt: skip
    kato.fail("redis", "down")
    ill = run("doctor", **kato.environment)
    assert ill.returncode == 1
    assert "redis: unknown." in ill.stdout
    assert "what to do: check that it runs" in ill.stdout
    assert SECRET not in ill.stdout + ill.stderr
    told = run("doctor", "--json", **kato.environment)
    assert told.returncode == 1
    found = json.loads(told.stdout)
    states = {each["store"]: (each["state"], each["tls"]) for each in found["stores"]}
    assert found["well"] is False
    assert states["redis"] == ("unknown", False)
    assert states["kato"] == ("ok", False)
    assert states["state store"] == ("ok", None)


def test_usage_with_a_store_down_prints_null_and_not_0(kato: Deployment) -> None:
    kato.fail("clickhouse", "down")
    found = json.loads(run("usage", "--json", **kato.environment).stdout)
    assert found["stores"]["patterns"]["state"] == "unknown"
    assert found["stores"]["patterns"]["total"] is None
    assert all(tenant["patterns"] is None for tenant in found["tenants"])
    assert "unknown" in run("usage", **kato.environment).stdout
    strict = run("usage", "--fail-on-unknown", **kato.environment)
    assert (strict.returncode, "unknown" in strict.stdout) == (1, True)
    only = {"REDIS_URL": kato.environment["REDIS_URL"]}
    assert run("usage", "--fail-on-unknown", **only).returncode == 0


def test_a_deployment_with_one_store_only(kato: Deployment) -> None:
    """The other stores are not configured, which is neither unknown nor 0."""
    only = run("usage", "--json", REDIS_URL=kato.environment["REDIS_URL"])
    stores = json.loads(only.stdout)["stores"]
    assert stores["keys"]["state"] == "ok"
    assert stores["patterns"]["state"] == "not_configured"
    doctor = run("doctor", REDIS_URL=kato.environment["REDIS_URL"])
    assert doctor.returncode == 0
    assert "set CLICKHOUSE_HOST" in doctor.stdout


def test_a_capture_goes_into_configured_stores(kato: Deployment) -> None:
    """They hold data, so it takes --merge."""
    refused = run("load", str(CAPTURE), **kato.environment)
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1

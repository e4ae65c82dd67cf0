"""Where a server may be started: by our command, and by Streamlit's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, VectorParams
from streamlit import config

from dashboard.app import hardening
from services.errors import SettingsError
from services.settings.environment import load_settings
from tests.servers import ROOT
from tests.servers.forked import run
from tests.servers.sockets import free_port

STREAMLITS = ["-m", "streamlit", "run", "asgi_app.py", "--server.headless=true"]


def refused(command: list[str], **environment: str) -> str:
    """Start a server that must not be; return the one line of ours that it says why in."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    *before, last = done.stderr.strip().splitlines()  # Streamlit warns of some of it too
    assert not any("kato-tenants" in line or "Traceback" in line for line in before), done.stderr
    return last


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_without_sign_in_our_command_only_listens_on_loopback(address: str) -> None:
    done = run("run", "--headless", "--empty", "--address", address)
    said = done.stderr.strip()
    assert done.returncode == 2, said
    assert said.startswith("kato-tenants: KATO_TENANTS_AUTH: ")
    assert "KATO_TENANTS_ALLOW_OPEN=1" in said


def test_nor_does_streamlits_own() -> None:
    port = f"--server.port={free_port()}"
    said = refused([*STREAMLITS, port, "--server.address=0.0.0.0"])
    assert said.startswith("kato-tenants: KATO_TENANTS_AUTH: ")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION", "false"),
        ("STREAMLIT_SERVER_TRUSTED_USER_HEADERS", '{"X-User": "email"}'),
    ],
)
def test_nor_with_unsafe_options(variable: str, value: str) -> None:
    """The line names the variable."""
    said = refused([*STREAMLITS, f"--server.port={free_port()}"], **{variable: value})
    assert said.startswith(f"kato-tenants: {variable}: ")


@pytest.mark.parametrize(
    ("option", "value", "variable"),
    [
        ("server.enableCORS", False, "STREAMLIT_SERVER_ENABLE_CORS"),
        ("server.enableXsrfProtection", False, "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION"),
        ("server.enableAgentApi", True, "STREAMLIT_SERVER_ENABLE_AGENT_API"),
        ("client.showErrorDetails", "full", "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS"),
        ("server.trustedUserHeaders", {"X-User": "email"}, "STREAMLIT_SERVER_TRUSTED_USER_HEADERS"),
    ],
)
def test_each_unsafe_option_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, option: str, value: object, variable: str
) -> None:
    """As Streamlit itself reads it; that a start ends with such a line is shown above."""
    safe = {"server.address": "localhost", "client.showErrorDetails": "none",
            "client.disableDataExport": True, option: value}  # fmt: skip
    real = config.get_option
    monkeypatch.setattr(config, "get_option", lambda key: safe[key] if key in safe else real(key))
    with pytest.raises(SettingsError) as refusal:
        hardening.check(load_settings())
    assert str(refusal.value).startswith(f"{variable}: ")


def test_nor_where_people_are_to_sign_in_nowhere() -> None:
    settings = {"AUTH": "oidc", "DEFAULT_ROLE": "viewer", "DEFAULT_TENANTS": "*"}
    named = {f"KATO_TENANTS_{name}": value for name, value in settings.items()}
    said = refused([*STREAMLITS, f"--server.port={free_port()}"], **named)
    assert said.startswith("kato-tenants: KATO_TENANTS_OIDC_CLIENT_ID: ")


def test_a_start_that_fails_is_said_and_tried_again(tmp_path: Path) -> None:
    """By one line, and by the health endpoint, for as long as it does."""
    data, port = tmp_path / "data", free_port()
    data.write_text("no folder")
    given = {"KATO_TENANTS_DATA": str(data), "REDIS_URL": "redis://127.0.0.1:1"}
    command = [sys.executable, *STREAMLITS, f"--server.port={port}"]
    server = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **given}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert "cannot be made (File exists)" in until(port, 503)
        data.unlink()
        assert until(port, 200) == "ok"
    finally:
        server.terminate()
    _, said = server.communicate(timeout=240)
    assert said.count("kato-tenants: KATO_TENANTS_DATA: ") == 1
    assert "Traceback" not in said


def test_while_it_fails_a_second_ctrl_c_ends_it_too(tmp_path: Path) -> None:
    """The server shuts nothing down then, and the start must not be tried for ever."""
    data, port = tmp_path / "data", free_port()
    data.write_text("no folder")
    given = {"KATO_TENANTS_DATA": str(data), "REDIS_URL": "redis://127.0.0.1:1"}
    server = subprocess.Popen(
        [sys.executable, *STREAMLITS, f"--server.port={port}"], cwd=ROOT,
        env={**os.environ, **given}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(port, 503)
        for _ in range(2):
            server.send_signal(signal.SIGINT)
            time.sleep(0.02)  # less than the server needs to see the first
        server.wait(timeout=240)
    finally:
        server.kill()


def until(port: int, status: int) -> str:
    """Ask how the server is until it answers with a status, and return what it says then."""
    ends = time.monotonic() + 240
    with httpx.Client(timeout=10, verify=False) as client:  # there is no TLS to read keys for
        while time.monotonic() < ends:
            with suppress(httpx.TransportError):
                answer = client.get(f"http://127.0.0.1:{port}/_stcore/health")
                if answer.status_code == status:
                    return answer.text
            time.sleep(0.2)
    raise TimeoutError(f"it never answered with {status}")


def test_streamlits_own_variables_say_where_and_ctrl_c_ends_it_without_a_word() -> None:
    port = free_port()
    nowhere = {
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}", "STREAMLIT_SERVER_PORT": f"{port}\n",
        "STREAMLIT_SERVER_ADDRESS": "localhost",
    }  # fmt: skip
    server = subprocess.Popen(
        [sys.executable, "-m", "cli", "run", "--headless"], cwd=ROOT, text=True,
        env={**os.environ, **nowhere}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        until(port, 200)
        server.send_signal(signal.SIGINT)
        said, _ = server.communicate(timeout=240)
    finally:
        server.kill()
    assert server.returncode == 0, said
    assert "Aborted" not in said
    assert "Traceback" not in said


def test_names_of_the_embedded_set_are_read_under_any_locale(tmp_path: Path) -> None:
    """One that is not UTF-8 can write few of them."""
    with closing(QdrantClient(path=str(tmp_path / "qdrant"))) as client:
        client.create_collection(
            "vectors_\N{CJK UNIFIED IDEOGRAPH-65E5}_kato",
            VectorParams(size=2, distance=Distance.EUCLID),
        )
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "cli", "usage"], cwd=ROOT, capture_output=True, timeout=240,
        env={**os.environ, **plain, "KATO_TENANTS_DATA": str(tmp_path),
             "KATO_TENANTS_FILL": "empty"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "\N{CJK UNIFIED IDEOGRAPH-65E5}" in done.stdout.decode()

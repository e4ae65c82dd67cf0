"""`kato-tenants log`: what it prints, and how it exits."""

from __future__ import annotations

import csv
import getpass
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from cli.audit_log import app
from services.access.viewer import Action, Role, Viewer
from services.audit_log.service import Logbook
from services.embedded.lock import DirectoryLock
from services.settings.environment import load_settings
from services.stores.records.database import open_database
from services.tenancy.kb_ids import TenantKey
from tests.commands.test_cli import run as run_apart
from tests.servers.logbooks import opened

ANN = Viewer("=ann", Role.ADMIN)
ACME = TenantKey("tenant", "ac\nme\udcff")


@contextmanager
def written() -> Iterator[Logbook]:
    """The log of this test's data directory, with three entries."""
    with opened(load_settings()) as log:
        log.end(log.begin(ANN, Action.RUN_PURGE, tenants=[ACME], target="t", digest="d" * 64))
        log.begin(ANN, Action.ROTATE_KEYS)
        yield log


@pytest.fixture
def anchors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "anchors"
    monkeypatch.setenv("KATO_TENANTS_ANCHOR_FILE", str(path))
    return path


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str, **environment: str) -> Done:
    """Run `kato-tenants log` here, which takes less time than a process of its own."""
    done = CliRunner().invoke(app, arguments[1:], env=environment)
    return Done(done.exit_code, done.stdout, done.stderr)


def database() -> Engine:
    return open_database(load_settings().data)


def tamper(*statements: str) -> None:
    engine = database()
    with engine.begin() as connection:
        for trigger in ("", "_tenant"):
            for deed in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER audit_log{trigger}_no_{deed}"))
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


TRUNCATE = (
    "DELETE FROM audit_log_tenant WHERE number > 1",
    "DELETE FROM audit_log WHERE number > 1",
)


def test_a_log_as_it_was_written(anchors: Path) -> None:
    """With the anchors of the setting; while a dashboard holds the engines, too."""
    with written():
        pass
    lock = DirectoryLock.acquire(load_settings().data)
    done = run_apart("log", "verify")
    lock.release()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ok: Every entry is as it was written, up to number 3.")
    found = json.loads(run("log", "verify", "--json", "--anchors", str(anchors)).stdout)
    assert (found["state"], found["checked"], found["anchored_to"]) == ("ok", 3, 3)


def test_without_anchors_it_says_what_it_cannot_say() -> None:
    """Not a fault, but not proof of everything."""
    with written():
        pass
    tamper(*TRUNCATE)
    done = run("log", "verify")
    assert done.returncode == 0
    assert "unanchored" in done.stdout
    assert "cut off its end cannot be excluded" in done.stdout
    empty = run("log", "verify", KATO_TENANTS_DATA=str(load_settings().data / "other"))
    assert (empty.returncode, "The log is empty" in empty.stdout) == (0, True)


@pytest.mark.parametrize(
    ("statements", "number", "why"),
    [
        (["UPDATE audit_log SET text = replace(text, '=ann', '=bob') WHERE number = 2"], 2,
         "edited"),
        ([f"DELETE FROM {table} WHERE number = 2" for table in ("audit_log_tenant", "audit_log")],
         2, "deleted"),
        (["UPDATE audit_log SET who = 'bob', hash = x'ff' WHERE number = 2"], 2, "edited"),
        (["UPDATE audit_log SET \"at\" = 'soon' WHERE number = 2"], 2, "edited"),
        (TRUNCATE, 2, "truncated"),
    ],
)  # fmt: skip
def test_a_broken_log(anchors: Path, statements: list[str], number: int, why: str) -> None:
    with written():
        pass
    tamper(*statements)
    done = run("log", "verify")
    assert done.returncode == 1
    assert done.stdout.startswith(f"broken: Entry {number} ")
    assert why in done.stdout
    found = json.loads(run("log", "verify", "--json").stdout)
    assert (found["state"], found["bad"]) == ("broken", number)


@pytest.mark.parametrize("content", ["kato-tenants audit log {", None])
def test_anchors_that_cannot_be_read(tmp_path: Path, content: str | None) -> None:
    """It could not look, which is not the same as finding nothing."""
    with written():
        pass
    path = tmp_path / "given"
    if content is not None:
        path.write_text(content)
    done = run("log", "verify", "--anchors", str(path))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_the_key_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KATO_TENANTS_LOG_KEY", "k" * 32)
    with written():
        pass
    assert run("log", "verify").returncode == 0
    done = run("log", "verify", KATO_TENANTS_LOG_KEY="")
    assert done.returncode == 2
    assert "sealed with a key that is not set" in done.stdout
    short = run("log", "verify", KATO_TENANTS_LOG_KEY="hunter2")
    assert short.returncode == 2
    assert "KATO_TENANTS_LOG_KEY" in short.stderr
    assert "hunter2" not in short.stderr


def test_show_has_one_line_an_entry() -> None:
    """No name breaks it."""
    with written():
        pass
    lines = run("log", "show").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "2"]  # 1 is how 2 began
    assert "(no end so far)" in lines[0]
    assert "(no end so far)" not in lines[1]
    assert "tenant/ac\\nme\\xff" in lines[1]
    assert len(run("log", "show", "--entries").stdout.splitlines()) == 3
    assert len(run("log", "show", "--unended").stdout.splitlines()) == 1
    assert len(run("log", "show", "--text", "ROTATE").stdout.splitlines()) == 1
    assert len(run("log", "show", "--outcome", "done", "--who", "=ann").stdout.splitlines()) == 1
    assert len(run("log", "show", "--limit", "2", "--json").stdout.splitlines()) == 2
    assert run("log", "show", "--since", "2999-01-01").stdout == ""
    assert run("log", "show", "--since", "tomorrow").returncode == 1


def test_export_as_json_lines_and_csv() -> None:
    """It is in the log itself, by who has the shell."""
    with written():
        pass
    me = f"cli/{getpass.getuser()}"
    read = [json.loads(line) for line in run("log", "export").stdout.splitlines()]
    assert [each["number"] for each in read] == [1, 2, 3, 4]
    assert read[1]["previous"] == read[0]["hash"]
    assert [read[3][name] for name in ("who", "role", "action", "outcome")] == [
        me, "admin", "export", "begun",
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(run("log", "export", "--format", "csv").stdout)))
    assert [row["who"] for row in rows] == ["'=ann"] * 3 + [me] * 3
    assert rows[0]["tenants"] == "tenant/ac\\nme\\xff"
    assert run("log", "export", "--since", "2999-01-01").stdout == ""
    assert run("log", "verify").stdout.startswith("unanchored: Every entry is as it was written")


def test_a_log_that_cannot_be_written_is_verified_and_not_exported() -> None:
    """Nothing is exported that the log does not have."""
    with written():
        pass
    engine = database()
    with engine.begin() as connection:
        connection.execute(text("CREATE TRIGGER full BEFORE INSERT ON audit_log "
                                "BEGIN SELECT RAISE(ABORT, 'full'); END"))  # fmt: skip
    engine.dispose()
    done = run("log", "export")
    assert (done.returncode, done.stdout) == (1, "")
    assert run("log", "verify").returncode == 0
    assert len(run("log", "show", "--entries").stdout.splitlines()) == 3


def test_records_that_do_not_answer() -> None:
    """One line, and not the exit of a broken log."""
    url = "postgresql+psycopg://u:hunter2@127.0.0.1:9/db?connect_timeout=1"
    for command, code in (("verify", 2), ("show", 1), ("export", 1)):
        done = run("log", command, KATO_TENANTS_STATE_URL=url)
        assert done.returncode == code
        assert len(done.stderr.splitlines()) == 1
        assert "hunter2" not in done.stderr

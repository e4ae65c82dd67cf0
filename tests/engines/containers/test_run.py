"""Commands of this machine: run as lists of words, each to an end, with none of our secrets."""

from __future__ import annotations

import socket
import stat
import sys
from pathlib import Path

import pytest

from services.stores.containers import run
from services.stores.containers.run import OUTPUT, Commands, InstanceFolder
from tests.waiting import wait_until

RUN = Commands().run


def python(program: str) -> tuple[str, ...]:
    return sys.executable, "-S", "-c", program


def test_a_command_is_run_to_its_end() -> None:
    done = RUN(python("print('well'); raise SystemExit(3)"), seconds=60)
    assert (done.code, done.output, done.failed) == (3, "well", True)
    assert not RUN(python(""), seconds=60).failed


def test_no_word_is_a_shells() -> None:
    """Whatever a word holds, it reaches the command as it is."""
    words = ("$(reboot)", "; id", "a b", "*", "`x`", "'\"")
    done = RUN((*python("import sys; print(sys.argv[1:])"), *words), seconds=60)
    assert done.output == str(list(words))


def test_a_tool_is_given_none_of_our_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """This dashboard's own have passwords; those by which it finds its daemon go along."""
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@redis")
    monkeypatch.setenv("DOCKER_HOST", "unix:///x")
    done = RUN(python("import os; print(dict(os.environ))"), seconds=60)
    assert "hunter2" not in done.output
    assert "unix:///x" in done.output


def test_one_that_takes_too_long_is_ended_with_what_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also what does not end politely; what it said until then is kept."""
    monkeypatch.setattr(run, "_GRACE_SECONDS", 0.2)
    program = (
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = os.fork()\nif child: print(child, flush=True)\ntime.sleep(600)"
    )
    done = RUN(python(program), seconds=3)
    child, said = done.output.split("\n")
    assert done.failed
    assert said == "It was ended: it took longer than 3 s."
    wait_until(lambda: is_gone(int(child)))


def is_gone(process: int) -> bool:
    """Whether a process ended; one whose parent did not take notice is there, and dead."""
    try:
        text = Path(f"/proc/{process}/stat").read_text("utf-8")
    except OSError:
        return True
    return text.rpartition(")")[2].split()[0] == "Z"


def test_of_a_long_talker_the_end_is_kept() -> None:
    done = RUN(python(f"print('x' * {2 * OUTPUT}); print('the end')"), seconds=60)
    assert done.code == 0
    assert len(done.output) <= OUTPUT
    assert done.output.endswith("the end")


def test_what_is_not_there_is_not_run() -> None:
    done = RUN(("no-such-tool", "up"), seconds=1)
    assert (done.was_run, done.failed) == (False, False)
    assert done.why_not == "no-such-tool is not on this machine"


def test_a_port_that_somebody_has_is_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert Commands().listens(port)
    assert not Commands().listens(port)


def test_files_are_for_this_user_alone(tmp_path: Path) -> None:
    folder = InstanceFolder(tmp_path / "instances").keep("kato-x", {"compose.yaml": "a: ü\n"})
    assert (folder / "compose.yaml").read_text("utf-8") == "a: ü\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "compose.yaml").stat().st_mode) == 0o600
    InstanceFolder(tmp_path / "instances").keep("kato-x", {"compose.yaml": "b\n"})
    assert [each.name for each in folder.iterdir()] == ["compose.yaml"]

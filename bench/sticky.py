"""nginx before several servers, by the configuration that `deploy/` has."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.measure import free_port
from bench.pages import wait_until_up

CONFIGURATION = Path(__file__).parents[1] / "deploy" / "nginx" / "kato-tenants.conf"
_SERVER = re.compile(r"^    server 127\.0\.0\.1:\d+(.*)$", re.MULTILINE)


def program() -> str | None:
    """Return where nginx is; None where it is not there."""
    return shutil.which("nginx")


def configured(port: int, servers: Sequence[int], folder: Path) -> str:
    """Return a whole configuration: that of `deploy/`, at other ports, and nothing kept."""
    text = CONFIGURATION.read_text()
    rest = _SERVER.findall(text)[0]
    lines = "\n".join(f"    server 127.0.0.1:{each}{rest}" for each in servers)
    first, *others = list(_SERVER.finditer(text))
    text = text[: first.start()] + lines + text[(others[-1] if others else first).end() :]
    text = text.replace("127.0.0.1:8500", f"127.0.0.1:{port}")
    paths = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{\n    access_log off;\n{paths}{text}\n}}\n"
    )


@contextmanager
def before(servers: Sequence[int]) -> Iterator[int]:
    """Run nginx before servers at these ports, and yield its own."""
    found = program()
    if found is None:
        raise SystemExit("nginx is not there")
    port = free_port()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        file = folder / "nginx.conf"
        file.write_text(configured(port, servers, folder))
        log = folder / "error.log"
        process = subprocess.Popen([found, "-c", str(file), "-e", str(log)])
        try:
            wait_until_up(port, process)
            yield port
        finally:
            process.terminate()
            process.wait()

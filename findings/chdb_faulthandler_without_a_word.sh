#!/usr/bin/env bash
# chDB 4.4.0 (ClickHouse 26.9): once its engine is opened, Python's faulthandler says nothing.
#
# Most would expect: `faulthandler.enable()`, which pytest calls for every run, is there to print the
# traceback of every thread when the process gets a fatal signal, whatever was loaded since; that an
# embedded engine leaves its host's handlers alone, or calls them after its own.
# Seen: opening the engine replaces the process's handlers of SIGSEGV and SIGABRT. `is_enabled()`
# still says True, and to enable it once more changes nothing: it has to be disabled first. Without
# that, a test run or a service that dies so leaves not one line to go by.
#
# It installs chDB into a temporary folder, and asks the kernel (glibc's sigaction on Linux) which
# handlers are in place: nothing is sent to the process. Exit 0: as described here. Exit 1: it has
# changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check chdb==4.4.0
cat > "$folder/show.py" <<'PYTHON'
import ctypes
import faulthandler
import signal
import sys

from chdb.session import Session


def handlers():
    found = []
    for number in (signal.SIGSEGV, signal.SIGABRT):
        action = (ctypes.c_void_p * 32)()  # more than the structure takes; the handler comes first
        assert ctypes.CDLL(None).sigaction(int(number), None, action) == 0
        found.append(action[0])
    return found


faulthandler.enable()
own = handlers()
session = Session(sys.argv[1])
session.query("SELECT 1")
opened = handlers()
print("replaced by opening the engine:", [a != b for a, b in zip(own, opened)])
print("faulthandler is enabled, as it says:", faulthandler.is_enabled())
faulthandler.enable()
print("enabled once more, its own are back:", [a == b for a, b in zip(own, handlers())])
unchanged = handlers() == opened
faulthandler.disable()
faulthandler.enable()
print("disabled and enabled, its own are back:", [a == b for a, b in zip(own, handlers())])
described = all(a != b for a, b in zip(own, opened)) and unchanged and handlers() == own
sys.exit(0 if described else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder/data"

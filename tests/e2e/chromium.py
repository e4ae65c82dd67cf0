"""Find a Chromium for the browser tests; on Debian as root, install one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find() -> str | None:
    """Return the path of a Chromium or Chrome, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Install Debian's Chromium. Raises CalledProcessError."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", "--quiet", *arguments], check=True, env=environment)


def main() -> int:
    """Make sure that a browser is there; 1 with one line that says what to do when not."""
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install()
    if find() is None:
        print(
            "The browser tests need Chromium or Chrome on the PATH: install one.", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

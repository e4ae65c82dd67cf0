"""Find a Chromium for the browser tests."""

from __future__ import annotations

import shutil

NAMES = (
    "chromium-headless-shell",  # draws no window of its own: half the work
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)


def find() -> str | None:
    """Return the path of a Chromium or Chrome, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)

"""Run every benchmark, one after the other: `python -m bench`; 1 when a target was missed."""

from __future__ import annotations

import subprocess
import sys

SCRIPTS = ("keys", "growth", "patterns", "vectors", "collector", "pages", "pattern_pages",
           "finding", "names", "purge", "purge_whole", "purge_patterns", "archive",
           "archive_memory", "restore",
           "audit", "metrics", "forecast", "history", "flood")  # fmt: skip


def main() -> int:
    """Run each in a process of its own, so that none pays for another's memory."""
    missed = []
    for name in SCRIPTS:
        print(f"\n== bench.{name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            missed.append(name)
    print(f"\nmissed a target: {', '.join(missed)}" if missed else "\nevery target met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

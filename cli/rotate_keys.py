"""`kato-tenants rotate-keys`: sensitive metadata onto the first key."""

from __future__ import annotations

from cli import desk
from services.settings.environment import Settings


def rotate(settings: Settings) -> tuple[str, bool]:
    """Re-encrypt what can be; return a report, and whether that was all. Raises KatoTenantsError.

    The keys of what could not be are written in ASCII: they can hold any bytes.
    """
    with desk.opened(settings) as found:
        report = found.rotation.run()
    lines = [f"re-encrypted: {report.renewed}", f"on the first key already: {report.current}"]
    lines.append(f"could not be re-encrypted: {len(report.failed)}")
    lines += [f"  {key!a}: {reason}" for key, reason in report.failed.items()]
    return "\n".join(lines), not report.failed

"""What a viewer who is confined to tenants sees of the audit log. Pure.

Which entries those are `LogFilter.scope` says. What stands here takes out of them where in the
log they are, which tells how much was done to others, and what failed in others' words.
"""

from __future__ import annotations

from dataclasses import replace

from services.access.viewer import Outcome, Viewer
from services.audit_log.models import Entry, LogFilter
from services.audit_log.texts import index_of, needle

FAILED = "it could not be done, and an admin can see why"
NO_NUMBER = 0
"""The number of every entry for somebody who may not know how long the log is."""


def confined_filter(wanted: LogFilter, viewer: Viewer) -> LogFilter:
    """Return a filter that lets nothing pass but what concerns tenants in scope alone."""
    return replace(wanted, scope=None if viewer.sees_all else viewer.scope)


def confined_entry(entry: Entry, viewer: Viewer) -> Entry:
    """Return what a viewer may see of an entry: the same object for one who sees all.

    Without number, hash and seal it cannot be verified.
    """
    if viewer.sees_all:
        return entry
    event = entry.event
    if event.outcome is Outcome.FAILED and event.reason:
        event = replace(event, reason=FAILED)
    elif event.outcome is not Outcome.REFUSED and event.who != viewer.id:
        event = replace(event, reason="")  # others' tickets may name anybody
    return Entry(NO_NUMBER, event, intact=entry.intact)


def still_found(entry: Entry, wanted: LogFilter) -> bool:
    """Whether the text that was looked for is in what is left of an entry."""
    return not wanted.text or needle(wanted.text) in index_of(entry.event).words

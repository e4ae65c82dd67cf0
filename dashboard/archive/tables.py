"""Archives as tables, and their states as words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import pandas as pd

from dashboard.app.permits import sentence
from dashboard.draw.archive_parts import is_own, part_words
from dashboard.draw.formatting import plural, visible
from services.archive.models import Archive, Change, Difference, Manifest, State
from services.purge.models import LeftOut

Color = Literal["green", "blue", "red", "gray"]
STATES: dict[State, tuple[str, Color, str]] = {
    State.TAKING: ("Being taken", "blue", ":material/pending:"),
    State.PROVEN: ("Proven", "green", ":material/verified:"),
    State.FAILED: ("Failed", "red", ":material/error:"),
    State.BROKEN: ("Broken", "red", ":material/broken_image:"),
    State.REMOVED: ("Removed", "gray", ":material/delete:"),
}
STEPS = {
    "put sessions aside": "Read the sessions",
    "end sessions": "End the sessions",
    "take": "Read the stores, and write",
    "prove": "Read it back",
    "keep": "Give it its name",
}


def archives_frame(archives: Iterable[Archive]) -> pd.DataFrame:
    """Return one row an archive; its size in bytes, none of one that is not whole."""
    rows = [
        (visible(str(each.target)), each.created_at, STATES[each.state][0], each.bytes or None,
         each.proven_at, visible(each.reason), visible(each.by), "yes" if each.encrypted else "no",
         each.name)
        for each in archives
    ]  # fmt: skip
    columns = ["Of", "Taken", "State", "Size", "Last proven", "Why", "By", "Encrypted", "File"]
    return pd.DataFrame(rows, columns=columns)


def parts_frame(archive: Archive, manifest: Manifest | None) -> pd.DataFrame:
    """Return one row a part that has anything: how much; bytes before compression."""
    if manifest is None:
        counts = [(part_words(name), count) for name, count in archive.counts.items() if count]
        return pd.DataFrame(counts, columns=["Part", "Count"])
    rows = [
        (part_words(part.name), part.count, part.bytes) for part in manifest.parts if part.count
    ]
    return pd.DataFrame(rows, columns=["Part", "Count", "Content"])


def empty_words(archive: Archive) -> str:
    """Say that nothing of the stores is in it, and why that may be; empty where anything is."""
    if any(count for name, count in archive.counts.items() if not is_own(name)):
        return ""
    if not archive.left_out:
        return "No row, key or vector is in it."
    return (
        f"No row, key or vector is in it: {plural(archive.left_out, 'kb_id')} left out, since "
        "nothing says surely whose they are. Take another archive, with what is guessed."
    )


def changed_words(archive: Archive) -> str:
    """Say how much changed while it was taken."""
    return plural(archive.changes, "thing") if archive.changes else "nothing"


def left_words(archive: Archive) -> str:
    """Say how many kb_ids are not in it, and where their names are told."""
    if not archive.left_out:
        return "nothing"
    return f"{plural(archive.left_out, 'kb_id')}; Verify says which"


def disclosed_words(manifest: Manifest) -> list[str]:
    """Return in sentences what no archive can have."""
    return [sentence(text.rstrip(".")) for text in manifest.disclosed]


def left_frame(left: Iterable[LeftOut]) -> pd.DataFrame:
    """Return one row for each kb_id that is not in it, with why."""
    rows = [
        (visible(each.kb_id), visible(each.why), ", ".join(visible(str(o)) for o in each.losers))
        for each in left
    ]
    return pd.DataFrame(rows, columns=["kb_id", "Why", "Others"])


def changes_frame(changes: Iterable[Change]) -> pd.DataFrame:
    """Return one row for each thing that was otherwise after than before; None is not known."""
    rows = [
        (each.store.value, visible(each.owner), visible(each.kind), each.before, each.after)
        for each in changes
    ]
    return pd.DataFrame(rows, columns=["Store", "Owner", "What", "Before", "After"])


def differences_frame(differences: Iterable[Difference]) -> pd.DataFrame:
    """Return one row for each part that is not in its store as it is in the archive."""
    rows = [
        (part_words(each.part), each.archived, each.there, _content(each)) for each in differences
    ]
    return pd.DataFrame(rows, columns=["Part", "In the archive", "In the store", "Content"])


def _content(each: Difference) -> str:
    return "not asked: its store is not configured" if each.there is None else "other"

"""Archives as tables, and their states as words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import pandas as pd

from dashboard.draw.formatting import visible
from services.archive.models import Archive, Change, Difference, Manifest, State
from services.jobs.models import Job, JobState
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
         each.proven_at, "yes" if each.encrypted else "no", visible(each.by), each.name)
        for each in archives
    ]  # fmt: skip
    columns = ["Of", "Taken", "State", "Size", "Proven", "Encrypted", "By", "File"]
    return pd.DataFrame(rows, columns=columns)


def parts_frame(archive: Archive, manifest: Manifest | None) -> pd.DataFrame:
    """Return one row a part: how much of it is in the archive; bytes before compression."""
    rows: list[tuple[str, int, int | None]]
    if manifest is None:
        rows = [(visible(name), count, None) for name, count in archive.counts.items()]
    else:
        rows = [(visible(part.name), part.count, part.bytes) for part in manifest.parts]
    return pd.DataFrame(rows, columns=["Part", "Count", "Content"])


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
    rows = [(visible(each.part), each.archived, each.there, _content(each)) for each in differences]
    return pd.DataFrame(rows, columns=["Part", "In the archive", "In the store", "Content"])


def _content(each: Difference) -> str:
    return "not asked: its store is not configured" if each.there is None else "other"


def halted(job: Job | None) -> bool:
    """Whether a job stands still, and can go on."""
    return job is not None and job.state in (JobState.FAILED, JobState.STOPPED)

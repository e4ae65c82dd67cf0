"""Plans and receipts of restores as tables, and their states as words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import pandas as pd

from dashboard.app import outage
from dashboard.draw.archive_parts import part_words
from dashboard.draw.formatting import few, plural, visible
from dashboard.draw.measures import WORDS
from services.archive.models import Archive
from services.jobs.models import Job, JobState
from services.restore.formats import plan_of
from services.restore.models import (
    GivenUp,
    Misfit,
    Outcome,
    PartPlan,
    PartResult,
    Plan,
    Receipt,
)
from services.tenancy.kb_ids import TenantKey

Color = Literal["green", "blue", "orange", "red", "gray"]
STATES: dict[JobState, tuple[str, Color, str]] = {
    JobState.RUNNING: ("Running", "blue", ":material/pending:"),
    JobState.STOPPED: ("Stopped", "gray", ":material/pause_circle:"),
    JobState.FAILED: ("Halted", "red", ":material/error:"),
}
OUTCOMES: dict[str, tuple[str, Color, str]] = {
    Outcome.RESTORED: ("Restored", "green", ":material/check_circle:"),
    Outcome.PARTIAL: ("Partial", "orange", ":material/warning:"),
    Outcome.GIVEN_UP: ("Given up", "gray", ":material/close:"),
}
STORES = {"clickhouse": outage.CLICKHOUSE, "redis": outage.REDIS, "qdrant": outage.QDRANT}
STEPS = {
    "check": "Look once more at what is there",
    "patterns": "Write the patterns",
    "vectors": "Write the vectors",
    "keys": "Write the keys",
    "sessions": "Write the sessions",
    "records": "Bring back this product's own records",
    "verify": "Compare everything with the archive",
}
_KEPT = {
    "records/cards": ("card", "cards", "with other words on it here, and kept"),
    "records/owners": ("confirmed owner", "confirmed owners",
                       "not brought back: something here speaks against it"),
    "records/history": ("day of usage", "days of usage",
                        "otherwise here or not over yet, and not brought back"),
}  # fmt: skip
ARCHIVED, THERE, BEFORE = "In the archive", "There already", "There before"
LEFT_OUT, DIFFERING, EXPIRED = "Left out", "Different", "Expired"
COUNTS = (ARCHIVED, THERE, BEFORE, LEFT_OUT, EXPIRED, DIFFERING)
THEN = "There then"
_MOST = 5


def state_of(job: Job) -> tuple[str, Color, str]:
    """Return in a word how a restore stands, with its colour and icon."""
    if job.outcome is not None:
        return OUTCOMES.get(job.outcome, (job.outcome, "gray", ":material/help:"))
    return STATES[job.state]


def takes(archive: Archive) -> frozenset[str]:
    """Return the stores that an archive has anything of, as people call them."""
    stores = {name.partition("/")[0] for name, count in archive.counts.items() if count}
    return frozenset(STORES[each] for each in stores if each in STORES)


def whose(plan: Plan) -> str:
    """Say whose data comes back, and as whose."""
    named = "" if plan.named is None else f" as {visible(str(plan.named))}"
    return visible(str(plan.target)) + named


def plan_frame(plan: Plan) -> pd.DataFrame:
    """Return one row a part: how much of it there is in the archive and already; None unknown."""
    rows = [
        (part_words(each.part), each.archived, each.there, each.left_out, visible(each.into))
        for each in plan.parts if each.archived or each.there
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["Part", ARCHIVED, THERE, LEFT_OUT, "Into"])
    return _without_zeros(frame.astype({THERE: "Int64"}))


def _without_zeros(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame without the column of what was left out, where nothing was."""
    return frame if frame[LEFT_OUT].any() else frame.drop(columns=LEFT_OUT)


def obstacles(plan: Plan) -> Iterator[str]:
    """Yield in sentences, without their ends, what stands in the way of a plan."""
    yield from map(_misfit, plan.misfits)
    if plan.unread:
        yield f"cannot be told in the other name: {_names(plan.unread)}"
    if plan.clashes:
        yield f"would be the name of two: {_names(plan.clashes)}"
    if plan.named is not None and plan.held:
        yield f"others have {plural(len(plan.held), 'name')} of these, or may: {held_words(plan)}"
    for each in plan.unborne:
        yield f"{visible(each.node_id)}: {visible(each.why)}"


def held_words(plan: Plan) -> str:
    """Name the kb_ids that others have too, with those of the others who may be told."""
    return few([_held(each.kb_id, map(str, each.tenants)) for each in plan.held], _MOST)


def _held(kb_id: str, tenants: Iterable[str]) -> str:
    others = few([visible(each) for each in tenants], _MOST)
    return visible(kb_id) + (f" ({others})" if others else "")


def _names(names: Iterable[str]) -> str:
    return few([visible(name) for name in names], _MOST)


def _misfit(each: Misfit) -> str:
    what = f" ({visible(each.what)})" if each.what else ""
    return f"{part_words(each.part)}: {each.why.value}{what}"


def receipt_frame(receipt: Receipt) -> pd.DataFrame:
    """Return one row a part: what was there before, and what is not as in the archive."""
    rows = [
        (part_words(each.part), each.archived, each.before, each.left_out, each.expired,
         each.differing)
        for each in receipt.parts if each.archived or each.before or each.differing
    ]  # fmt: skip
    columns = ["Part", ARCHIVED, BEFORE, LEFT_OUT, EXPIRED, DIFFERING]
    return _without_zeros(pd.DataFrame(rows, columns=columns).astype({BEFORE: "Int64"}))


def left_out_words(parts: Iterable[PartPlan | PartResult]) -> Iterator[str]:
    """Say of each part what does not come back as another tenant, and why."""
    for each in parts:
        if each.left_out and each.part == "redis/sessions":
            yield (f"{plural(each.left_out, 'session')} left out: their ids live on as another "
                   "tenant's, and an id is one for the whole deployment")  # fmt: skip
        elif each.left_out:
            yield f"{plural(each.left_out, 'key')} left out: KATO's caches, which it makes anew"


def differing_words(receipt: Receipt) -> Iterator[str]:
    """Name of each part that is not as in the archive some of what differs."""
    for each in receipt.parts:
        if each.differing:
            yield f"{part_words(each.part)}: {_names(each.names)}"


def there_frame(told: GivenUp) -> pd.DataFrame:
    """Return one row a store: how much is there under the names of a restore; None unknown."""
    rows = [(WORDS[store].rows, count) for store, count in told.there.items()]
    return pd.DataFrame(rows, columns=["What", THEN]).astype({THEN: "Int64"})


def begun_words(told: GivenUp) -> list[str]:
    """Name the steps that a restore which was given up may have written in."""
    words = (STEPS.get(name, name) for name in told.begun)
    return [word[:1].lower() + word[1:] for word in words]


def hold_words(tenants: Iterable[TenantKey]) -> str:
    """Name the tenants that were on legal hold in the archive; empty where none was."""
    return _names(map(str, tenants))


def kept_words(receipt: Receipt) -> Iterator[str]:
    """Say what of this product's own records is otherwise here, and stays."""
    for part, count in receipt.kept.items():
        one, many, what = _KEPT.get(
            part, (visible(part), visible(part), "otherwise here, and kept")
        )
        yield f"{plural(count, one, many)} {what}."


def jobs_frame(jobs: Iterable[Job]) -> pd.DataFrame:
    """Return one row a restore."""
    rows = [
        (visible(str(plan.target)), visible(str(plan.named or "")), job.created_at,
         state_of(job)[0], visible(job.asked_by), visible(job.reason))
        for job, plan in ((job, plan_of(job.plan)) for job in jobs)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Of", "As", "Started", "State", "By", "Why"])

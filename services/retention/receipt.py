"""What a job came to, by what its journal says: counts that add up, and what is left. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.jobs.models import Job
from services.retention.formats import left_kept, line_kept
from services.retention.models import LeftOut, Line, Matter, Outcome
from services.retention.steps import STEPS, StepName
from services.usage.formats import stamp

_STEP_OF: Mapping[Matter, StepName] = {
    about: name for name, about in STEPS.items() if about is not None
}


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one line: `there` before = `deleted` + `others` + `after`.

    `others` went by themselves or by somebody else; it is below 0 where more were written. `left`
    are there still and were due, `expiring` were given a TTL. None is not known.
    """

    line: Line
    deleted: int | None
    after: int | None
    left: int | None
    expiring: int
    others: int | None


def came_of(job: Job) -> tuple[Came, ...]:
    """Return what came of each line of a job, as far as that is known."""
    before, after = job.result(StepName.CHECK), job.result(StepName.VERIFY)
    looked = "lines" in after
    ends = {(each.matter, each.owner): each for each in _lines(after)}
    outs = {(each.matter, each.owner): each for each in map(left_kept, after.get("left_out", ()))}
    return tuple(_of_line(job, each, ends, outs, looked=looked) for each in _lines(before))


_Key = tuple[Matter, str]


def _of_line(
    job: Job, line: Line, ends: Mapping[_Key, Line], outs: Mapping[_Key, LeftOut], *, looked: bool
) -> Came:
    end = ends.get((line.matter, line.owner))
    out = outs.get((line.matter, line.owner)) or outs.get((line.matter, line.matter.value))
    if end is None and out is not None:
        return _left_alone(job, line, out)
    return _came(job, line, end, looked=looked)


def _left_alone(job: Job, line: Line, out: LeftOut) -> Came:
    """Return what came of what was left as it is from some step on: a hold came, or a policy went.

    Of a process that was killed by then, some that it erased may count as gone by others.
    """
    counted = _counted(job, line)
    if line.matter is Matter.CACHES:
        return Came(line, 0, out.there, 0, counted, None)
    if out.there is None or line.there is None:
        return Came(line, counted, None, 0, 0, None)
    if line.matter is Matter.PATTERNS:  # counted by name, of which each may have several rows
        counted = min(line.due or 0, max(0, line.there - out.there))
    return Came(line, counted, out.there, 0, 0, line.there - counted - out.there)


def _counted(job: Job, line: Line) -> int:
    """Return how many of a line's its step says that it did."""
    found: int = job.result(_STEP_OF[line.matter]).get("done", {}).get(line.owner, 0)
    return found


def _came(job: Job, line: Line, end: Line | None, *, looked: bool) -> Came:
    counted = _counted(job, line)
    if line.matter is Matter.CACHES:
        given = max(counted, line.expiring - (0 if end is None else end.expiring)) if looked else 0
        return Came(line, 0, _there(end, looked=looked), 0, given, None)
    if not looked:
        return Came(line, None, None, None, 0, None)
    left, after = (0, 0) if end is None else (end.due, end.there)
    if left is None or line.due is None or line.there is None or after is None:
        return Came(line, None, after, left, 0, None)
    rows = line.matter is Matter.PATTERNS  # a pattern may have several
    gone = max(0, line.due - left) if rows else max(counted, line.due - left)
    given = max(0, line.expiring - (0 if end is None else end.expiring))
    return Came(line, gone, after, left, given, line.there - gone - after)


def _there(end: Line | None, *, looked: bool) -> int | None:
    if not looked:
        return None
    return 0 if end is None else end.there


def _lines(result: Mapping[str, Any]) -> Iterator[Line]:
    return map(line_kept, result.get("lines", ()))


def outcome_of(came: Sequence[Came]) -> Outcome:
    """Return what a run came to."""
    if any(each.left for each in came):
        return Outcome.PARTIAL
    if any(each.left is None or each.line.problem is not None for each in came):
        return Outcome.UNKNOWN
    return Outcome.DONE


def receipt_of(
    job: Job, *, at: datetime, versions: Mapping[str, str]
) -> tuple[Outcome, dict[str, Any]]:
    """Return what a job came to, and its receipt as JSON."""
    came, check, end = came_of(job), job.result(StepName.CHECK), job.result(StepName.VERIFY)
    left_out = end.get("left_out", check.get("left_out", ()))
    outcome = outcome_of(came) if "lines" in end else Outcome.UNKNOWN  # ended before it looked
    return outcome, {
        "job": job.id, "outcome": outcome.value, "policies": job.plan["policies"],
        "asked_by": job.asked_by, "reason": job.reason, "at": stamp(_moment(job)),
        "began_at": stamp(job.created_at), "ended_at": stamp(at),
        "lines": list(map(_line, came)), "left_out": list(left_out),
        "parts": list(check.get("parts", ())), "cloned": check.get("cloned", 0),
        "problems": sorted({str(c.line.problem) for c in came if c.line.problem is not None}),
        "versions": dict(versions),
    }  # fmt: skip


def _moment(job: Job) -> datetime:
    return datetime.fromisoformat(job.plan["at"])


def _line(came: Came) -> dict[str, Any]:
    line = came.line
    return {
        "matter": line.matter.value, "tenant": None if line.tenant is None else str(line.tenant),
        "owner": line.owner, "from": dict(line.sources), "there": line.there, "due": line.due,
        "deleted": came.deleted, "expiring": came.expiring, "after": came.after,
        "left": came.left, "others": came.others,
    }  # fmt: skip

"""What the Deployments page says of each, and of all of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

import pandas as pd

from dashboard.draw.formatting import UNKNOWN, age, few, figure, figure_bytes, number, plural, size
from dashboard.draw.measures import WORDS
from services.deployments.models import Figure, Standing, State, Sum
from services.figures import Measure, Precision
from services.find.models import Answer
from services.visible import visible

Badge = tuple[str, Literal["green", "blue", "red", "orange"]]

_STATES: Mapping[State, Badge] = {
    State.RUNNING: ("Running", "green"), State.READING: ("Being read for the first time", "blue"),
    State.STARTING: ("Starting", "blue"), State.FAILED: ("Failed to start", "red"),
}  # fmt: skip

GOES_ON = "Its settings in the file are wrong, and it goes on with those of before:"

STORES = {"clickhouse": "ClickHouse", "redis": "Redis", "qdrant": "Qdrant", "kato": "KATO"}
COLUMNS = ("Deployment", "State", "Tenants", "Patterns", "Disk", "Keys", "Memory", "Vectors",
           "Sessions", "Alerts", "Read")  # fmt: skip


def badge_of(standing: Standing) -> Badge:
    """Say in a word or two how a deployment is, with the colour for it."""
    if not standing.down:
        return _STATES[standing.state]
    known = any(found.amount is not None for found in standing.figures.values())
    return ("Partly down" if known else "Down"), "orange"


def line_of(standing: Standing, now: datetime) -> str:
    """Say in one line what a deployment has; what is not known is said so."""
    return " · ".join(_parts(standing, now))


def _parts(standing: Standing, now: datetime) -> Iterator[str]:
    if standing.at is None:
        yield "no figures yet"
        return
    tenants = standing.tenants
    yield "tenants unknown" if tenants is None else plural(tenants, "tenant")
    yield from dict.fromkeys(_figure(*each) for each in standing.figures.items())
    yield "alerts unknown" if standing.firing is None else _alerts(standing.firing)
    yield f"updated {age(standing.at, now)}"


def _alerts(firing: int) -> str:
    return f"{plural(firing, 'alert')} firing" if firing else "no alert fires"


def _figure(measure: Measure, found: Figure) -> str:
    words = WORDS[measure]
    if found.absent:
        return f"no {words.store}"
    if found.amount is None:
        return f"{words.title} {UNKNOWN}"
    precision = Precision.EXACT if found.exact else Precision.ESTIMATE
    count = figure(found.amount, precision)
    noun = words.noun if found.amount.count == 1 else f"{words.noun}s"
    held = f" ({figure_bytes(found.amount)})" if found.amount.bytes is not None else ""
    return f"{count} {'Redis ' if measure is Measure.KEYS else ''}{noun}{held}"


def problems_of(standing: Standing) -> Iterator[str]:
    """Say what is wrong with a deployment, a sentence each, as plain text."""
    if standing.wrong:
        yield f"{GOES_ON} {visible(standing.wrong)}."
    if standing.problem:
        yield f"{visible(standing.problem[:1].upper() + standing.problem[1:])}."
    if standing.down:
        names = few([STORES[each] for each in standing.down], len(STORES))
        yield f"Down, or gives no figures: {names}."


def sum_words(found: Sum, *, sized: bool = False) -> tuple[str, str]:
    """Write a sum over all, and of which it is not known."""
    if found.value is None:
        return UNKNOWN, f"not known of {few([visible(name) for name in found.unknown])}"
    shown = size(found.value) if sized else number(found.value)
    return (shown if found.exact else f"≈ {shown}"), ""


def frame_of(standings: Iterable[Standing]) -> pd.DataFrame:
    """Return one row a deployment; a cell is None where its figure is not known."""
    rows = [_row(each) for each in standings]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in COLUMNS[2:-1]:
        frame[name] = frame[name].astype("Int64")
    return frame


def _row(each: Standing) -> dict[str, object]:
    def amount(measure: Measure, *, held: bool = False) -> int | None:
        found = each.figures.get(measure, Figure()).amount
        return None if found is None else found.bytes if held else found.count

    return {
        "Deployment": each.name, "State": badge_of(each)[0], "Tenants": each.tenants,
        "Patterns": amount(Measure.PATTERNS), "Disk": amount(Measure.PATTERNS, held=True),
        "Keys": amount(Measure.KEYS), "Memory": amount(Measure.KEYS, held=True),
        "Vectors": amount(Measure.VECTORS), "Sessions": amount(Measure.SESSIONS),
        "Alerts": each.firing, "Read": each.at,
    }  # fmt: skip


def found_words(answer: Answer) -> str:
    """Say who has what was looked for in one deployment."""
    who = few([visible(str(hit.tenant)) for hit in answer.hits], 5)
    nobodys = plural(len(answer.nobodys), "name") + " of nobody" if answer.nobodys else ""
    return " · ".join(filter(None, (who, nobodys))) or "No match."


def unasked(answer: Answer) -> Sequence[str]:
    """Name the stores that could not be searched, where there may be more."""
    return tuple(dict.fromkeys(look.store for look in answer.unknown if not look.absent))

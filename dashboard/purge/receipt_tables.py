"""A purge's receipt as table rows, and as a page to print. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

import pandas as pd

from dashboard.draw.formatting import UNKNOWN, moment, number, plural, span, visible
from dashboard.draw.measures import WORDS
from dashboard.purge.plan_tables import OUTCOME_WORDS
from services.figures import Measure
from services.purge.job import LaterLook, Receipt
from services.purge.models import LeftOut
from services.purge.summary import summary_of

COUNTS = ("Planned", "Deleted", "Already absent", "Failed", "Left")
_STYLE = """
body { font: 11pt/1.4 sans-serif; color: #1c2733; max-width: 60rem; margin: 2rem auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { border-bottom: 1px solid #d9dfe5; padding: .2rem .5rem; text-align: left;
         vertical-align: top; overflow-wrap: anywhere; }
th { overflow-wrap: normal; }
.number { text-align: right; white-space: nowrap; }
"""


def stores_frame(receipt: Receipt) -> pd.DataFrame:
    """Return one row a store, with the sums of its lines; Left is None where not known.

    A store without any line may be the one that could not be asked.
    """
    rows = ((WORDS[store].rows, *receipt.sums(store)) for store in receipt.stores)
    return _counted(rows, ["Store", *COUNTS])


def lines_frame(receipt: Receipt) -> pd.DataFrame:
    """Return one row for each thing that was planned, found or left."""
    rows = [
        (
            WORDS[line.store].rows, visible(line.owner), visible(line.kind),
            line.planned, line.deleted, line.absent, line.failed, line.left,
        )
        for line in receipt.lines
    ]  # fmt: skip
    return _counted(rows, ["Store", "Owner", "What", *COUNTS])


def _counted(rows: Iterable[tuple[object, ...]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns).astype(dict.fromkeys(COUNTS, "Int64"))


def found_words(look: LaterLook, tenant: str | None = None) -> str:
    """Say what a later look found, of one tenant where one is named."""
    back = look.back_of(tenant)
    if back is None:
        return UNKNOWN
    return f"{plural(back, 'name')} with data" if back else "nothing"


def looks_frame(looks: Sequence[LaterLook], tenant: str | None = None) -> pd.DataFrame:
    """Return one row for each later look, the newest first; what stays the same is one row."""
    rows = [
        (
            moment(look.first_at or look.at), moment(look.at), found_words(look, tenant),
            visible(look.asked_by) or "by itself",
        )
        for look in reversed(looks)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["From", "To", "Found", "Requested by"])


def conserved_frame(receipt: Receipt) -> pd.DataFrame:
    """Return one row a store: what it held of everyone before and after, and who did what."""
    rows = [
        (each.store, each.before, each.after, each.deleted, -each.others, each.unexplained)
        for each in receipt.conserved
    ]
    columns = ["Store", "Before", "After", "Deleted here", "Others wrote", "Unexplained"]
    return pd.DataFrame(rows, columns=columns)


def servers_frame(receipt: Receipt) -> pd.DataFrame:
    """Return one row for each server of a cluster that the last look asked."""
    rows = [(each.store, visible(each.server), each.left) for each in receipt.servers]
    return pd.DataFrame(rows, columns=["Store", "Server", "Left there"])


def facts(receipt: Receipt) -> dict[str, str]:
    """Return who, why, when, how long and by which plan, as visible texts."""
    seconds = (receipt.ended_at - receipt.started_at).total_seconds()
    stores = ", ".join(_named(receipt.stores))
    return {
        "Target": visible(receipt.target),
        "Requested by": visible(receipt.asked_by),
        "Reason or ticket": visible(receipt.reason),
        "Planned": moment(receipt.planned_at),
        "Started": moment(receipt.started_at),
        "Ended": f"{moment(receipt.ended_at)}, after {span(max(seconds, 0))}",
        "Stores": stores,
        "Plan's digest": receipt.digest,
        "Job": visible(receipt.job_id),
    }


def _named(stores: Iterable[Measure]) -> list[str]:
    return [WORDS[store].rows for store in stores]


def seconds_words(receipt: Receipt) -> dict[str, str]:
    """Return how long each step took, in words."""
    return {name: span(taken) for name, taken in receipt.seconds.items()}


def left_words(left: LeftOut) -> str:
    """Say how much of something stays."""
    words = [
        f"{WORDS[store].rows}: {UNKNOWN if count is None else number(count)}"
        for store, count in left.counts.items()
    ]
    return ", ".join([left.place, *words] if left.place else words) or UNKNOWN


def printable(
    receipt: Receipt, looks: Sequence[LaterLook] = (), *, tenant: str | None = None
) -> str:
    """Return the receipt as an HTML page of its own: what came of it, and then the details.

    With the later looks, of one tenant where it is one's. Every text from data is escaped.
    """
    title = f"Purge of {receipt.target}: {OUTCOME_WORDS[receipt.outcome]}"
    left = [
        (one.kb_id, left_words(one), one.why, ", ".join(map(str, one.losers)) or "nobody")
        for one in receipt.left_out
    ]
    body = "".join((
        f"<h1>{_text(title)}</h1>",
        f"<p><strong>{_text(summary_of(receipt, looks, tenant=tenant))}</strong></p>",
        _pairs(facts(receipt), seen=True),
        _frame("Looked at since", looks_frame(looks, tenant)) if looks else "",
        _heading("Details"),
        _frame("By store", stores_frame(receipt)),
        _frame("Line by line", lines_frame(receipt)),
        _frame("Server by server", servers_frame(receipt)) if receipt.servers else "",
        _table("Left out", ("kb_id", "How much", "Why", "Who else would lose data"), left),
        _list("Not erased, or worth knowing", receipt.disclosed),
        _list("Problems", receipt.problems),
        _heading("Durations") + _pairs(seconds_words(receipt)) if receipt.seconds else "",
        _heading("Versions") + _pairs(receipt.versions) if receipt.versions else "",
    ))  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _text(text: str) -> str:
    return escape(visible(text))


def _heading(title: str) -> str:
    return f"<h2>{escape(title)}</h2>"


def _pairs(pairs: Mapping[str, str], *, seen: bool = False) -> str:
    shown = escape if seen else _text
    rows = "".join(
        f"<tr><th>{shown(name)}</th><td>{shown(value)}</td></tr>" for name, value in pairs.items()
    )
    return f"<table>{rows}</table>"


def _frame(title: str, frame: pd.DataFrame) -> str:
    """Draw a frame whose texts are visible already."""
    rows = [[_cell(cell) for cell in row] for row in frame.itertuples(index=False)]
    return _drawn(title, list(frame.columns), rows, escape)


def _cell(cell: object) -> str | int:
    return UNKNOWN if cell is pd.NA else cell  # type: ignore[return-value]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return _drawn(title, columns, rows, _text)


def _drawn(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]],
    shown: Callable[[str], str],
) -> str:  # fmt: skip
    if not rows:
        return ""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(_td(cell, shown) for cell in row) + "</tr>" for row in rows)
    return f"{_heading(title)}<table><tr>{head}</tr>{body}</table>"


def _td(cell: object, shown: Callable[[str], str]) -> str:
    if isinstance(cell, str):
        return f"<td>{shown(cell)}</td>"
    return f'<td class="number">{number(int(str(cell)))}</td>'


def _list(title: str, texts: Sequence[str]) -> str:
    if not texts:
        return ""
    return f"{_heading(title)}<ul>{''.join(f'<li>{_text(text)}</li>' for text in texts)}</ul>"

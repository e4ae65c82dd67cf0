"""That nothing is lost: for each measure its parts, their sum, and the store's own total."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.app.cache import cached
from dashboard.draw import charts, notices
from dashboard.draw.formatting import escaped, figure, markdown, moment, number
from dashboard.draw.measures import WORDS
from services.access.viewer import Action
from services.figures import Measure, Precision, StoreState, Usage
from services.usage.snapshot import Snapshot, StoreFigures

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_CARD = 380  # pixels


def draw(snapshot: Snapshot) -> None:
    """Draw a card a measure."""
    st.header("Reconciliation")
    st.caption("Everything in the stores belongs to tenants, is shared, or is unowned: the sum "
               "of these has to be what each store itself says that it holds.")  # fmt: skip
    grid = st.grid(2, gap="small", min_column_width=_CARD)
    for found, chart in _drawn(snapshot):
        with grid, st.container(border=True, height="stretch"):
            _card(found, chart, snapshot)


@cached(Action.SEE_FLEET, key=lambda snapshot: snapshot.collected_at, newest=True, any_role=True)
def _drawn(snapshot: Snapshot) -> tuple[tuple[Sums, Figure | None], ...]:
    """Return the sums of each measure with the chart of its parts, made once a snapshot."""
    return tuple(
        (found, charts.stacked(found.figures.measure, found.parts) if found.sum else None)
        for found in sums(snapshot)
    )


def _card(found: Sums, chart: Figure | None, snapshot: Snapshot) -> None:
    figures = found.figures
    title = WORDS[figures.measure].title
    st.metric(
        title,
        figure(figures.total, figures.precision),
        delta=sums_words(found) if found.parts else notices.last_good(figures),
        delta_color=WORDS[figures.measure].color,
        delta_arrow="off",
        help=f"What {WORDS[figures.measure].store} itself says that it holds",
    )
    if not found.parts:
        st.caption(
            f"Unknown, so nothing can be summed: {markdown(str(figures.reason or 'not read'))}."
        )
        return
    if chart is not None:
        words = ", ".join(f"{name} {count:,}" for name, count in found.parts)
        st.plotly_chart(
            chart, key=f"conserved_{figures.measure}",
            config={"displayModeBar": False}, alt=f"{title} divided: {words}",
        )  # fmt: skip
    st.markdown(" · ".join(f"{escaped(name)} **{count:,}**" for name, count in found.parts))
    st.caption(times_words(found, snapshot))
    note = sums_note(found)
    if note:
        st.caption(f":material/info: {note}")


@dataclass(frozen=True, slots=True)
class Sums:
    """One measure's conservation: what its parts sum to, beside the store's own total.

    All counts are None where the store's figures are not known.
    """

    figures: StoreFigures
    tenants: int | None = None
    shared: int | None = None
    unowned: int | None = None

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """The parts by their names; empty where they are not known."""
        if self.tenants is None or self.shared is None or self.unowned is None:
            return ()
        return (("tenants", self.tenants), ("shared", self.shared), ("unowned", self.unowned))

    @property
    def sum(self) -> int | None:
        """The sum of the parts."""
        return sum(count for _, count in self.parts) if self.parts else None


def sums(snapshot: Snapshot) -> Iterator[Sums]:
    """Sum the parts of each measure."""
    for measure, figures in snapshot.stores.items():
        if figures.state is not StoreState.OK or figures.total is None:
            yield Sums(figures)
            continue
        unowned = snapshot.unattributed.usage.of(measure)
        yield Sums(
            figures,
            _total(measure, (tenant.usage for tenant in snapshot.tenants)),
            _total(measure, (part.usage for part in snapshot.shared)),
            unowned.count if unowned else 0,
        )


def _total(measure: Measure, usages: Iterable[Usage]) -> int:
    amounts = (usage.of(measure) for usage in usages)
    return sum(amount.count for amount in amounts if amount is not None)


def sums_words(found: Sums) -> str:
    """Say what the parts sum to, and what that differs by from the store's own total."""
    gap = found.figures.difference
    if gap is None:
        return f"sum {number(found.sum)}, difference unknown"
    return f"sum {number(found.sum)}, off by {gap.count:+,}" if gap.count else "adds up"


def times_words(found: Sums, snapshot: Snapshot) -> str:
    """Say when the store's own total was read, and when its parts were summed."""
    read, summed = moment(found.figures.collected_at), moment(snapshot.collected_at)
    day = f"{summed.split()[0]} "
    at = summed.removeprefix(day) if read.startswith(day) else summed
    return f"Total read {read}, parts summed {at}."


def sums_note(found: Sums) -> str:
    """Say what has to be known to read a sum; empty where nothing does."""
    figures = found.figures
    if figures.precision in (Precision.ESTIMATE, Precision.RUNNING):
        return "The exact pass is running: until it has ended, the two sides differ."
    if figures.difference is None:
        return "The store does not tell us its own count: this is what the pass over it found."
    if figures.difference.count:
        return "The store changed while it was read."
    if figures.measure is Measure.SESSIONS:
        return "Redis does not count sessions: this is what the pass over its keys found."
    return ""

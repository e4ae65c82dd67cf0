"""That nothing is lost: for each measure its parts, their sum, and the store's own total."""

from __future__ import annotations

import streamlit as st

from dashboard.draw import charts
from dashboard.draw import notices as presenters
from dashboard.draw.figures import SPARK_COLOR
from dashboard.draw.formatting import escaped, figure, markdown
from dashboard.isolation import x_isolation_sums as isolation_sums
from dashboard.isolation.x_isolation_sums import Sums
from services.usage.snapshot import Snapshot

_CARD = 380  # pixels


def draw(snapshot: Snapshot) -> None:
    """Draw a card a measure."""
    st.subheader("Conservation")
    st.caption("Everything in the stores belongs to tenants, is shared, or is nobody's: the sum "
               "of these has to be what each store itself says that it holds.")  # fmt: skip
    grid = st.grid(2, gap="small", min_column_width=_CARD)
    for found in isolation_sums.sums(snapshot):
        with grid, st.container(border=True, height="stretch"):
            _card(found, snapshot)


def _card(found: Sums, snapshot: Snapshot) -> None:
    figures = found.figures
    title = presenters.TITLE_OF[figures.measure]
    st.metric(
        title,
        figure(figures.total, figures.precision),
        delta=isolation_sums.sums_words(found) if found.parts else presenters.last_good(figures),
        delta_color=SPARK_COLOR[figures.measure],
        delta_arrow="off",
        help=f"What {presenters.STORE_OF[figures.measure]} itself says that it holds",
    )
    if not found.parts:
        st.caption(
            f"Unknown, so nothing can be summed: {markdown(str(figures.reason or 'not read'))}."
        )
        return
    if found.sum:
        words = ", ".join(f"{name} {count:,}" for name, count in found.parts)
        st.plotly_chart(
            charts.stacked(figures.measure, found.parts), key=f"conserved_{figures.measure}",
            config={"displayModeBar": False}, alt=f"{title} divided: {words}",
        )  # fmt: skip
    st.markdown(" · ".join(f"{escaped(name)} **{count:,}**" for name, count in found.parts))
    st.caption(isolation_sums.times_words(found, snapshot))
    note = isolation_sums.sums_note(found)
    if note:
        st.caption(f":material/info: {note}")

"""What was found, drawn: the table, and under each name where to go on."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import permits, read, state_keys
from dashboard.draw import cards, figures, limits, unknown, usage_tables
from dashboard.draw.chosen import name_box, rows_table
from dashboard.draw.downloads import download
from dashboard.draw.formatting import escaped, few, markdown, plural, visible
from dashboard.find import rows as found_rows
from dashboard.find.rows import Row
from dashboard.find.tables import Erasures
from services.find.models import CONCEALED, SESSION, Answer
from services.limits.models import Standings
from services.usage.snapshot import Snapshot

MOST_ROWS, FEW = 200, 5


def draw(answer: Answer, snapshot: Snapshot, erased: Erasures) -> None:
    """Draw everything that was found: the ways on first, then the table."""
    rows = found_rows.rows_of(answer)
    standings = read.standings(snapshot)
    if standings is None:
        st.caption(f":material/cloud_off: {limits.UNKNOWN}")
        standings = Standings()
    shown = rows[:MOST_ROWS]
    if len(shown) <= FEW:
        for at, row in enumerate(shown):
            _ways(row, at, standings)
    else:
        chosen = name_box("Where to go from …", shown, [row.title for row in shown], key="found_of")
        if chosen is not None:
            _ways(chosen, 0, standings)
    _table(shown, snapshot, erased, standings)
    if len(rows) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {plural(len(rows), 'name')}. "
                   "A longer text finds fewer.")  # fmt: skip


def _ways(row: Row, at: int, standings: Standings) -> None:
    """Draw one name with the links to its own tenant, sessions, patterns and kb_id."""
    with st.container(border=True, gap="small"):
        kinds = escaped(", ".join(row.kinds))
        st.markdown(f"**{escaped(row.tenant)}** · {kinds} {markdown(row.match.found)}")
        if row.match.tenant is not None:
            cards.beside(read.card(row.match.tenant))
        limits.draw_line(row.standings(standings))
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if row.match.tenant is not None:
                permits.link("tenant", "Tenant", {state_keys.TENANT: row.tenant})
            patterns = found_rows.patterns_query(row)
            if patterns is not None:
                permits.link("tenant", "Patterns, newest first", patterns, ":material/pattern:")
            sessions = found_rows.session_query(row)
            if sessions is not None:
                only = SESSION in row.kinds
                permits.link("sessions", "Look into the session" if only else "Its sessions",
                             sessions)  # fmt: skip
            if row.kb_id and row.kb_id != row.match.found:
                st.button("Who else has its kb_id", key=f"kb_of_{at}", type="tertiary",
                          icon=":material/database:", on_click=_look_for,
                          args=(visible(row.kb_id),))  # fmt: skip


def _look_for(name: str) -> None:
    """Find another name from here: by the state, as a link to the same page leaves the address."""
    st.session_state[state_keys.FIND] = name
    st.session_state[state_keys.ANYWHERE] = False


def _table(
    shown: Sequence[Row], snapshot: Snapshot, erased: Erasures, standings: Standings
) -> None:  # fmt: skip
    frame = found_rows.found_frame(shown, erased, standings)
    if not any(row.usage for row in shown):
        frame = frame.drop(columns=list(usage_tables.NUMBERS))
    untold = [row for row in shown if row.is_untold(snapshot)]
    if untold:
        names = few([visible(row.match.found) for row in untold])
        st.caption(f":material/lock: Figures of {escaped(names)} are not told: {CONCEALED}.")
    unknown.cells(frame[[row.usage is not None and row not in untold for row in shown]], snapshot)
    rows_table(
        frame, shown, [row.title for row in shown], key="found", opened=_opened,
        height="content" if len(shown) <= 3 * FEW else "auto", placeholder=usage_tables.NONE,
        alt="Each name found: whose it is, what lies there, how well it matches, the evidence",
        column_config=figures.USAGE_COLUMNS | limits.columns(frame) | {
            "Tenant": st.column_config.TextColumn(pinned=True, width=figures.NAME_WIDTH),
            "Name": st.column_config.TextColumn(width=230),
            "Found as": st.column_config.TextColumn(width=84),
        },
        column_order=found_rows.shown_columns(frame),
    )  # fmt: skip
    download(frame, "found", tenants=found_rows.tenants_of(shown),
             read_at=snapshot.collected_at)  # fmt: skip


def _opened(row: Row) -> None:
    if row.match.tenant is not None:
        figures.open_tenant(row.tenant)

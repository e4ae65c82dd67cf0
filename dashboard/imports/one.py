"""One import: what its rows would come to, and how it goes; and all that were begun here."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.app import permits, read, refusals, runtime, state_keys, unreadable
from dashboard.draw import cards, usage_tables
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, few, markdown, moment, plural, visible
from dashboard.draw.links import copy_link
from dashboard.imports import elsewhere
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.imports.models import Existing, Preview, Run, State

_EXISTING = {
    Existing.STOP: "nothing is written", Existing.SKIP: "skipped", Existing.REPLACE: "replaced",
}  # fmt: skip
_WIDTHS = {
    "Row": st.column_config.NumberColumn(width=70), "About": st.column_config.TextColumn(width=360),
}  # fmt: skip
_STATES = {
    State.CHECKED: ("gray", "checked"),
    State.WRITING: ("blue", "being written"),
    State.DONE: ("green", "written"),
    State.UNDONE: ("orange", "taken back"),
    State.HALF: ("red", "half written"),
    State.GIVEN_UP: ("gray", "given up"),
}


def draw(run_id: str) -> None:
    """Draw the import that a link names."""
    st.button("All imports", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    refusals.draw(state_keys.DATA_REFUSED, "Nothing was done")
    try:
        away = elsewhere.found(run_id)
        if away is not None:
            elsewhere.draw(away)
            return
        run, preview = runtime.desk().imports.one(run_id), runtime.desk().imports.preview(run_id)
    except KatoTenantsError as exc:
        st.warning(f"This import cannot be shown: {markdown(str(exc))}.",
                   icon=":material/search_off:")  # fmt: skip
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(f"{run.order.kind.value.capitalize()} for {markdown(str(run.order.tenant))}",
                  width="stretch")  # fmt: skip
        color, word = _STATES[run.state]
        st.badge(word, color=color)  # type: ignore[arg-type]  # one of its colours
        copy_link({state_keys.IMPORT_RUN: run.id})
    cards.beside(read.card(run.order.tenant))
    if run.by:
        st.caption(f"Begun by {markdown(run.by)} {moment(run.at)}")
    if run.state is State.CHECKED:
        _preview(preview)
    elif run.state is State.WRITING:
        st.fragment(_follow, run_every="1s")(run_id)
    else:
        _ended(run)
    _refused(preview)


def listing() -> None:
    """Draw the imports that were begun on this machine."""
    try:
        runs, away = runtime.desk().imports.runs(), runtime.desk().imports.elsewhere()
    except KatoTenantsError as exc:
        refusals.say(exc)
        return
    st.header("Imports")
    if not runs:
        st.caption("Nothing was imported on this machine yet.")
    else:
        _here(runs)
    elsewhere.listing(away)
    names = {f"{moment(run.at)} · {visible(str(run.order.tenant))}": run.id for run in runs}
    names |= {f"{moment(each.at)} · {visible(str(each.tenant))}": each.id for each in away}
    if not names:
        return
    chosen = st.selectbox("Open an import", list(names), index=None, filter_mode="contains",
                          key="data_open", placeholder="Which")  # fmt: skip
    if chosen:
        st.query_params[state_keys.IMPORT_RUN] = names[chosen]
        st.rerun()


def _here(runs: Sequence[Run]) -> None:
    st.dataframe(_frame(runs), hide_index=True, height="content", placeholder=usage_tables.NONE,
                 column_config={"When": st.column_config.DatetimeColumn(timezone="UTC")},
                 alt="The imports that were begun on this machine, and how each went")  # fmt: skip


def _back() -> None:
    st.query_params.pop(state_keys.IMPORT_RUN, None)


def _preview(preview: Preview) -> None:
    """Draw what the rows would come to, and the button that writes them."""
    st.table({
        "Rows": f"{preview.rows:,}", "New": f"{preview.fresh:,}",
        "There already": f"{preview.there:,}" + (
            f" ({_EXISTING[preview.order.existing]})" if preview.there else ""
        ),
        "Refused": f"{preview.refused:,}",
    }, border="horizontal", width="content", alt="What the rows would come to")  # fmt: skip
    if preview.lacking:
        names = few([escaped(visible(name)) for name in preview.lacking], most=12)
        st.warning(f"The rows lack columns of the table: {names}. They get ClickHouse's defaults, "
                   "and KATO may not find such patterns.", icon=":material/rule:")  # fmt: skip
    if preview.obstacle:
        st.error(markdown(permits.sentence(preview.obstacle)), icon=":material/block:")
        st.caption(_next(preview))
    if not preview.will_write:
        return
    draw_status(Action.IMPORT_DATA, digest=preview.digest)
    why = st.text_input("Reason or ticket", max_chars=300, key=f"data_why_{preview.run}",
                        help="It stands in the audit log.")  # fmt: skip
    permits.button(
        f"Write {plural(preview.will_write, 'row')}", Action.IMPORT_DATA, type="primary",
        icon=":material/upload_file:", disabled=bool(preview.obstacle), on_click=_write,
        args=(preview.run, why or ""),
    )  # fmt: skip


def _next(preview: Preview) -> str:
    """Say what can be done about what is in the way."""
    if preview.refused and not preview.order.leave_out:
        leave = ", or tick there that refused rows are left out" if preview.will_write else ""
        return f"Mend these rows, and check them again under All imports{leave}."
    if preview.there and preview.order.existing is Existing.STOP:
        return "Under All imports, choose to skip or to replace what is there, and check again."
    return "There is nothing to be written: it is there already, or was refused."


def _follow(run_id: str) -> None:
    run = unreadable.followed(lambda: runtime.desk().imports.one(run_id))
    if run is None:
        return
    if run.state is not State.WRITING:
        st.rerun()
    progress = run.progress
    share = progress.done / progress.whole if progress.whole else 0.0
    st.progress(share, f"{progress.done:,} of {progress.whole:,} rows" if progress.whole else
                "Waits for its turn")  # fmt: skip
    st.caption("All of it is written, or none: what fails half-way is taken back. This tab can be "
               "closed: it goes on, and where the dashboard is killed, as soon as it is there "
               "again.")  # fmt: skip
    permits.button("Stop, and take back", Action.IMPORT_DATA, icon=":material/undo:",
                   on_click=_take_back, args=(run_id,))  # fmt: skip


def _ended(run: Run) -> None:
    name = visible(str(run.order.tenant))
    if run.state is State.DONE:
        st.success(f"{run.written:,} new, {run.replaced:,} replaced.",
                   icon=":material/check_circle:")  # fmt: skip
        permits.link("tenant", f"Open {escaped(name)}", {state_keys.TENANT: name})
    elif run.state is State.UNDONE:
        st.warning(f"Nothing of it is there: {markdown(run.problem)}. What was written was taken "
                   "back.", icon=":material/undo:")  # fmt: skip
    elif run.given_up is not None:
        elsewhere.told(run.id, run.given_up)
        if run.given_up.begun and not run.given_up.taken_back:
            st.caption("Its rows are here still: what it wrote can be taken back, as long as it is "
                       "as it was written.")  # fmt: skip
            _take_back_button(run)
    else:
        st.error(f"It failed, and not all was taken back yet: {markdown(run.problem)}.",
                 icon=":material/error:")  # fmt: skip
        with st.container(horizontal=True):
            _take_back_button(run)
            elsewhere.ask(run.id)


def _take_back_button(run: Run) -> None:
    permits.button("Take back", Action.IMPORT_DATA, type="primary", icon=":material/undo:",
                   on_click=_take_back, args=(run.id,))  # fmt: skip


def _refused(preview: Preview) -> None:
    if not preview.told:
        return
    st.subheader(f"{plural(preview.refused, 'refused row')}")
    rows = [{"Row": each.number, "Why": each.why.value, "About": visible(each.about)}
            for each in preview.told]  # fmt: skip
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=_WIDTHS,
                 alt="Rows that are not taken, and why")  # fmt: skip
    if len(preview.told) < preview.refused:
        st.caption(f"and {preview.refused - len(preview.told):,} more")


def _frame(runs: Sequence[Run]) -> pd.DataFrame:
    return pd.DataFrame([
        {"When": run.at, "Tenant": visible(str(run.order.tenant)), "What": run.order.kind.value,
         "State": _STATES[run.state][1], "New": _ended_with(run, run.written),
         "Replaced": _ended_with(run, run.replaced), "By": visible(run.by)}
        for run in runs
    ]).astype({"New": "Int64", "Replaced": "Int64"})  # fmt: skip


def _ended_with(run: Run, count: int) -> int | None:
    """Return how many rows an import wrote; None where nobody knows."""
    return count if run.is_counted else None


def _write(run_id: str, why: str) -> None:
    try:
        runtime.desk().imports.write(run_id, why=why)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.DATA_REFUSED, exc)


def _take_back(run_id: str) -> None:
    try:
        runtime.desk().imports.take_back(run_id)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.DATA_REFUSED, exc)

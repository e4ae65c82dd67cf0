"""Imports whose rows are on another machine, and giving up one that cannot go on."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.app import runtime, state_keys
from dashboard.draw import jobs
from dashboard.draw.formatting import markdown, moment, number, visible
from services.access.viewer import Action
from services.imports.models import STAGING, Elsewhere, GivenUp

_NOT_KNOWN = "not known"


def found(run_id: str) -> Elsewhere | None:
    """Return an import whose rows are not here, None where there is no such one."""
    every = runtime.desk().imports.elsewhere()
    return next((each for each in every if each.id == run_id), None)


def draw(each: Elsewhere) -> None:
    """Draw one: why nobody here goes on with it, and what can be done."""
    what = "Data" if each.kind is None else each.kind.value.capitalize()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(f"{what} for {markdown(str(each.tenant))}", width="stretch")
        st.badge(word(each), color="gray" if each.given_up or each.attended else "red")
    st.caption(f"Started by {markdown(each.by)} {moment(each.at)}")
    if each.given_up is not None:
        told(each.id, each.given_up)
        return
    machine = f"the machine {markdown(each.machine)}" if each.machine else "another machine"
    if each.attended:
        st.info(f"It is being written on {machine}, where its rows are.", icon=":material/dns:")
        return
    why = f" It halted there: {markdown(each.problem)}." if each.problem else ""
    st.error(f"Its rows are on {machine}, in a data folder that is not here: nobody here can write "
             f"it, or take it back, and nothing else is done with its tenant.{why}",
             icon=":material/dns:")  # fmt: skip
    st.caption("Where a dashboard runs on that data folder again, it goes on by itself. Where the "
               "folder is gone, give the import up.")  # fmt: skip
    ask(each.id)


def ask(run_id: str) -> None:
    """Draw the way to give one up, closed until it is asked for."""
    jobs.give_up(
        "It ends for good, and its tenant is free for anything else. Patterns are taken back where "
        "ClickHouse answers; keys, sessions and vectors that were written stay: what was there "
        "before is known where the rows are alone.",
        Action.IMPORT_DATA, lambda reason: runtime.desk().imports.give_up(run_id, reason=reason),
        key="data_give_up", reason_key=f"{state_keys.DATA_WHY_UP}_{run_id}",
        refused=state_keys.DATA_REFUSED,
    )  # fmt: skip


def told(run_id: str, given: GivenUp) -> None:
    """Draw what is known of one that was given up."""
    by, why = markdown(given.by), markdown(given.reason)
    st.warning(f"It was given up by {by}: {why}. {_stays(given)}", icon=jobs.GIVEN_UP)
    if given.tables:
        st.caption(f"ClickHouse may have tables of its own: their names begin with "
                   f"`{STAGING}{run_id}`.")  # fmt: skip


def _stays(given: GivenUp) -> str:
    if given.taken_back:
        left = f" Under {number(given.left)} of its names others wrote since: that stays."
        return "What it had written was taken back." + (left if given.left else "")
    if not given.begun:
        return _UNKNOWN if given.tables else "It had written nothing."
    if given.at_least is None:
        return "How many rows it had written is unknown; they stay."
    whole = "" if given.rows is None else f" of {number(given.rows)}"
    return f"It had written at least {number(given.at_least)}{whole} rows, which stay."


_UNKNOWN = "Whether it had written anything is unknown; what it had stays."


def listing(every: Sequence[Elsewhere]) -> None:
    """Draw the imports whose rows are not here; nothing where there is none."""
    if not every:
        return
    st.header("On other machines")
    st.dataframe(
        pd.DataFrame([
            {"When": each.at, "Tenant": visible(str(each.tenant)), "State": word(each),
             "What": each.kind.value if each.kind else _NOT_KNOWN,
             "Machine": visible(each.machine) or _NOT_KNOWN, "By": visible(each.by)}
            for each in every
        ]), hide_index=True, height="content", key="data_elsewhere",
        column_config={"When": st.column_config.DatetimeColumn(timezone="UTC")},
        alt="Imports whose rows are on another machine, and how each stands",
    )  # fmt: skip


def word(each: Elsewhere) -> str:
    """Say in a few words how one stands."""
    if each.given_up is not None:
        return "given up"
    return "being written there" if each.attended else "cannot go on here"

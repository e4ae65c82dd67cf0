"""All deployments that somebody may see: what each has, how it is, and the way into it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from dashboard.app import current, gathered, navigation, state_keys, switcher, unreadable, viewer
from dashboard.deployments import find, words
from dashboard.draw import figures
from dashboard.draw.formatting import escaped, markdown, moment, plural
from services.deployments.models import Standing, State, firing_of, sum_of, tenants_of
from services.figures import Measure

FEW = 12
"""So many deployments are drawn one by one; of more, those that ask for somebody."""

TITLE = "Deployments"


def draw(wanted: navigation.PageRow) -> None:
    """Draw the page; `wanted` is which one is opened in a deployment that is chosen."""
    st.title(TITLE)
    if current.several() is None:
        st.info("This dashboard has one deployment. To have several, name them in a file: "
                "KATO\\_TENANTS\\_DEPLOYMENTS.", icon=":material/lan:")  # fmt: skip
        return
    page = navigation.PAGES[0] if wanted is navigation.DEPLOYMENTS else wanted
    _why_here(wanted)
    _file()
    _all(page)
    find.draw()


def _why_here(wanted: navigation.PageRow) -> None:
    """Say why this is drawn where another page was asked for."""
    asked = st.query_params.get(state_keys.DEPLOYMENT, "")
    if current.name():
        return
    if not asked:
        if wanted is not navigation.DEPLOYMENTS:
            st.info(f"Choose the deployment in which to open {wanted.title}.",
                    icon=":material/lan:")  # fmt: skip
        return
    gone = viewer.gone(asked)
    if gone is None:
        st.warning(f"There is no deployment {markdown(asked)} here that you may see.",
                   icon=":material/search_off:")  # fmt: skip
        return
    jobs = (
        "Whether a job was under way could not be read."
        if gone.jobs is None
        else (
            f"{plural(gone.jobs, 'job')} had not ended." if gone.jobs else "No job was under way."
        )
    )
    st.warning(
        f"{markdown(asked)} was taken out of the file of deployments at {moment(gone.at)}. {jobs} "
        "What was under way stopped where its journal can go on, and goes on when it is back.",
        icon=":material/link_off:",
    )  # fmt: skip


def wrong() -> None:
    """Say what is wrong with the file: with all of it, or with the settings of this deployment."""
    _file()
    here = current.held()
    if here is not None and here.wrong:
        st.error(f"{words.GOES_ON} {markdown(here.wrong)}.", icon=":material/error:")


def _file() -> None:
    """Say that the file cannot be read as it is now, to who sees all that it names."""
    found = current.several()
    if found is None or found.unread is None or len(gathered.mine()) < len(found.held):
        return
    st.error(
        f"The file of deployments cannot be read since {moment(found.unread.since)}, and what was "
        f"read before holds: {markdown(found.unread.problem)}.", icon=":material/error:",
    )  # fmt: skip


@st.fragment(run_every="5s")
@unreadable.calmly()
def _all(page: navigation.PageRow) -> None:
    standings = gathered.standings(gathered.mine())
    each = standings if len(standings) <= FEW else [one for one in standings if _asks(one)]
    for one in each:
        _one(one, page)
    st.header("All together")
    _sums(standings)
    st.header("Side by side")
    st.dataframe(
        words.frame_of(standings), hide_index=True, key="deployments", placeholder="unknown",
        alt="Each deployment with its figures",
        column_config={
            **figures.USAGE_COLUMNS,
            "Tenants": st.column_config.NumberColumn(format="localized", width=78),
            "Alerts": st.column_config.NumberColumn(format="localized", width=70,
                                                    help="Alerts that fire"),
        },
    )  # fmt: skip


def _sums(standings: Sequence[Standing]) -> None:
    """Draw what all have together, of those that the viewer may see."""
    running = [each for each in standings if each.state is State.RUNNING]
    silent = len(standings) - len(running)
    cards = [
        ("Deployments", f"{len(standings):,}", f"{silent:,} without figures" if silent else ""),
        ("Tenants", *words.sum_words(tenants_of(standings))),
        ("Patterns", *words.sum_words(sum_of(standings, Measure.PATTERNS))),
        ("Redis memory", *words.sum_words(sum_of(standings, Measure.KEYS, size=True), sized=True)),
        ("Sessions", *words.sum_words(sum_of(standings, Measure.SESSIONS))),
        ("Alerts firing", *words.sum_words(firing_of(standings))),
    ]
    grid = st.grid(3, gap="small", min_column_width=190)
    for label, value, note in cards:
        with grid, st.container(border=True, height="stretch", gap="small"):
            st.metric(label, value)
            if note:
                st.caption(escaped(note))
    if not all(each.whole for each in standings):
        st.caption("Of the tenants in your scope, where that is not all of a deployment.")


def _one(standing: Standing, page: navigation.PageRow) -> None:
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.badge(escaped(standing.name), icon=":material/dns:",
                     color=switcher.shade(standing.color))  # fmt: skip
            state, color = words.badge_of(standing)
            st.badge(state, color=color)
            for text in switcher.labels(standing.labels):
                st.badge(escaped(text), color="gray")
            st.page_link(
                page.file, label=f"Open {escaped(standing.name)}", icon=":material/open_in_new:",
                query_params={state_keys.DEPLOYMENT: standing.name},
            )  # fmt: skip
        st.caption(escaped(words.line_of(standing, datetime.now(UTC))))
        for text in words.problems_of(standing):
            st.warning(escaped(text), icon=":material/cloud_off:")


def _asks(standing: Standing) -> bool:
    quiet = standing.state is State.RUNNING and not (standing.firing or standing.down)
    return not quiet or bool(standing.wrong or standing.problem)

"""One finding: what was seen, why it matters, what to do, its history, and leaving it as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard.app import brand, permits, refusals, runtime, state_keys
from dashboard.app.read import card
from dashboard.draw import cards, severities
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, markdown, short
from dashboard.draw.links import copy_link
from dashboard.isolation import apart, read, tables, words as isolation_words
from dashboard.isolation.summary import ICON_OF
from services.access.viewer import Action
from services.approvals.models import HOW_LONG, WHY
from services.errors import KatoTenantsError
from services.isolation.models import Finding, Record, Report, Status

MOST_NAMES, FEW_NAMES, FEW_LINKS, MOST_TEXT = 100, 10, 5, 600
_STATUS_COLOR = {
    Status.NEW: "blue", Status.OPEN: "blue", Status.ACCEPTED: "gray", Status.RESOLVED: "green",
    Status.UNSEEN: "orange",
}  # fmt: skip


def draw(asked: str, report: Report | None) -> None:
    """Draw the finding that a link names."""
    st.button("All findings", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    if report is None:
        st.info("There is no audit yet: the first one follows the first figures.",
                icon=":material/hourglass_empty:")  # fmt: skip
        return
    record = read.listing(report).records.get(asked)
    if record is None:
        st.warning(f"There is no finding {markdown(asked)}: it was resolved long ago, or never "
                   "was.", icon=":material/search_off:")  # fmt: skip
        return
    now = datetime.now(UTC)
    _head(record, now)
    left, right = st.columns(2, gap="large")
    with left:
        _evidence(record.finding)
    with right:
        _advice(record.finding)
        _history(record, now)
        _acceptance(record, now)
    apart.draw(record.finding)


def _back() -> None:
    st.query_params.pop(state_keys.FINDING, None)


def _head(record: Record, now: datetime) -> None:
    finding, status = record.finding, record.status(now)
    rules = runtime.desk().isolation.rules
    title = tables.title_of(finding.code, rules)
    brand.name_tab("Isolation", title)
    st.header(escaped(title))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        severities.badge(finding.severity)
        st.badge(status.word, color=_STATUS_COLOR[status])  # type: ignore[arg-type]
        st.caption(f"{markdown(finding.code)} · {markdown(finding.id)}")
        copy_link({state_keys.FINDING: finding.id})
    if len(finding.tenants) == 1:
        cards.beside(card(finding.tenants[0]))
    st.markdown(f"{ICON_OF[finding.severity]} {escaped(short(finding.what, MOST_TEXT))}")
    if status is Status.UNSEEN:
        st.warning("Its rule could not be run in the last audit: whether it is still so is not "
                   "known.", icon=":material/cloud_off:")  # fmt: skip


def _evidence(finding: Finding) -> None:
    st.subheader("What was seen")
    facts = isolation_words.facts(finding.evidence)
    if facts:
        st.table({escaped(name): escaped(value) for name, value in facts.items()},
                 border="horizontal", alt="What was counted and read")  # fmt: skip
    shown = isolation_words.names_seen(finding)
    if not facts and not shown:
        st.caption("Nothing more than that it is so.")
    for at, (name, names) in enumerate(shown.items()):
        st.dataframe(
            {name: names[:MOST_NAMES]}, hide_index=True, key=f"seen_{at}",
            height="content" if len(names) <= FEW_NAMES else "auto", alt=f"Samples of {name}",
        )  # fmt: skip
        if len(names) > MOST_NAMES:
            st.caption(f"and {len(names) - MOST_NAMES:,} more")


def _advice(finding: Finding) -> None:
    rules = runtime.desk().isolation.rules
    rule = rules.get(finding.code)
    if rule is not None:
        st.subheader("Why it matters")
        st.markdown(markdown(rule.why))
    st.subheader("What to do")
    st.markdown(markdown(tables.remedy_of(finding, rules) or "Find out why."))
    links = isolation_words.links(finding)
    for link in links[:FEW_LINKS]:
        permits.link(link.page, escaped(link.label), link.query)
    if len(links) > FEW_LINKS:
        st.caption(f"and {len(links) - FEW_LINKS:,} more")


def _history(record: Record, now: datetime) -> None:
    st.subheader("History")
    st.table(isolation_words.history(record, now), border="horizontal", width="content",
             alt="When it was seen")  # fmt: skip


def _acceptance(record: Record, now: datetime) -> None:
    refusals.draw(state_keys.ACCEPT_REFUSED, "Nothing was changed")
    if record.acceptance is not None:
        st.subheader("Accepted")
        words = isolation_words.acceptance_words(record.acceptance, now)
        st.table({name: escaped(value) for name, value in words.items()}, border="horizontal",
                 alt="Who accepted it, why, and until when")  # fmt: skip
    if record.resolved_at is not None:
        return
    with st.container(horizontal=True):
        again = "Accept anew…" if record.acceptance else "Accept risk…"
        if permits.button(again, Action.ACCEPT_FINDING, icon=":material/handshake:"):
            for key in (state_keys.ACCEPT_WHY, state_keys.ACCEPT_UNTIL, state_keys.ACCEPT_DATE):
                st.session_state.pop(key, None)  # it is empty in the browser
            st.dialog("Accept risk", icon=":material/handshake:")(_accept_form)(record)
        if record.acceptance is not None:
            permits.button("Withdraw", Action.ACCEPT_FINDING, icon=":material/undo:",
                           on_click=_withdraw, args=(record.finding.id,))  # fmt: skip


def _accept_form(record: Record) -> None:
    st.markdown("It stays on the list as accepted, and asks for no more attention until then. "
                "Nothing in the stores changes.")  # fmt: skip
    asked = draw_status(Action.ACCEPT_FINDING, target=record.finding.id)
    if asked:
        st.caption(f"Requested: {markdown(asked.details[HOW_LONG])}.")
    st.text_area(WHY, asked.details.get(WHY, "") if asked else "", key=state_keys.ACCEPT_WHY,
                 max_chars=2000, height=100)  # fmt: skip
    choice = st.segmented_control(HOW_LONG, list(isolation_words.UNTIL), required=True,
                                  default="For 90 days", key=state_keys.ACCEPT_UNTIL)  # fmt: skip
    if choice == isolation_words.A_DAY:
        today = datetime.now(UTC).date()
        st.date_input("To the end of", today + timedelta(days=30), min_value=today,
                      key=state_keys.ACCEPT_DATE)  # fmt: skip
    if permits.button("Accept", Action.ACCEPT_FINDING, type="primary", on_click=_accept,
                      args=(record.finding.id,)):  # fmt: skip
        st.rerun()


def _accept(id_: str) -> None:
    """Accept by what was entered; the service checks it."""
    held = st.session_state
    try:
        until = isolation_words.until_of(
            held[state_keys.ACCEPT_UNTIL], held.get(state_keys.ACCEPT_DATE), datetime.now(UTC)
        )
        runtime.desk().isolation.accept(id_, why=held[state_keys.ACCEPT_WHY], until=until)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.ACCEPT_REFUSED, exc)


def _withdraw(id_: str) -> None:
    try:
        runtime.desk().isolation.withdraw(id_)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.ACCEPT_REFUSED, exc)

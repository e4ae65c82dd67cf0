"""The head of the Isolation page: score, counts, when the last audit was, and another now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard.app import permits, runtime, state_keys, unreadable
from dashboard.draw.formatting import age, escaped, markdown, plural, span
from dashboard.isolation import read, tables, words as isolation_words
from services.access.viewer import Action
from services.isolation.audit import AuditState
from services.isolation.models import Report, Status
from services.isolation.severity import Severity

ICON_OF = {
    Severity.CRITICAL: ":red[:material/error:]",
    Severity.HIGH: ":orange[:material/warning:]",
    Severity.MEDIUM: ":violet[:material/report:]",
    Severity.LOW: ":gray[:material/flag:]",
    Severity.INFO: ":gray[:material/info:]",
}
_PATIENCE = timedelta(seconds=60)
_REASONS = 3
_CARD, _TALL = 150, 210  # pixels


def problems(state: AuditState) -> None:
    """Say why the last audit failed, if it did."""
    if state.problem:
        st.error(f"The last audit failed: {markdown(str(state.problem))}.", icon=":material/error:")


def audit_line(report: Report | None) -> None:
    """Draw when the last audit was, with a button for another; follows by itself."""
    state = runtime.desk().isolation.state
    busy = state.auditing_since is not None or _asked(report)
    soon = busy or report is None
    watch = st.fragment(_watch, run_every="1s" if soon else "5s")
    watch(_seen(state), report, busy)


def _asked(report: Report | None) -> bool:
    """Whether an audit was asked for a moment ago and has not come yet."""
    asked: datetime | None = st.session_state.get(state_keys.AUDIT_ASKED)
    if asked is None or datetime.now(UTC) - asked > _PATIENCE:
        return False
    return report is None or report.at < asked


def _seen(state: AuditState) -> tuple[object, ...]:
    at = state.report.at if state.report else None
    return (at, state.auditing_since is not None, state.problem)


@unreadable.calmly()
def _watch(seen: tuple[object, ...], report: Report | None, busy: bool) -> None:
    state = runtime.desk().isolation.state
    if _seen(state) != seen or busy != (state.auditing_since is not None or _asked(report)):
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if report is not None:
            st.caption(f"Last audit {age(report.at)}, took {span(report.seconds)}")
        words = "Auditing…" if busy else "Audit now"
        if permits.button(words, Action.LOOK, icon=":material/policy:", disabled=busy,
                          type="tertiary", key="audit"):  # fmt: skip
            st.session_state[state_keys.AUDIT_ASKED] = datetime.now(UTC)
            runtime.desk().isolation.want()
            st.rerun()


def figures(report: Report, rows: pd.DataFrame) -> None:
    """Draw the score, and how many findings stand, by severity; `rows` are all findings."""
    rules = runtime.desk().isolation.rules
    counts = isolation_words.severity_words(tables.counts(rows), report, rules)
    accepted = int((rows["Status"] == Status.ACCEPTED.word).sum())
    states = isolation_words.rule_counts(report)
    grid = st.grid(5, gap="small", min_column_width=_CARD)
    if runtime.desk().gate.viewer().sees_all:  # the score is the fleet's
        with grid.cell(row_span=2):
            _score(report)
    with grid:
        for severity, words in counts.items():
            st.metric(f"{ICON_OF[severity]} {severity.capitalize()}", words, border=True)
        st.metric(":material/handshake: Accepted", f"{accepted:,}", border=True,
                  help="Findings that somebody leaves as they are")  # fmt: skip
        st.metric(":material/check: Rules passed", f"{states['passed']:,}", border=True)
        st.metric(":material/help: Rules unknown", f"{states['unknown']:,}", border=True,
                  help="What they look at could not be asked: unknown, not passed")  # fmt: skip


def _score(report: Report) -> None:
    shown = isolation_words.score(report, runtime.desk().isolation.rules)
    points = [score for _, score in read.scores() if score is not None]
    st.metric(
        "Score", shown.value, delta=shown.note, delta_color="gray", delta_arrow="off",
        chart_data=points if len(points) > 1 else None, chart_type="bar", border=True,
        height=_TALL, help=isolation_words.SCORE_HELP,
    )  # fmt: skip


def unknown(report: Report) -> None:
    """Say what could not be looked at, and why."""
    reasons = isolation_words.unknown_words(report)
    if reasons:
        more = len(reasons) - _REASONS
        lines = [f"- {escaped(words)}" for words in reasons[:_REASONS]]
        lines += [f"- and {plural(more, 'more reason')}, under Checks"] if more > 0 else []
        text = "Not everything could be checked. These rules are unknown, not passed:\n\n"
        st.warning(text + "\n".join(lines), icon=":material/cloud_off:")

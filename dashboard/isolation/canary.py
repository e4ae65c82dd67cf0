"""The canary test on the Isolation page: what it does, a button, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys, unreadable
from dashboard.draw.formatting import age, markdown, plural, span, visible
from services.access.viewer import Action
from services.canary.models import CanaryReport, Observation, Outcome, Probe, Verdict
from services.errors import KatoTenantsError

_LOOKS = {
    Verdict.PASSED: (st.success, ":material/verified_user:"),
    Verdict.FAILED: (st.error, ":material/gpp_bad:"),
    Verdict.UNKNOWN: (st.warning, ":material/help:"),
}


def draw() -> None:
    """Draw the section."""
    st.header("Canary test")
    st.markdown(
        "Two throwaway tenants get sessions, patterns, keys and vectors of their own, and "
        "everything here that reads a tenant is asked for the other's; a third shows a collision "
        "of kb_ids. It writes into this deployment, under names that begin with `canary`, and "
        "takes all of it away again."
    )
    running = runtime.desk().canary.state.running_since is not None
    st.fragment(_body, run_every="1s" if running else None)(running)


@unreadable.calmly()
def _body(was_running: bool) -> None:
    state = runtime.desk().canary.state
    if was_running != (state.running_since is not None):
        st.rerun()
    permits.button("Run the canary test", Action.RUN_CANARY, icon=":material/science:",
                   key="canary_run", disabled=state.running_since is not None,
                   on_click=_start)  # fmt: skip
    refusals.draw(state_keys.CANARY_REFUSED, "Nothing was started")
    if state.running_since is not None:
        seconds = max((datetime.now(UTC) - state.running_since).total_seconds(), 0)
        st.info(f"Running for {span(seconds)}: {markdown(state.step or 'starting')}. This tab can "
                "be closed.", icon=":material/pending:")  # fmt: skip
        return
    if state.problem:
        st.error(f"The last run came to no result: {markdown(state.problem)}. What it wrote, the "
                 "next run takes away.", icon=":material/error:")  # fmt: skip
    if state.report is not None:
        _report(state.report)
    elif not state.problem:
        st.caption("Not run yet since this dashboard was started.")


def _start() -> None:
    """Start a run; a refusal is said with the next drawing."""
    try:
        runtime.desk().canary.start()
    except KatoTenantsError as exc:
        refusals.keep(state_keys.CANARY_REFUSED, exc)


def _report(report: CanaryReport) -> None:
    show, icon = _LOOKS[report.verdict]
    show(markdown(verdict_words(report)), icon=icon)
    _cleaned(report)
    st.caption(f"Run {age(report.started)} by {markdown(report.by)}, for {span(report.seconds)}.")
    st.dataframe(
        probes_frame(report), hide_index=True, key="canary_probes",
        alt="Every question of the canary test with its result",
        column_config={
            "Result": st.column_config.MultiselectColumn(
                options=list(map(str, COLOR_OF)),
                color=list(COLOR_OF.values()), width=120,
            ),
            "Asked": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip
    if report.observations:
        st.markdown(f"**Seen of KATO** ({markdown(report.kato)})")
    for number, each in enumerate(report.observations):
        _observation(each, number)


def _cleaned(report: CanaryReport) -> None:
    if report.cleaned:
        st.caption("Everything that it wrote was cleaned up, and is seen to be gone.")
        return
    left = "\n".join(f"- {markdown(text)}" for text in report.left)
    st.warning(f"Not cleaned up, or not known to be; the next run tries again:\n{left}",
               icon=":material/cleaning_services:")  # fmt: skip


def _observation(each: Observation, number: int) -> None:
    icon = ":material/visibility:" if each.known else ":material/visibility_off:"
    with st.expander(f"{markdown(each.about).capitalize()}: {markdown(each.seen)}", icon=icon):
        if each.evidence:
            st.dataframe(evidence_frame(each), hide_index=True,
                         key=f"canary_evidence_{number}",
                         alt=f"What was seen: {each.about}")  # fmt: skip
        else:
            st.caption("Nothing more was seen.")


_ORDER = [Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_CONFIGURED, Outcome.PASSED]
COLOR_OF = {
    Outcome.FAILED: "red", Outcome.UNKNOWN: "orange", Outcome.NOT_CONFIGURED: "gray",
    Outcome.PASSED: "green",
}  # fmt: skip


def probes_frame(report: CanaryReport) -> pd.DataFrame:
    """Return one row a question, what did not pass first."""
    probes = sorted(report.probes, key=lambda probe: _ORDER.index(probe.outcome))
    return pd.DataFrame(
        [
            {
                "Result": [probe.outcome.value],
                "Asked": visible(probe.asked),
                "In the name of": visible(probe.tenant),
                "About": visible(probe.about),
                "Why": visible(_why(probe)),
            }
            for probe in probes
        ],
        columns=["Result", "Asked", "In the name of", "About", "Why"],
    )


def _why(probe: Probe) -> str:
    if probe.leaked:
        return f"came back: {', '.join(probe.leaked)}"
    return probe.reason


def verdict_words(report: CanaryReport) -> str:
    """Say in one sentence what came of a run; its names are not made visible yet."""
    asked = plural(len(report.probes), "question")
    if report.verdict is Verdict.FAILED:
        failed = sum(probe.outcome is Outcome.FAILED for probe in report.probes)
        return f"{failed:,} of {asked} brought back what is another tenant's."
    if report.verdict is Verdict.PASSED:
        absent = sum(probe.outcome is Outcome.NOT_CONFIGURED for probe in report.probes)
        rest = f", {absent:,} of them about a store that is not configured" if absent else ""
        return f"{asked} asked{rest}: neither tenant was given anything of the other's."
    return "It is not known whether tenants are kept apart: not everything could be checked."


def evidence_frame(observation: Observation) -> pd.DataFrame:
    """Return what an observation was seen by, one row each."""
    rows = [(visible(name), visible(value)) for name, value in observation.evidence.items()]
    return pd.DataFrame(rows, columns=["What", "Seen"])

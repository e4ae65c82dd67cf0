"""What can be done to sessions from the screen: each deed behind a confirmation, with a report.

The buttons in a dialog act in a callback and take what was entered from the session state: a
value typed just before the click counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys
from dashboard.draw import notices, session_options
from dashboard.draw.formatting import plural, visible
from dashboard.sessions import tables
from dashboard.sessions.listing import duration, duration_of
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.sessions.models import Deed, Outcome, Result, is_katos
from services.usage.readings import SessionRecord

NAMES_SHOWN = 10
_EXTENSION, _CHANGE = "extension", "change"


@dataclass(frozen=True, slots=True)
class DeedWords:
    """How the screen speaks of a deed: its button, its icon, what it does, what was done."""

    button: str
    icon: str
    effect_on_one: str
    effect_on_many: str
    done: str

    def effect(self, count: int) -> str:
        """Say what it does to this many sessions."""
        return self.effect_on_one if count == 1 else self.effect_on_many


WORDS = {
    Deed.EXTEND: DeedWords(
        "Extend", ":material/more_time:",
        "It expires that long from now. The next access through KATO sets it back to its default "
        "lifetime.",
        "They expire that long from now. The next access through KATO sets each back to its "
        "default lifetime.",
        "extended",
    ),
    Deed.CLEAR_STM: DeedWords(
        "Clear STM", ":material/mop:",
        "Its short-term memory is emptied, and nothing brings it back. The session goes on, and "
        "what it learnt stays.",
        "Their short-term memory is emptied, and nothing brings it back. The sessions go on, "
        "and what they learnt stays.",
        "cleared",
    ),
    Deed.DELETE: DeedWords(
        "Delete", ":material/delete:",
        "It ends now, with its short-term memory; whoever uses it is told that it is not found. "
        "What it learnt stays. A call that is under way can write it back: it is looked for again "
        "after 2 seconds.",
        "They end now, with their short-term memory; whoever uses one is told that it is not "
        "found. What they learnt stays. A call that is under way can write one back: they are "
        "looked for again after 2 seconds.",
        "deleted",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """What was done last, in words, with a row a session where there are any.

    `refusal` is why nothing was done, None where something was.
    """

    well: bool
    text: str
    icon: str
    rows: pd.DataFrame | None = None
    refusal: refusals.Refusal | None = None
    alt: str = "What was done to each session"


def draw_report() -> None:
    """Draw what was done last, until it is dismissed."""
    report: Report | None = st.session_state.get(state_keys.REPORT)
    if report is None:
        return
    with st.container(border=True):
        if report.refusal is not None:
            refusals.show(report.refusal, report.text)
        else:
            (st.success if report.well else st.warning)(report.text, icon=report.icon)
        if report.rows is not None:
            st.dataframe(
                report.rows, hide_index=True, key="report", alt=report.alt,
                column_config={"Why": st.column_config.TextColumn(width="large")},
            )  # fmt: skip
        st.button("Dismiss", type="tertiary", icon=":material/close:", on_click=_dismiss)


def _dismiss() -> None:
    st.session_state.pop(state_keys.REPORT, None)


def deed_buttons(records: Sequence[SessionRecord]) -> None:
    """Draw a button a deed, which asks for confirmation first."""
    for deed, words in WORDS.items():
        if permits.button(words.button, Action.CHANGE_SESSIONS, icon=words.icon,
                          disabled=not records, key=f"deed_{deed}"):  # fmt: skip
            title = f"{words.button}: {plural(len(records), 'session')}"
            st.dialog(title, width="medium", icon=words.icon)(_confirm)(deed, records)


def _confirm(deed: Deed, records: Sequence[SessionRecord]) -> None:
    words, mine = WORDS[deed], [record for record in records if is_katos(record)]
    st.markdown(words.effect(len(mine)))
    st.code("\n".join(visible(record.session_id) for record in mine[:NAMES_SHOWN]), language=None)
    if deed is Deed.EXTEND and mine:
        st.warning("This sets the last access to now. "
                   f"It was {tables.accesses(mine)}: note it if it matters.",
                   icon=":material/history:")  # fmt: skip
    if len(mine) > NAMES_SHOWN:
        st.caption(f"and {len(mine) - NAMES_SHOWN:,} more")
    if len(mine) < len(records):
        others = plural(len(records) - len(mine), "session")
        st.caption(f"{others} in the guide layout, which KATO does not know: left alone.")
    if deed is Deed.EXTEND:
        duration("New lifetime", hint="From 1 minute to 30 days.", key=_EXTENSION)
    label = f"{words.button} {plural(len(mine), 'session')}"
    if permits.button(label, Action.CHANGE_SESSIONS, type="primary", disabled=not mine,
                      on_click=_do, args=(deed, records)):  # fmt: skip
        st.rerun()


def options_button(record: SessionRecord, now: Mapping[str, object]) -> None:
    """Draw a button that changes a session's options, those it has `now` being shown."""
    icon = ":material/tune:"
    if permits.button("Change options", Action.CHANGE_SESSIONS, icon=icon, key="deed_options"):
        st.dialog("Change options", width="large", icon=icon)(_ask_options)(record, now)


def _ask_options(record: SessionRecord, now: Mapping[str, object]) -> None:
    st.markdown(
        "What is left empty stays as it is. KATO checks few of these values itself, so each is "
        "checked here. A change is an access: it sets the session back to its default lifetime."
    )
    session_options.inputs(_CHANGE, now)
    if permits.button("Change these options", Action.CHANGE_SESSIONS, type="primary",
                      on_click=_configure, args=(record,)):  # fmt: skip
        st.rerun()


def _configure(record: SessionRecord) -> None:
    try:
        answers = runtime.desk().care.configure(record, session_options.chosen(_CHANGE))
    except KatoTenantsError as exc:
        _refused("The options were not changed as far as is known", exc)
        return
    well = all(answer.kept or answer.along for answer in answers)
    text = "The options were changed." if well else "KATO did not take every option as asked."
    rows = session_options.answers_frame(answers)
    _report(Report(well, text, ":material/tune:", rows, alt="What was asked and accepted"))


def _do(deed: Deed, records: Sequence[SessionRecord]) -> None:
    words = WORDS[deed]
    ttl = duration_of(_EXTENSION) if deed is Deed.EXTEND else None
    try:
        found = runtime.desk().care.act(deed, records, ttl_seconds=ttl)
    except KatoTenantsError as exc:
        _refused("Nothing was done", exc)
        return
    well = all(outcome.result is Result.DONE for outcome in found)
    rows = tables.outcomes_frame(found)
    if deed is Deed.EXTEND:
        rows.insert(1, "Last access before", tables.accesses_before(found))
    _report(Report(well, _summary(deed, found), words.icon, rows))


def _report(report: Report) -> None:
    st.session_state[state_keys.REPORT] = report
    with suppress(KatoTenantsError):  # what was done is said, whoever is still signed in
        runtime.desk().fleet.refresh()


def _refused(before: str, exc: KatoTenantsError) -> None:
    refusal = refusals.of(exc)
    st.session_state[state_keys.REPORT] = Report(False, before, "", refusal=refusal)


def _summary(deed: Deed, found: Sequence[Outcome]) -> str:
    words = {**tables.RESULT_WORDS, Result.DONE: WORDS[deed].done}
    counts = {result: sum(one.result is result for one in found) for result in Result}
    parts = [f"{count:,} {words[result]}" for result, count in counts.items() if count]
    sessions = plural(len(found), "session")
    if counts[Result.DONE] == len(found):
        return f"{WORDS[deed].done.capitalize()} {sessions}."
    return f"{sessions}: {', '.join(parts)}."


def stale_members(count: int) -> None:
    """Draw how many ids of KATO's index have no session, with the clean-up, if there are any."""
    if not count:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(notices.stale_words(count), width="stretch")  # fmt: skip
        if permits.button("Clean up…", Action.CLEAN_INDEX, icon=":material/cleaning_services:"):
            st.dialog("Clean up the index")(_confirm_cleaning)(count)


def unindexed(count: int) -> None:
    """Say how many sessions are not in KATO's index, if there are any."""
    if count:
        verb = "is" if count == 1 else "are"
        st.caption(f"{plural(count, 'session')} {verb} not in KATO's index of active sessions: "
                   "KATO does not count them. One that was written back by a call under way while "
                   "it was deleted is such a one.")  # fmt: skip


def _confirm_cleaning(count: int) -> None:
    st.markdown(
        f"About {plural(count, 'id')} will be taken out of KATO's index: exactly those whose "
        "session is gone when looked for again at that moment. No session is touched."
    )
    if permits.button("Take them out", Action.CLEAN_INDEX, type="primary", on_click=_clean):
        st.rerun()


def _clean() -> None:
    icon = ":material/cleaning_services:"
    try:
        done = runtime.desk().care.clean_index()
    except KatoTenantsError as exc:
        _refused("The index was not cleaned up", exc)
        return
    text = f"{plural(done.removed, 'id')} taken out of the index, which held {done.members:,}."
    _report(Report(True, text, icon))

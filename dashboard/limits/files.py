"""Limits out of a file, pasted: looked at, and only then set."""

from __future__ import annotations

import streamlit as st

from dashboard.app import permits, refusals, rule_keys, runtime, unreadable
from dashboard.draw.formatting import escaped, plural
from dashboard.draw.refused_lines import draw_refused
from dashboard.limits import listing, tables
from services.access.viewer import Action
from services.cards.csv_file import Refused
from services.errors import LimitsError
from services.limits.models import Rule
from services.limits.preview import Changes
from services.limits.written import read
from services.tenancy.layout import bytes_of
from services.usage.snapshot import Snapshot

MOST = 1_000_000
"""The longest text that can be pasted, in characters; the command takes any file."""


@unreadable.calmly()
def draw(snapshot: Snapshot) -> None:
    """Draw the form, closed until somebody opens it."""
    section = st.expander("Import limits", icon=":material/input:", on_change="rerun",
                          key=f"{rule_keys.LIMIT_TEXT}_open")  # fmt: skip
    if not section.open:
        return
    with section:
        st.caption("CSV with the columns `for`, `measure` and `limit`, as the export has them: "
                   "`org/*,keys_bytes,5GB`.")  # fmt: skip
        text = st.text_area("Limits", key=rule_keys.LIMIT_TEXT, max_chars=MOST, height=140,
                            placeholder="for,measure,limit\n*,patterns,1000000")  # fmt: skip
        instead = st.checkbox("Remove every limit that is not in it", key=rule_keys.LIMIT_INSTEAD)
        if text.strip():
            _offer(bytes_of(text), snapshot, instead=instead)


def _offer(data: bytes, snapshot: Snapshot, *, instead: bool) -> None:
    try:
        lines = read(data)
    except LimitsError as exc:
        refusals.say(exc)
        return
    rules = tuple(line for line in lines if isinstance(line, Rule))
    refused = [line for line in lines if isinstance(line, Refused)]
    draw_refused(refused)
    desk = runtime.desk().limits
    changes = desk.instead(rules) if instead else Changes(rules)
    found = desk.preview(snapshot, changes)
    done = tables.done_words(found.changes)
    if found.changes:
        st.markdown(f"Once imported: {done}. {escaped(tables.preview_words(found))}")
    else:
        st.caption(f"{done}.")
    permits.button(
        f"Import {plural(len(rules), 'limit')}", Action.SET_LIMITS, type="primary",
        disabled=not found.changes or (instead and bool(refused)), on_click=listing.change,
        args=(changes,), icon=":material/input:", key="import_limits",
    )  # fmt: skip

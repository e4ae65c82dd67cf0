import streamlit as st

from dashboard.app import read, runtime, state_keys
from dashboard.draw import figures, shared
from dashboard.draw.formatting import markdown, plural
from dashboard.find import away, erased, listing, patterns, sidebar, tables
from services.find.models import Answer

MOST_TENANTS = 100


def look_anywhere() -> None:
    """Look inside of names too."""
    st.session_state[state_keys.ANYWHERE] = True


def draw_looked(answer: Answer) -> None:
    """Draw what was searched, and what could not be."""
    st.dataframe(
        tables.looked_frame(answer.looked), hide_index=True, key="looked", height="content",
        alt="What was searched, and what could not be",
    )  # fmt: skip


snapshot = figures.snapshot_or_stop("Find")
sidebar.come_back()
with st.container(horizontal=True, vertical_alignment="bottom"):
    typed = st.text_input(
        "Find a user, session, key or id", type="search", key=state_keys.FIND, bind="query-params",
        max_chars=sidebar.MOST_CHARACTERS,
        placeholder="A user id, node_id, session id, pattern name, kb_id or Redis key",
    )  # fmt: skip
    contains = st.toggle("Partial match", key=state_keys.ANYWHERE, bind="query-params")

if not typed.strip():
    st.caption("Type a name as it stands in a ticket or a log, or several: a user and a tenant. "
               "Each has to be the whole name, unless it may be anywhere in one.")  # fmt: skip
    st.dataframe(
        tables.examples_frame(snapshot, runtime.schemes()), hide_index=True,
        key="examples", height="content", alt="What can be typed, with examples",
    )  # fmt: skip
    st.stop()

sidebar.keep(typed, contains=contains)
with st.skeleton(height=180):
    answer = read.answer(snapshot.collected_at, typed, contains)
if answer is None:
    st.stop()
missing = " and ".join(tables.unasked(answer))
gone = erased.draw(answer)
away.draw(typed, gone, contains=contains)

if not answer.matches:
    if missing:
        st.warning(f"Nothing was found, but {missing} could not be asked: it may be there.",
                   icon=":material/cloud_off:")  # fmt: skip
    else:
        st.info("No match.", icon=":material/search_off:")
    if not contains:
        st.button("Search inside names", icon=":material/manage_search:", on_click=look_anywhere)
    st.header("Searched")
    draw_looked(answer)
else:
    st.header(f"Found as {markdown(tables.summary(answer))}")
    if missing:
        st.warning(f"There may be more: {missing} could not be asked.",
                   icon=":material/cloud_off:")  # fmt: skip
    for text in tables.ambiguities(answer):
        st.caption(f":material/info: {markdown(text)}")
    both = {name for hit in answer.hits for name in hit.shared}
    alone = answer.hits[0].tenant if len(answer.hits) == 1 else None
    shared.say_each(both, alone, "It is counted in full for each; its data cannot be separated.")
    listing.draw(answer, snapshot, gone)
    patterns.section(snapshot, answer.hits[:MOST_TENANTS])
    with st.expander("Searched"):
        draw_looked(answer)

if answer.illegible:
    st.caption(f"KATO cut the names of {plural(answer.illegible, 'kb_id')} of which no node_id was "
               "seen: whose they are, and which user, cannot be read out of them.")  # fmt: skip

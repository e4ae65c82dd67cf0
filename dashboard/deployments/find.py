"""Find over all deployments: each is asked at the same time, and drawn as it answers."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, TimeoutError as NotInTime, as_completed

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.app import gathered, navigation, state_keys, switcher
from dashboard.deployments import words
from dashboard.draw.formatting import escaped, few, markdown
from services.errors import KatoTenantsError
from services.find.models import Answer

SECONDS = 30.0
"""So long a deployment is waited for; what it finds later, it finds for nobody."""

MOST_CHARACTERS = 20_000


def draw() -> None:
    """Draw the entry, and what each deployment has of what was typed."""
    st.header("Find in all deployments")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            "Find a user, session, key or id", type="search", key=state_keys.FIND_ALL,
            bind="query-params", max_chars=MOST_CHARACTERS,
            placeholder="A user id, node_id, session id, pattern name, kb_id or Redis key",
        )  # fmt: skip
        contains = st.toggle("Partial match", key=state_keys.FIND_ALL_INSIDE, bind="query-params")
    if typed.strip():
        _answers(typed, contains=contains)


def _answers(typed: str, *, contains: bool) -> None:
    mine = gathered.mine()
    places = {each.name: st.container(border=True, gap="small") for each in mine}
    for each in mine:
        if each.desk is None:
            _say(places[each.name], each, "It does not run: nothing in it was searched.")
    asked = gathered.find_each(mine, typed, contains=contains)
    late = {each.name: each for each in asked.values()}
    try:
        for answered in as_completed(asked, timeout=SECONDS):
            each = asked[answered]
            late.pop(each.name)
            _one(places[each.name], each, answered, typed, contains=contains)
    except NotInTime:
        for each in late.values():
            _say(places[each.name], each, "It did not answer in time: it may be there.")


def _one(
    place: DeltaGenerator, each: gathered.Mine, answered: Future[Answer | None], typed: str, *,
    contains: bool,
) -> None:  # fmt: skip
    try:
        answer = answered.result()
    except KatoTenantsError as exc:
        _say(place, each, f"It was not searched: {markdown(str(exc))}.")
        return
    if answer is None:
        _say(place, each, "It has no figures yet: nothing in it was searched.")
        return
    missing = words.unasked(answer)
    if answer.matches:
        _head(place, each, _query(each.name, typed, contains=contains))
        place.markdown(escaped(words.found_words(answer)))
    else:
        _head(place, each)
        place.caption("No match." if not missing else "Nothing was found.")
    if missing:
        place.warning(f"There may be more: {escaped(few(missing, 4))} could not be asked.",
                      icon=":material/cloud_off:")  # fmt: skip


def _query(name: str, typed: str, *, contains: bool) -> Mapping[str, str]:
    anywhere = {state_keys.ANYWHERE: "true"} if contains else {}
    return {state_keys.DEPLOYMENT: name, state_keys.FIND: typed, **anywhere}


def _head(
    place: DeltaGenerator, each: gathered.Mine, query: Mapping[str, str] | None = None
) -> None:
    with place.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(escaped(each.name), icon=":material/dns:",
                 color=switcher.shade(each.held.deployment.color))  # fmt: skip
        if query is not None:
            st.page_link(navigation.row("find").file, label=f"Open in {escaped(each.name)}",
                         icon=":material/search:", query_params=query)  # fmt: skip


def _say(place: DeltaGenerator, each: gathered.Mine, text: str) -> None:
    _head(place, each)
    place.warning(text, icon=":material/cloud_off:")

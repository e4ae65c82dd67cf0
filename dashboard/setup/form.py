"""What a new tenant is to have: its name, limits, place for vectors and first session."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.app import refusals, runtime
from dashboard.draw.formatting import unseen
from dashboard.draw.limits import label
from services.cards.models import CardError, Edit
from services.errors import LimitsError
from services.limits.models import QUANTITIES
from services.limits.written import most_of
from services.sessions.create import TTL_DEFAULT, TTL_MAX, TTL_MIN
from services.setup.advice import Place
from services.setup.models import DISTANCES, LARGEST_VECTOR, FirstSession, Order, Vectors, edit_of
from services.setup.words import PLACES
from services.tenancy.layout import Layout
from services.tenancy.schemes import NamingScheme

NONE, OWN, SHARED, SHARD = "None", "Its own collection", "A shared collection", "A shard of its own"
_PLACES = {OWN: Place.OWN, SHARED: Place.SHARED, SHARD: Place.SHARD}
_LAYOUTS = {"KATO's: vectors_{kb_id}": Layout.KATO,
            "The guide's: kato_tenant_{tenant}": Layout.GUIDE}  # fmt: skip
_MOST_WORD = 300


def draw(shared: list[str]) -> Order | None:
    """Draw the form; return the order, None while a field is empty or cannot be taken.

    `shared` are the collections that tenants share.
    """
    scheme, values = _names()
    card, readable = _card(scheme, values)
    limits = _limits()
    vectors, complete = _vectors(shared)
    expected = st.number_input(
        "Vectors that it is likely to have", min_value=0, value=None, step=1000,
        key="setup_expected", help="What the advice goes by; empty where nobody knows.",
    )  # fmt: skip
    session = _session()
    if not (all(values.values()) and readable and complete) or limits is None:
        return None
    return Order(scheme, values, limits, vectors, session, card,
                 None if expected is None else int(expected))  # fmt: skip


def _names() -> tuple[NamingScheme, dict[str, str]]:
    schemes = {scheme.template: scheme for scheme in runtime.schemes().schemes}
    template = st.selectbox("Naming scheme", list(schemes), key="setup_scheme",
                            filter_mode="contains")  # fmt: skip
    scheme = schemes[template]
    values = {
        name: unseen(st.text_input(name.capitalize(), key=f"setup_{template}_{name}", live=True))
        for name in scheme.fields
    }
    return scheme, values


def _card(scheme: NamingScheme, values: Mapping[str, str]) -> tuple[Edit | None, bool]:
    """Return what its card is to say, None for nothing, and whether what is typed can be."""
    with st.expander("Card", icon=":material/badge:"):
        name = st.text_input("Display name", key="setup_name")
        contact = st.text_input("Contact", key="setup_contact")
        labels = st.text_input("Labels", key="setup_labels", placeholder="plan=gold, region=eu")
    try:
        edit = edit_of(scheme, values, name=name or "", contact=contact or "", labels=labels or "")
    except CardError as exc:
        refusals.say(exc)
        return None, False
    return edit, True


def _limits() -> Mapping[str, int] | None:
    chosen = st.multiselect("Limits", QUANTITIES, format_func=label, key="setup_limits",
                            placeholder="None of its own", filter_mode="contains")  # fmt: skip
    found: dict[str, int] = {}
    for quantity in chosen:
        typed = st.text_input(
            f"At most: {label(quantity)}", key=f"setup_most_{quantity}", live=True
        )
        try:
            most = most_of(typed or "", quantity)
        except LimitsError as exc:
            if typed:
                refusals.say(exc)
            return None
        if most is None:
            return None
        found[quantity] = most
    return found


def _vectors(shared: list[str]) -> tuple[Vectors | None, bool]:
    """Return where its vectors go, None for nowhere, and whether that is all said."""
    chosen = st.segmented_control("Vectors", (NONE, *_PLACES), default=NONE, required=True,
                                  key="setup_vectors", wrap=True)  # fmt: skip
    place = _PLACES.get(chosen or NONE)
    if place is None:
        return None, True
    st.caption(f"Its vectors go into {PLACES[place]}.")
    if place is Place.OWN:
        return _own()
    name = st.selectbox("Collection", shared, index=None, accept_new_options=True,
                        filter_mode="contains", key="setup_collection",
                        placeholder="The collection that tenants share")  # fmt: skip
    return (None, False) if not name else (Vectors(place, collection=unseen(name)), True)


def _own() -> tuple[Vectors | None, bool]:
    layout = _LAYOUTS[st.radio("Named as", list(_LAYOUTS), key="setup_layout")]
    with st.container(horizontal=True):
        size = st.number_input("Dimension", 1, LARGEST_VECTOR, 768, key="setup_size")
        distance = st.selectbox("Metric", DISTANCES, key="setup_distance", filter_mode="contains",
                                help="KATO's own collections have Euclid.")  # fmt: skip
    return Vectors(Place.OWN, int(size), distance, layout=layout), True


def _session() -> FirstSession | None:
    if not st.checkbox("Create the first session", key="setup_session"):
        return None
    minutes = st.number_input(
        "Time to live, in minutes", TTL_MIN // 60, TTL_MAX // 60, TTL_DEFAULT // 60,
        key="setup_ttl",
    )  # fmt: skip
    word = st.text_input(
        "Why, where data is there already or a limit is passed", max_chars=_MOST_WORD,
        key="setup_word", help="Only where one of the two is so. It stands in the audit log.",
    )  # fmt: skip
    again = st.checkbox("Bring back what was erased", key="setup_again")
    return FirstSession(int(minutes) * 60, {}, word, again, word)

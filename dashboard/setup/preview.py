"""What setting a tenant up would do, what stands near its name, and how each step went."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.app import permits, runtime, state_keys
from dashboard.draw import clashes
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, few, markdown, visible
from dashboard.draw.measures import WORDS
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.setup.advice import SOURCES, Advice
from services.setup.models import ClashKind, Order, Preview, Step, StepState
from services.setup.steps import run
from services.setup.words import PLACES, fleet_words, reason_words, step_words

_LINKS = 3


@dataclass(frozen=True, slots=True)
class Begun:
    """An order that was begun, and how each of its steps went."""

    order: Order
    steps: tuple[Step, ...]

    @property
    def is_over(self) -> bool:
        """Whether every step is done."""
        return all(step.state.is_over for step in self.steps)


def draw(preview: Preview) -> None:
    """Draw the names, what stands near them, the steps, and the button that does them."""
    landing = preview.landing
    st.caption("node_id")
    st.code(visible(landing.node_id), language=None)
    st.caption("kb_id")
    st.code(visible(landing.kb_id), language=None)
    if preview.refusal:
        st.error(markdown(permits.sentence(preview.refusal)), icon=":material/block:")
    steps = _known(preview)
    if not (steps and all(each.state.is_over for each in steps)):  # else it is what is near
        _near(preview)
        if not preview.clashes and not preview.refusal:
            _nothing_near(preview)
    if landing.warning:
        st.warning(markdown(permits.sentence(landing.warning)), icon=":material/content_cut:")
    st.subheader("Steps")
    if steps:
        _table(steps)
    else:
        st.caption("Choose limits, a place for vectors or a first session.")
    draw_status(Action.SET_UP)
    left = [each for each in steps if not each.state.is_over]
    words = "Go on" if steps != preview.steps and left else "Set up"
    permits.button(
        words, Action.SET_UP, type="primary", icon=":material/domain_add:",
        disabled=not left or not (preview.may_begin or steps != preview.steps),
        on_click=_run, args=(preview.order, steps),
    )  # fmt: skip


def advice(found: Advice) -> None:
    """Draw which place suits its vectors, with each reason and where it is published."""
    st.subheader("What suits its vectors")
    st.markdown(f"**{escaped(PLACES[found.place].capitalize())}**")
    for reason in found.reasons:
        source = SOURCES[reason]
        st.markdown(escaped(reason_words(reason)) + (f" [Source]({source})" if source else ""))
    st.caption(f"Here: {escaped(fleet_words(found.fleet))}.")


def outcome() -> None:
    """Draw how the order went that was begun last."""
    begun: Begun | None = st.session_state.get(state_keys.SETUP_STEPS)
    if begun is None:
        return
    name = visible(str(begun.order.tenant))
    if begun.is_over:
        st.success(f"{escaped(name)} is set up.", icon=":material/check_circle:")
        with st.container(horizontal=True):
            permits.link("tenant", f"Open {escaped(name)}", {state_keys.TENANT: name})
            permits.link("imports", "Import data for it", {state_keys.TENANT: name})
    else:
        st.warning(f"{escaped(name)} is not set up yet: what is not done can be gone on with.",
                   icon=":material/pending:")  # fmt: skip
        _table(begun.steps)


def _known(preview: Preview) -> tuple[Step, ...]:
    """Return the steps, as they went where this very order was begun."""
    begun: Begun | None = st.session_state.get(state_keys.SETUP_STEPS)
    if begun is None or begun.order != preview.order:
        return preview.steps
    before = {(each.name, each.what): each for each in begun.steps if each.state.is_over}
    return tuple(before.get((each.name, each.what), each) for each in preview.steps)


def _near(preview: Preview) -> None:
    """Draw what is near; with whom a memory would be shared is said by the refusal."""
    others = preview.landing.others
    clashes.draw(
        each for each in preview.clashes
        if not (preview.refusal and others and each.kind is ClashKind.SHARED)
    )  # fmt: skip
    if others:
        with st.container(horizontal=True):
            for tenant in others[:_LINKS]:
                name = visible(str(tenant))
                permits.link("tenant", f"Open {escaped(name)}", {state_keys.TENANT: name})


def _nothing_near(preview: Preview) -> None:
    if not preview.unread:
        st.success("Nothing that is known, or guessed, has this name or one like it.",
                   icon=":material/check:")  # fmt: skip
        return
    names = few([WORDS[measure].title for measure in preview.unread], most=4)
    st.warning(f"Nothing near this name was found, but not all could be looked through: "
               f"{escaped(names)}.", icon=":material/cloud_off:")  # fmt: skip


def _table(steps: Sequence[Step]) -> None:
    rows = [
        {"Step": visible(" ".join(step_words(each)).strip()), "State": visible(_state(each))}
        for each in steps
    ]
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True,
             alt="The steps of setting the tenant up, and how far each is")  # fmt: skip
    waiting = next((each.request for each in steps if each.state is StepState.WAITING), "")
    if waiting:
        permits.link("approvals", "See the request", {state_keys.REQUEST: waiting})


def _state(step: Step) -> str:
    return step.state.value + ("" if step.problem is None else f": {step.problem}")


def _run(order: Order, done: tuple[Step, ...]) -> None:
    steps = run(done, partial(runtime.desk().setup.do, order))
    st.session_state[state_keys.SETUP_STEPS] = Begun(order, steps)
    with suppress(KatoTenantsError):  # it is done all the same
        runtime.desk().fleet.refresh()

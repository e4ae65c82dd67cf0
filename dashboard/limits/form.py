"""A limit as it is written: for whom, of what, how much; and what it would come to."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import permits, read, refusals, rule_keys, runtime
from dashboard.draw import cards
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, name_among, unseen
from dashboard.draw.limits import ICON, amount, label, source
from dashboard.limits import listing, tables
from services.access.viewer import Action, TenantPattern
from services.approvals.models import WHY
from services.cards.labels import LABEL
from services.cards.scope import Scope
from services.errors import LimitsError
from services.history.models import BYTES
from services.limits.models import QUANTITIES, Kept, Rule
from services.limits.preview import Changes
from services.limits.written import NO_LIMIT, most_of, scope_of
from services.usage.snapshot import Snapshot

EVERY, KIND, LABELLED, ONE = SCOPES = ("Every tenant", "A kind", "A label", "One tenant")
_SHOWN = 10


def draw(snapshot: Snapshot, kept: Sequence[Kept]) -> None:
    """Draw the form; a limit is set by a click, once it was seen what that comes to."""
    st.header("Set a limit")
    halves = st.grid(2, gap=("small", "large"), min_column_width=380)
    left, right = halves.cell(), halves.cell()
    with left:
        scope = _scope(snapshot)
        quantity = st.selectbox("Measure", QUANTITIES, key=rule_keys.LIMIT_MEASURE,
                                format_func=label, filter_mode="contains")  # fmt: skip
        typed = st.text_input(
            "Limit", key=rule_keys.LIMIT_MOST, live=True, placeholder=_example(quantity),
            help="A whole number; of sizes also as 5GB (1000³ bytes) or 5GiB (1024³). none says "
                 "that there is no limit, whatever wider ones say.",
        )  # fmt: skip
        asked = draw_status(Action.SET_LIMITS)
        why = st.text_input(WHY, asked.details.get(WHY, "") if asked else "", max_chars=300,
                            key=rule_keys.LIMIT_WHY, help="It stands beside the limit, and in "
                            "the audit log.")  # fmt: skip
    with right:
        rule = _rule(scope, quantity, typed)
        if rule is not None:
            _offer(rule, why or "", snapshot, kept)


def _scope(snapshot: Snapshot) -> Scope | None:
    names = read.sorted_names(snapshot)
    preset = name_among(st.query_params.get(rule_keys.LIMIT_TENANT, ""), names)
    if preset is not None:
        st.session_state.setdefault(rule_keys.LIMIT_SCOPE, ONE)
    chosen = st.segmented_control("For", SCOPES, default=EVERY if preset is None else None,
                                  key=rule_keys.LIMIT_SCOPE, required=True)  # fmt: skip
    if chosen == KIND:
        kinds = sorted(read.kinds(snapshot) | {*runtime.schemes().kinds()})  # fmt: skip
        kind = st.selectbox("Kind", kinds, key=rule_keys.LIMIT_KIND, filter_mode="contains")
        return None if kind is None else TenantPattern(kind, "*")
    if chosen == LABELLED:
        return _labelled()
    if chosen == ONE:
        name = st.selectbox(
            "Tenant", names, index=None if preset is None else names.index(preset),
            accept_new_options=True, filter_mode="contains", placeholder="tenant/acme",
            key=f"{rule_keys.LIMIT_TENANT}_name",
        )  # fmt: skip
        return _one(name)
    return TenantPattern("*", "*")


def _labelled() -> Scope | None:
    """Draw which label; one that no tenant has yet may be typed."""
    said = read.cards()
    name = st.selectbox(
        "Label", cards.labels_in((said or {}).values()), index=None, accept_new_options=True,
        key=rule_keys.LIMIT_LABEL, filter_mode="contains", placeholder="plan=gold",
    )  # fmt: skip
    return _one(f"{LABEL}{name}") if name else None


def _one(name: str | None) -> Scope | None:
    if not name:
        return None
    try:
        return scope_of(unseen(name))
    except LimitsError as exc:
        refusals.say(exc)
        return None


def _example(quantity: str) -> str:
    return "5GB" if quantity.endswith(BYTES) else "100000"


def _rule(scope: Scope | None, quantity: str, typed: str | None) -> Rule | None:
    if scope is None or not (typed or "").strip():
        st.caption("Say how much, to see who would be over or near.")
        return None
    try:
        return Rule(scope, quantity, most_of(typed or "", quantity))
    except LimitsError as exc:
        refusals.say(exc)
        return None


def _offer(rule: Rule, why: str, snapshot: Snapshot, kept: Sequence[Kept]) -> None:
    """Draw what a limit would come to, and the button that sets it."""
    found = runtime.desk().limits.preview(snapshot, Changes((rule,)))
    most = NO_LIMIT if rule.most is None else amount(rule.quantity, rule.most)
    st.markdown(f"**{escaped(label(rule.quantity))} of {escaped(source(rule.scope))}: "
                f"{escaped(most)}**")  # fmt: skip
    before = next((each.rule for each in kept if each.rule.key == rule.key), None)
    if before is not None and before != rule:
        was = NO_LIMIT if before.most is None else amount(before.quantity, before.most)
        st.caption(f"In place of {escaped(was)}.")
    if found.changes:
        st.markdown(escaped(tables.preview_words(found)))
        frame = tables.concerned_frame(found.standings)
        if len(frame):
            st.dataframe(frame.head(_SHOWN), hide_index=True, height="content",
                         alt="The tenants that would be over, near or unknown")  # fmt: skip
        if len(frame) > _SHOWN:
            st.caption(f"and {len(frame) - _SHOWN:,} more")
    else:
        st.caption("It is set so already.")
    permits.button("Set limit", Action.SET_LIMITS, type="primary", icon=ICON,
                   disabled=not found.changes, on_click=_set, args=(rule, why))  # fmt: skip


def _set(rule: Rule, why: str) -> None:
    if listing.change(Changes((rule,)), why):
        st.session_state[rule_keys.LIMIT_MOST] = ""

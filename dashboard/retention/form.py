"""A policy as it is written: for whom, of what, how much, when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from dashboard.app import permits, read, refusals, rule_keys, runtime
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, moment, unseen
from dashboard.retention import listing, tables
from services.access.viewer import Action
from services.approvals.models import WHY
from services.jobs.schedule import next_after
from services.retention.models import (
    EVERYBODYS,
    QUANTITIES,
    SPANS,
    Bound,
    Changes,
    Kept,
    Matter,
    Policy,
    RetentionError,
    bound_of,
    matter_of,
)
from services.retention.written import most_words, policy_of
from services.usage.snapshot import Snapshot

EVERY, KIND, LABEL, ONE = SCOPES = ("Every tenant", "A kind", "A label", "One tenant")

_HELP = {
    Matter.PREDICTIONS: "KATO writes one for each observation, with no TTL. Those that were used "
    "longest ago go first, as far as Redis tells that.",
    Matter.SESSIONS: "Sessions that were not used for longer are ended through KATO.",
    Matter.PATTERNS: "KATO 3.10.1 writes when a pattern was learnt first; one that it learns again "
    "it counts in Redis alone. A mutation rewrites parts of ClickHouse: plan first.",
    Matter.STREAMS: "Everybody's observations, which nothing tells apart: for every tenant, and "
    "for none while anybody is on legal hold.",
    Matter.CACHES: "They get this TTL where they have none, or a longer one.",
}


def draw(snapshot: Snapshot, kept: Sequence[Kept]) -> None:
    """Draw the form; a policy is set by a click. It does nothing before it is run, or due."""
    st.header("Set a policy")
    halves = st.grid(2, gap=("small", "large"), min_column_width=380)
    left, right = halves.cell(), halves.cell()
    with left:
        quantity = st.selectbox("Of", QUANTITIES, key=rule_keys.RETENTION_QUANTITY,
                                format_func=tables.label, filter_mode="contains")  # fmt: skip
        st.caption(_HELP[matter_of(quantity)])
        scope = _scope(snapshot, quantity)
        typed = st.text_input("Keep", key=rule_keys.RETENTION_KEEP, live=True,
                              placeholder=_example(quantity), help="all keeps everything, "
                              "whatever wider policies say.")  # fmt: skip
    with right:
        cron = st.text_input(
            "Runs by itself", key=rule_keys.RETENTION_CRON, live=True, placeholder="30 3 * * *",
            help="A cron expression: minute, hour, day, month, weekday. Empty: only by hand.",
        )  # fmt: skip
        zone = st.text_input("Time zone", "UTC", key=rule_keys.RETENTION_ZONE)
        asked = draw_status(Action.SET_RETENTION)
        why = st.text_input(WHY, asked.details.get(WHY, "") if asked else "", max_chars=300,
                            key=rule_keys.RETENTION_WHY)  # fmt: skip
        policy = _policy(scope, quantity, typed or "", (cron or "", zone or ""))
        if policy is not None:
            _offer(policy, why or "", kept)


def _scope(snapshot: Snapshot, quantity: str) -> str | None:
    if matter_of(quantity) in EVERYBODYS:
        return "*"
    chosen = st.segmented_control("For", SCOPES, default=EVERY, key=rule_keys.RETENTION_SCOPE,
                                  required=True)  # fmt: skip
    if chosen == KIND:
        kinds = sorted(read.kinds(snapshot) | {*runtime.schemes().kinds()})  # fmt: skip
        kind = st.selectbox("Kind", kinds, key=f"{rule_keys.RETENTION_NAME}_kind",
                            filter_mode="contains")  # fmt: skip
        return None if kind is None else f"{kind}/*"
    if chosen == LABEL:
        text = st.text_input("Label", key=f"{rule_keys.RETENTION_NAME}_label", live=True,
                             placeholder="plan=gold")  # fmt: skip
        return f"label:{text}" if text else None
    if chosen == ONE:
        names = read.sorted_names(snapshot)
        name = st.selectbox("Tenant", names, index=None, accept_new_options=True,
                            filter_mode="contains", placeholder="tenant/acme",
                            key=f"{rule_keys.RETENTION_NAME}_one")  # fmt: skip
        return unseen(name) if name else None
    return "*"


def _example(quantity: str) -> str:
    bound = bound_of(quantity)
    return "30d" if bound in SPANS else "500MB" if bound is Bound.BYTES else "10000"


def _policy(scope: str | None, quantity: str, typed: str, when: tuple[str, str]) -> Policy | None:
    if scope is None or not typed.strip():
        st.caption("Say for whom, and how much is kept.")
        return None
    try:
        return policy_of(scope, quantity, typed, *when)
    except RetentionError as exc:
        refusals.say(exc)
        return None


def _offer(policy: Policy, why: str, kept: Sequence[Kept]) -> None:
    before = next((each.policy for each in kept if each.policy.key == policy.key), None)
    st.markdown(f"**{tables.label(policy.quantity)} {escaped(most_words(policy))}**, of "
                f"{escaped(tables.whose(policy.scope))}")  # fmt: skip
    if before is not None and before != policy:
        st.caption(f"In place of {escaped(most_words(before))}.")
    if policy.schedule is not None:
        first = next_after(policy.schedule, datetime.now(UTC))
        st.caption(f"It runs first on {moment(first)}.")
    permits.button(
        "Set policy", Action.SET_RETENTION, type="primary", icon=":material/auto_delete:",
        disabled=before == policy, on_click=_set, args=(policy, why),
    )  # fmt: skip


def _set(policy: Policy, why: str) -> None:
    if listing.change(Changes((policy,)), why):
        st.session_state[rule_keys.RETENTION_KEEP] = ""

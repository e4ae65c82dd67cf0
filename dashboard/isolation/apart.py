"""A finding's kb_id that tenants share: taking it apart, how far that is, and what came of it."""

from __future__ import annotations

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys
from dashboard.draw import jobs, looks, plan_first
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, moment, visible
from dashboard.isolation import apart_tables as tables
from services.access.viewer import Action
from services.apart.formats import receipt_of
from services.apart.models import Apart, ApartRefused, Outcome, Plan, Receipt, Words
from services.apart.spoken import FIRST_SEEN, spoken, time_of
from services.isolation.models import Finding
from services.jobs.models import Job, JobState
from services.tenancy.kb_ids import TenantKey

ICON = ":material/call_split:"
_CODES = (
    "collision.shared-kb", "collision.live-sessions", "collision.about-to-be", "collision.hash",
)  # fmt: skip


def draw(finding: Finding) -> None:
    """Draw what concerns the one kb_id of a finding about tenants that share it."""
    if finding.code not in _CODES or len(finding.kb_ids) != 1:
        return
    (kb_id,) = finding.kb_ids
    refusals.draw(state_keys.APART_REFUSED, "Nothing was done")
    job = None if permits.why_not(Action.SEE_PURGES) else _newest(kb_id)
    if job is not None and job.state is not JobState.ENDED:
        kind = jobs.Kind(
            lambda: runtime.desk().apart, Action.APART, "Taking it apart", ICON, "apart",
            state_keys.APART_REFUSED, tables.STEPS,
        )  # fmt: skip
        jobs.draw(job, kind, jobs.on_or_up(
            kind, runtime.desk().apart.abandon,
            "Until everything was taken out. What was copied stays under the new name, and so do "
            "the sessions that go on there.",
        ))  # fmt: skip
        return
    if job is not None and job.outcome == Outcome.ABANDONED and job.receipt:
        st.info(f"It was given up {moment(job.ended_at)}. Sessions go on under new ids.")
        _draw_sessions(receipt_of(job.receipt))
    known = runtime.desk().apart.known(kb_id)
    if known is not None:
        _known(known)
    if not permits.why_not(Action.PLAN_APART, finding.tenants):
        _offer(kb_id, finding.tenants)


def _newest(kb_id: str) -> Job | None:
    jobs = runtime.desk().apart.jobs()
    return next((job for job in jobs if job.plan["kb_id"] == kb_id), None)


# --- taking it apart ---


def _offer(kb_id: str, tenants: tuple[TenantKey, ...]) -> None:
    """Draw what it is, what can be said, the plan where it was asked for, and what begins it."""
    with st.expander("Take apart…", icon=ICON, key=state_keys.of(state_keys.APART_OPEN, kb_id),
                     on_change="rerun") as offer:  # fmt: skip
        if not offer.open:
            return
        st.markdown("Each tenant gets a node_id of its own, and what can be told to be its own "
                    "goes there: its sessions, and of patterns those that nobody else can have "
                    "learnt. For that, say since when each wrote at all: KATO keeps nothing that "
                    "tells.")  # fmt: skip
        looked = runtime.desk().apart.planned(kb_id)
        before = looked[1][1] if looked is not None and looked[1] is not None else Words()
        for tenant in tenants:
            _say(tenant, before)
        plan = _planned(kb_id, tenants)
        if plan is None:
            return
        words = _words(tenants)
        _draw_plan(plan)
        draw_status(Action.APART, digest=plan.digest)
        plan_first.begin(
            plan_first.Button("Take apart now", Action.APART, tenants, "apart_begin", ICON),
            lambda reason: runtime.desk().apart.begin(
                kb_id, words, reason=reason, seen=plan.digest
            ),
            reason_key=state_keys.of(state_keys.APART_REASON, kb_id),
            refused=state_keys.APART_REFUSED, in_the_way=plan.obstacles,
        )  # fmt: skip


def _say(tenant: TenantKey, before: Words) -> None:
    """Draw what can be said of one tenant: as it was when it was planned, until it is otherwise."""
    name = visible(str(tenant))
    began = spoken(before.began[tenant]) if tenant in before.began else ""
    left, right = st.columns(2)
    left.text_input(
        f"{escaped(name)} wrote nothing before", began,
        placeholder=f"2026-01-31T12:00 or {FIRST_SEEN}",
        key=state_keys.of(state_keys.APART_BEGAN, tenant),
        help="Your word, in UTC. Empty: since ever, so that nothing can be told from it.",
    )  # fmt: skip
    right.text_input(
        f"{escaped(name)} is to name", before.names.get(tenant, ""), placeholder="as proposed",
        key=state_keys.of(state_keys.APART_NAME, tenant),
        help="The node_id that its clients use from then on.",
    )  # fmt: skip


def _words(tenants: tuple[TenantKey, ...]) -> Words:
    """Read what was said. Raises ApartRefused."""

    def said(key: str) -> dict[TenantKey, str]:
        found = {each: st.session_state.get(state_keys.of(key, each), "") for each in tenants}
        return {each: text.strip() for each, text in found.items() if text.strip()}

    began = {tenant: time_of(text) for tenant, text in said(state_keys.APART_BEGAN).items()}
    return Words(began, said(state_keys.APART_NAME))


def _planned(kb_id: str, tenants: tuple[TenantKey, ...]) -> Plan | None:
    """Draw the way to a plan, and return the newest, where that is of what is said now."""
    desk = runtime.desk().apart
    job = None if permits.why_not(Action.SEE_PURGES) else _newest(kb_id)
    planned = plan_first.newest(
        plan_first.Button("See what can be told apart", Action.PLAN_APART, tenants, "apart_plan"),
        looks.Looks(
            lambda: desk.planned(kb_id), lambda: desk.ask(kb_id, _words(tenants)),
            lambda: desk.stop_planning(kb_id), Action.PLAN_APART, "apart_planning",
            state_keys.APART_REFUSED,
        ),
        reads="the stores", begun=None if job is None else job.created_at,
    )  # fmt: skip
    if planned is None:
        return None
    if not _still_says(tenants, planned[1]):
        st.caption(":material/info: What is said above is not what was planned: look again.")
        return None
    return planned[0]


def _still_says(tenants: tuple[TenantKey, ...], words: Words) -> bool:
    """Whether a plan is of what is said now: it is begun as it was planned."""
    try:
        return _words(tenants) == words
    except ApartRefused:
        return False


def _draw_plan(plan: Plan) -> None:
    plan_first.draw_in_the_way(plan.obstacles)
    st.markdown("**What each is to name:**")
    st.dataframe(tables.shares_frame(plan.shares), hide_index=True, key="apart_shares",
                 alt="Who shares it, since when, and what each is to name")  # fmt: skip
    st.markdown("**What goes, and what stays:**")
    st.dataframe(tables.moved_frame(plan.goes, plan.stays), hide_index=True, key="apart_moved",
                 alt="What goes and what stays, and by what that is told")  # fmt: skip
    cost = tables.cost_words(plan.cost)
    st.caption(f"{cost} It is taken for granted that nobody else shares it, that KATO wrote "
               "every row there (none was restored or copied there with its old time), and that "
               "Redis has KATO's own counts (not those of rehydrate_redis.py or of an older "
               "backup). Clients have to name the new node_ids once it has ended: change them in "
               "the same hour.".strip())  # fmt: skip


# --- what came of it ---


def _known(apart: Apart) -> None:
    by = f" by {escaped(visible(apart.by))}" if apart.by else ""
    why = f": {escaped(visible(apart.reason))}" if apart.reason else ""
    with st.container(border=True):
        st.markdown(f"{ICON} **Taken apart** {moment(apart.at)}{by}{why}")
        st.table(tables.names_frame(apart), border="horizontal", hide_index=True,
                 alt="What clients have to name from now on")  # fmt: skip
        receipt = apart.receipt
        st.dataframe(tables.moved_frame(receipt.goes, receipt.stays), hide_index=True,
                     key="apart_done", alt="What went, and what stays shared")  # fmt: skip
        left = tables.left_words(receipt)
        if left:
            st.warning(f"{escaped(left)}.", icon=":material/group:")
        _draw_sessions(receipt)


def _draw_sessions(receipt: Receipt) -> None:
    if receipt.sessions:
        with st.expander("Sessions by their new ids"):
            st.table({escaped(visible(old)): escaped(visible(new))
                      for old, new in receipt.sessions.items()}, border="horizontal",
                     alt="Old and new ids of sessions")  # fmt: skip

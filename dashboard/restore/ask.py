"""As whom an archive is to come back, the plan of that, and the button that begins."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.app import current, permits, refusals, runtime, state_keys, unreadable
from dashboard.draw import jobs, looks
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import unseen, visible
from dashboard.restore import plan as plan_parts, tables
from services.access.viewer import Action
from services.approvals.models import REASON
from services.archive.models import Archive
from services.errors import KatoTenantsError, NamingError
from services.restore.models import Plan
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot

SAME, OTHER = AS = ("Under its own names", "As another tenant")
ICON = ":material/unarchive:"
_WHAT = ("Writes it back into the stores, over nothing that is there, and compares everything "
         "with it in the end.")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Asked:
    """An archive by its id or its file's address, and the stores that it is known to take."""

    which: str
    takes: frozenset[str] = frozenset()

    def key(self, name: str) -> str:
        return f"{name}_{visible(self.which)}"


def of_archive(archive: Archive, snapshot: Snapshot | None) -> None:
    """Draw the way to a restore of an archive that is whole, closed until it is asked for."""
    asked = _Asked(archive.id, tables.takes(archive))
    with st.expander("Restore…", icon=ICON, key=asked.key(state_keys.RESTORE_OPEN),
                     on_change="rerun") as opened:  # fmt: skip
        if opened.open:
            st.markdown(_WHAT)
            _draw(asked, snapshot, renames=archive.target.tenant is not None)


def by_address(snapshot: Snapshot | None) -> None:
    """Draw the way to a restore of a file that the records do not know, for who sees all."""
    if not runtime.desk().gate.viewer().sees_all:
        return
    with st.expander("Restore a file by its address…", icon=ICON, key=state_keys.RESTORE_OPEN,
                     on_change="rerun") as opened:  # fmt: skip
        if not opened.open:
            return
        st.markdown(f"{_WHAT} For an archive of another deployment, or one that was moved.")
        address = unseen(st.text_input(
            "Address of the file", key=state_keys.RESTORE_FILE, live=True,
            placeholder="s3://bucket/archives/acme.kato.tar",
        ).strip())  # fmt: skip
        if address and "/" not in address:
            st.caption("An address has a / in it.")
        elif address:
            _draw(_Asked(address), snapshot, renames=True)


def _draw(asked: _Asked, snapshot: Snapshot | None, *, renames: bool) -> None:
    named, complete = _named(asked) if renames else (None, True)
    plan = None
    with unreadable.said("The plan"):
        plan = _planned(asked, named, off=not complete)
    refusals.draw(state_keys.RESTORE_REFUSED, "Nothing was begun")
    if plan is not None:
        near = () if named is None else runtime.desk().restore.near(named, snapshot)
        plan_parts.draw(plan, near)
        _confirm(asked, plan)


def _named(asked: _Asked) -> tuple[TenantKey | None, bool]:
    """Return as whom it is to come back, None for the same, and whether that is said."""
    chosen = st.segmented_control(
        "As whom", AS, default=SAME, required=True, key=asked.key(state_keys.RESTORE_AS),
        label_visibility="collapsed", wrap=True,
    )  # fmt: skip
    if chosen != OTHER:
        return None, True
    typed = st.text_input("Tenant as which it comes back", placeholder="tenant/globex", live=True,
                          key=asked.key(state_keys.RESTORE_NAMED)).strip()  # fmt: skip
    if not typed:
        return None, False
    try:
        return TenantKey.parse(unseen(typed)), True
    except NamingError as exc:
        refusals.say(exc)
        return None, False


def _planned(asked: _Asked, named: TenantKey | None, *, off: bool) -> Plan | None:
    """Draw the way to a plan, and return the newest one that is known, whoever asked for it."""
    whose, desk = None if named is None else [named], runtime.desk().restore
    unseen_now = off or bool(permits.why_not(Action.PLAN_RESTORE, whose))
    plans = looks.Looks(
        lambda: None if unseen_now else desk.planned(asked.which, named),
        lambda: desk.ask(asked.which, named), lambda: desk.stop_planning(asked.which, named),
        Action.PLAN_RESTORE, "restore_plan", state_keys.RESTORE_REFUSED,
    )  # fmt: skip

    def button() -> None:
        permits.button(
            "Plan (changes nothing)", plans.action, icon=":material/fact_check:",
            tenants=whose, disabled=off, key=plans.key,
            tip="Reads all of the archive, proves every hash, and looks at the stores.",
            takes=asked.takes, on_click=jobs.do, args=(plans.ask, plans.refused),
        )  # fmt: skip

    look, plan = looks.newest(plans, button) or (None, None)
    if look is not None:
        looks.ended(look, "Planned" if plan else "Planning")
    return plan


def _confirm(asked: _Asked, plan: Plan) -> None:
    """Draw the reason and the button; what is planned anew has to be as it was shown."""
    request = draw_status(Action.RESTORE, digest=plan.digest)
    reason = st.text_input(
        "Reason or ticket", request.details.get(REASON, "") if request else "", live=True,
        key=asked.key(state_keys.RESTORE_REASON), max_chars=2_000,
    )  # fmt: skip
    permits.button(
        "Restore it", Action.RESTORE, tenants=plan.tenants or None, type="primary", icon=ICON,
        key="restore_begin", disabled=not plan.can_run or not reason.strip(),
        tip=None if reason.strip() else "Say why.", takes=asked.takes,
        on_click=_begin, args=(asked, plan, reason),
    )  # fmt: skip


def _begin(asked: _Asked, plan: Plan, reason: str) -> None:
    """Begin it, and open it; a refusal is said with the next drawing."""
    try:
        job = runtime.desk().restore.begin(asked.which, plan.named, reason=reason, seen=plan.digest)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.RESTORE_REFUSED, exc)
        return
    st.query_params.from_dict(current.addressed({state_keys.RESTORE: job.id}))

"""Removing an archive by hand: what goes, what stays, what it means, and the confirmation."""

from __future__ import annotations

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, few, markdown, size, visible
from dashboard.draw.jobs import do
from services.access.viewer import Action
from services.archive.models import Archive
from services.errors import KatoTenantsError
from services.tenancy.kb_ids import TenantKey

_NAMED = 20


def draw(archive: Archive) -> None:
    """Draw it for who may remove it, folded."""
    if permits.why_not(Action.REMOVE_ARCHIVE, _holders(archive)):
        return
    key = state_keys.of(state_keys.ARCHIVE_REMOVE_OPEN, archive.id)
    with st.expander("Remove this archive", icon=":material/delete:", key=key,
                     on_change="rerun") as section:  # fmt: skip
        if section.open:
            _offer(archive)


def _offer(archive: Archive) -> None:
    desk = runtime.desk().archives
    try:
        found = desk.removal(archive.id)
    except KatoTenantsError as exc:
        refusals.show(refusals.of(exc), "It cannot be removed now")
        return
    whose = escaped(few([visible(tenant) for tenant in archive.tenants], _NAMED))
    where = f" at {escaped(visible(archive.place))}" if archive.place else ""
    st.markdown(f"**Goes, for good:** the file {escaped(visible(archive.name))}{where}, "
                f"{size(archive.bytes)}, with the data of {whose or 'nobody'}.")  # fmt: skip
    st.markdown("**Stays:** that it existed, who removed it, when and why; the audit log.")
    if found.last_of:
        last = escaped(few([visible(str(tenant)) for tenant in found.last_of], _NAMED))
        st.warning(f"No other proven archive of {last} is known. Where the stores hold nothing of "
                   "it any more, as after a purge, this is the last copy.",
                   icon=":material/warning:")  # fmt: skip
    st.caption("Type the name of its file to confirm:")
    st.code(visible(archive.name), language=None)
    name_key = state_keys.of(state_keys.ARCHIVE_REMOVE_NAME, archive.id)
    reason_key = state_keys.of(state_keys.ARCHIVE_REMOVE_REASON, archive.id)
    typed = st.text_input("What is to be removed, exactly", live=True, key=name_key)
    reason = st.text_input("Reason or ticket", live=True, max_chars=2_000, key=reason_key)
    draw_status(Action.REMOVE_ARCHIVE, target=archive.name)
    ready = typed.strip() == archive.name and bool(reason.strip())
    permits.button(
        "Remove it for good", Action.REMOVE_ARCHIVE, tenants=_holders(archive),
        key="archive_remove", type="primary" if ready else "secondary", disabled=not ready,
        icon=":material/delete_forever:", tip=None if ready else "Type its name, and say why.",
        on_click=do,
        args=(lambda: desk.remove(archive.id, reason=reason), state_keys.ARCHIVE_REFUSED),
    )  # fmt: skip


def gone(archive: Archive) -> None:
    """Say that its file was deleted, and where a person did so, who, when and why."""
    said = "Its file was deleted."
    if archive.removed_at is not None:
        by, why = markdown(archive.removed_by), markdown(archive.removed_for)
        said = f"Its file was deleted by {by} on {archive.removed_at:%Y-%m-%d %H:%M} UTC: {why}"
    st.info(said, icon=":material/delete:")


def _holders(archive: Archive) -> tuple[TenantKey, ...]:
    """Return whose it is; of one of a user of all tenants nobody's, which is for who sees all."""
    return tuple(map(TenantKey.written, archive.tenants)) if archive.target.tenants else ()

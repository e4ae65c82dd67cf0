"""How each tenant is backed up, and a backup at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from dashboard.app import permits, read, refusals, rule_keys, runtime, state_keys
from dashboard.app.cache import cached, forget
from dashboard.backups import tables
from dashboard.draw import figures, unknown, usage_tables
from dashboard.draw.chosen import name_box, rows_table
from dashboard.draw.formatting import escaped, visible
from services.access.viewer import Action
from services.backups.models import Standing
from services.errors import KatoTenantsError
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot

_FEW = 15

READ_EVERY = 5.0
"""Seconds for which what was read is drawn to all who see the same."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Every tenant's standing, what went wrong first, with names and what is drawn of them."""

    rows: Sequence[Standing]
    names: Sequence[str]
    frame: pd.DataFrame
    summary: str


@cached(
    Action.SEE_FLEET,
    key=lambda snapshot: snapshot.collected_at,
    seconds=READ_EVERY,
    newest=True,
    any_role=True,
)
def read_now(snapshot: Snapshot) -> Rows:
    """Return how each tenant is backed up, read every few seconds: a large fleet takes long."""
    tenants = [each.tenant for each in snapshot.tenants]
    rows = tables.worst_first(runtime.desk().backups.standings(tenants))
    frame = tables.standings_frame(rows, datetime.now(UTC), _called()) if rows else pd.DataFrame()
    return Rows(rows, [visible(str(each.tenant)) for each in rows], frame, tables.summary(rows))


def changed() -> None:
    """Have it read anew: somebody has just begun a backup, or changed a rule."""
    forget(read_now)


def draw(found: Rows) -> None:
    """Draw one line a tenant, what went wrong first, and what begins a backup of the chosen one."""
    rows, names = found.rows, found.names
    refusals.draw(rule_keys.BACKUP_REFUSED, "No backup was begun")
    begun: str = st.session_state.pop(rule_keys.BACKUP_BEGUN, "")
    if begun:
        st.success(f"The backup of {escaped(begun)} began.", icon=":material/check:")
    if not rows:
        st.info("There is no tenant to back up.", icon=":material/inbox:")
        unknown.first_steps()
        return
    st.caption(f"{found.summary}.")
    named = name_box("Choose a tenant …", rows, names, key="backups_named")
    chosen = rows_table(
        found.frame, rows, names,
        key="backups", select="single-row", height="content" if len(rows) <= _FEW else "auto",
        alt="Every tenant: its newest proven archive, its age, problems, and when it is backed up",
        column_config={
            "Tenant": st.column_config.TextColumn(pinned=True, width="medium"),
            "Newest proven": figures.TIME, "Last run": figures.TIME, "Next": figures.TIME,
            "Size": st.column_config.NumberColumn(format="bytes"),
            "Problem": st.column_config.TextColumn(width="medium"),
            "Age": st.column_config.TextColumn(help="Of the newest proven archive of the whole "
                                               "tenant, also of one that was taken by hand"),
        },
        placeholder=usage_tables.NONE,
    )  # fmt: skip
    _deeds(chosen[0] if chosen else named)


def _called() -> dict[TenantKey, str]:
    """Return what people call tenants; nothing where the records do not answer."""
    return {tenant: card.name for tenant, card in (read.cards() or {}).items()}


def _deeds(chosen: Standing | None) -> None:
    """Draw what can be done with the chosen tenant; where none is, what to do for that."""
    tenant = None if chosen is None else chosen.tenant
    with st.container(horizontal=True, vertical_alignment="center"):
        permits.button(
            "Back up now", Action.BACK_UP, tenants=None if tenant is None else (tenant,),
            disabled=chosen is None or chosen.next_at is None, icon=":material/backup:",
            tip=_tip(chosen), on_click=_begin, args=(tenant,), key="backup_now",
        )  # fmt: skip
        if chosen is None:
            st.caption("Choose a tenant, in the table or by its name.")
            return
        name = visible(str(chosen.tenant))
        permits.link("tenant", escaped(name), {state_keys.TENANT: name})
        if chosen.next_at is None:
            permits.link("archive", "Archive it by hand…", {state_keys.TENANT: name})
        if chosen.newest is not None:
            query = {state_keys.ARCHIVE: chosen.newest.archive}
            permits.link("archive", "Its newest archive", query)
        if chosen.took is not None and chosen.problem:
            query = {state_keys.ARCHIVE: chosen.took.archive}
            permits.link("archive", "The one that failed", query)


def _tip(chosen: Standing | None) -> str | None:
    if chosen is None:
        return "Choose a tenant in the table"
    return "No rule has it backed up: set one below" if chosen.next_at is None else None


def _begin(tenant: TenantKey) -> None:
    """Begin one; what came of it is said with the next drawing."""
    try:
        run = runtime.desk().backups.begin_now(tenant)
    except KatoTenantsError as exc:
        refusals.keep(rule_keys.BACKUP_REFUSED, exc)
        return
    changed()
    if not run.problem:
        st.session_state[rule_keys.BACKUP_BEGUN] = visible(str(tenant))

"""Archives so far, and what a tenant's page says of its newest proven one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import navigation, permits, runtime, state_keys
from dashboard.archive import tables
from dashboard.draw import figures, usage_tables
from dashboard.draw.chosen import rows_table
from dashboard.draw.formatting import age, escaped, size, visible
from services.archive.models import Archive
from services.tenancy.kb_ids import TenantKey

FEW = 10


def draw(archives: Sequence[Archive]) -> None:
    """Draw the newest archives, each with a button that opens it."""
    st.header("Archives so far")
    if not archives:
        st.caption("None yet.")
        return
    rows_table(
        tables.archives_frame(archives), archives, [each.id for each in archives],
        key="archives", opened=lambda each: open_archive(each.id),
        height="content" if len(archives) <= FEW else "auto",
        alt="Archives, the newest first: of whom, when, state, size, when proven, why and by whom",
        column_config={
            "Of": st.column_config.TextColumn(pinned=True, width="medium"),
            "Taken": figures.TIME, "Last proven": figures.TIME,
            "Size": st.column_config.NumberColumn(format="bytes"),
        },
        placeholder=usage_tables.NONE,
    )  # fmt: skip


def open_archive(archive_id: str) -> None:
    """Go to one archive."""
    navigation.go("archive", {state_keys.ARCHIVE: archive_id})


def tenant_note(tenant: TenantKey, *, is_there: bool = True) -> None:
    """Say on a tenant's page which its newest proven archive is, and lead to taking one.

    Of one of which the stores have nothing none can be taken.
    """
    found = runtime.desk().archives.newest_proven([tenant]).get(tenant)
    if found is None and not is_there:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if found is None:
            st.caption(":material/archive: No proven archive of it is known.", width="stretch")
            permits.link("archive", "Archive…", {state_keys.TENANT: visible(str(tenant))})
            return
        whose = str(found.target)
        of = "" if whose == str(tenant) else f", of {escaped(visible(whose))}"
        st.caption(
            f":material/archive: Newest proven archive: taken {age(found.created_at)}, "
            f"{size(found.bytes)}, proven {age(found.proven_at)}{of}", width="stretch",
        )  # fmt: skip
        permits.link("archive", "See it", {state_keys.ARCHIVE: found.id})

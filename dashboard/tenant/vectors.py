"""The vectors of one tenant: its collections, their points, and the nearest to one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import runtime, state_keys
from dashboard.draw import unknown, usage_tables
from dashboard.draw.downloads import Whose, concerned, download
from dashboard.draw.formatting import escaped, markdown, plural, visible
from dashboard.draw.paging import Trail, trail_of
from dashboard.tenant import read, tables
from services.browse.models import Holding, Point, Scope, SpaceFacts
from services.browse.pasted_vector import read_point_id, read_vector
from services.errors import NotThisTenants, VectorError

PER_PAGE = 50
NEAREST = (10, 25, 100)

_POINT_COLUMNS = {
    "Score": st.column_config.NumberColumn(
        format="%.4f", help="As the collection's distance has it: for Euclid the lower the nearer"
    )
}


_COLUMNS = {
    "Points": st.column_config.NumberColumn(format="localized", help="Only this tenant's"),
    "Indexed": st.column_config.NumberColumn(
        format="localized", help="Vectors in the collection's index; few are searched one by one"
    ),
}

Found = tuple[SpaceFacts, Holding]


def draw(scope: Scope) -> None:
    """Draw the section. Raises StoreError and NotThisTenants."""
    found = read.spaces(scope)
    if not found:
        unknown.nothing("No vectors.", read.snapshot(), icon=":material/scatter_plot:",
                        what="whether it has vectors")  # fmt: skip
        return
    frame = tables.spaces_frame(found)
    unknown.dashes(frame, frame.columns)
    st.dataframe(
        frame, key="spaces", alt="Collections of this tenant", hide_index=True, height="content",
        placeholder=usage_tables.NONE, column_config=_COLUMNS,
    )  # fmt: skip
    download(frame, "collections", tenants=concerned(scope))
    chosen = _choose(scope, found)
    _browse(scope, chosen)
    _nearest(scope, chosen)


def _choose(scope: Scope, found: Sequence[Found]) -> SpaceFacts:
    by_name = {facts.space.collection: (facts, holding) for facts, holding in found}
    name = st.selectbox(
        "Collection",
        list(by_name),
        key=state_keys.of("vectors_in", scope.tenant),
        format_func=visible,
        filter_mode="contains",
    )
    facts, holding = by_name.get(name, found[0])
    if holding.shared_with:
        others = escaped(tables.shared_words(holding))
        st.warning(f"Shared with {others}: nothing stored says which points are whose.",
                   icon=":material/group_work:")  # fmt: skip
    return facts


def _browse(scope: Scope, facts: SpaceFacts) -> None:
    trail: Trail[int | str] = trail_of(state_keys.POINT_TRAIL, facts.space)
    page = read.points(scope, facts.space, after=trail.at, limit=PER_PAGE)
    draw_points(page.points, "points", alt="Points with their payloads",
                tenants=concerned(scope))  # fmt: skip
    trail.turn("points", page.next, f"{plural(facts.points, 'point')} of this tenant here.")


def _nearest(scope: Scope, facts: SpaceFacts) -> None:
    st.markdown("**Nearest points**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = st.segmented_control(
            "Nearest to", ["a point", "a vector"], default="a point", required=True,
            key="nearest_by",
        )  # fmt: skip
        limit = st.selectbox(
            "How many", NEAREST, key="nearest_limit", width=110, filter_mode="contains"
        )
        using = None
        if facts.vector_names:
            using = st.selectbox(
                "Vector", facts.vector_names, key="nearest_using", width=180, filter_mode="contains"
            )
    label = "Its id" if by == "a point" else "Its numbers"
    typed = st.text_area(
        label,
        key=state_keys.of("nearest_typed", scope.tenant),
        height=68,
        placeholder=_hint(by, facts),
    )
    if typed.strip():
        _search(scope, facts, typed, by=by, using=using, limit=limit)


def _hint(by: str, facts: SpaceFacts) -> str:
    if by == "a point":
        return "A whole number or a UUID, as in the table above"
    return f"[0.1, 0.2, …], {facts.size or 'as many as the collection has'} numbers"


def _search(
    scope: Scope, facts: SpaceFacts, typed: str, *, by: str, using: str | None, limit: int
) -> None:
    service = runtime.desk().inspection
    try:
        if by == "a point":
            point = read_point_id(typed)
            found = service.nearest_to_point(scope, facts.space, point, using=using, limit=limit)
        else:
            vector = read_vector(typed, size=facts.size)
            found = service.nearest_to_vector(scope, facts.space, vector, using=using, limit=limit)
    except (VectorError, NotThisTenants) as exc:
        st.error(markdown(str(exc)[:1].upper() + str(exc)[1:]), icon=":material/block:")
        return
    draw_points(found, "nearest", alt="The nearest points, the nearest first",
                tenants=concerned(scope))  # fmt: skip


def draw_points(points: Sequence[Point], key: str, *, alt: str, tenants: Whose) -> None:
    """Draw points of these tenants with their payloads, or that there are none."""
    if not points:
        st.caption("No such points.")
        return
    frame = tables.points_frame(points)
    st.dataframe(frame, key=key, alt=alt, hide_index=True, column_config=_POINT_COLUMNS)
    download(frame, key, tenants=tenants)

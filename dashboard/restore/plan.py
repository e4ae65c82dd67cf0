"""What a restore would do: part by part, and what stands in its way."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import permits, runtime, unreadable
from dashboard.draw import clashes, unknown, usage_tables
from dashboard.draw.formatting import escaped, few, markdown, moment, plural, visible
from dashboard.restore import tables
from services.purge.job import Tombstone
from services.restore.models import Plan
from services.setup.models import Clash

COLUMNS = {
    "Into": st.column_config.TextColumn(width="medium"),
    "Part": st.column_config.TextColumn(width="large"),
} | {name: st.column_config.NumberColumn(format="localized") for name in tables.COUNTS}


def draw(plan: Plan, near: Sequence[Clash] = ()) -> None:
    """Draw a plan; `near` is what stands near the name as which it is to come back."""
    for text in tables.obstacles(plan):
        st.error(markdown(permits.sentence(text)), icon=":material/block:")
    clashes.draw(near)
    if plan.named is None and plan.held:
        st.warning(f"Others have these names too, and would share what comes back: "
                   f"{escaped(tables.held_words(plan))}.", icon=":material/group:")  # fmt: skip
    held = tables.hold_words(plan.holds)
    if held:
        st.info(f"It was on legal hold when it was archived, and will be again: {escaped(held)}.",
                icon=":material/gavel:")  # fmt: skip
    with unreadable.said("Whether it was erased"):
        _erased(runtime.desk().purge.tombstones(plan.kb_ids))
    _parts(plan)
    for text in _notes(plan):
        st.caption(text)


def _erased(stones: Sequence[Tombstone]) -> None:
    if stones:
        last = max(stones, key=lambda stone: stone.erased_at)
        names = escaped(few([visible(stone.kb_id) for stone in stones]))
        st.warning(f"A purge erased this on {moment(last.erased_at)}, and it would be back: "
                   f"{names}.", icon=":material/history:")  # fmt: skip


def _parts(plan: Plan) -> None:
    frame = tables.plan_frame(plan)
    unknown.dashes(frame, [tables.THERE], "Of own records it is found when they are written.")
    st.dataframe(
        frame, hide_index=True, key="restore_parts", column_config=COLUMNS,
        placeholder=usage_tables.NONE,
        alt="Each part: where it goes, how much of it is in the archive, and there already",
    )  # fmt: skip


def _notes(plan: Plan) -> list[str]:
    there = sum(each.there or 0 for each in plan.parts)
    ending = plural(plan.field_ends_lost, "hash", "hashes")
    found = [
        *(f"{text}." for text in tables.left_out_words(plan.parts)),
        "What the card says it is called and whom to write to is not copied: it is another tenant."
        if plan.named is not None else "",
        f"{plural(there, 'entry', 'entries')} of it are there already, and stay as they are."
        if there else "",
        f"This server lets no fields of hashes end: of {ending} they would stay."
        if plan.field_ends_lost else "",
        f"The archive was taken {moment(plan.taken_at)}.",
        f"{plural(plan.changed, 'thing')} changed while it was taken." if plan.changed else "",
        f"It left out {plural(plan.left_out, 'kb_id')}." if plan.left_out else "",
    ]  # fmt: skip
    return [text for text in found if text]

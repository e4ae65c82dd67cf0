"""What was erased of what is looked for: it says so, whether or not any of it is there again."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import permits, runtime, state_keys, unreadable
from dashboard.draw.formatting import escaped
from dashboard.find import tables
from services.access.viewer import Action
from services.errors import StoreError
from services.find.models import Answer
from services.purge.job import Tombstone

_LINKS = 3


def draw(answer: Answer) -> tables.Erasures:
    """Say when what was looked for was erased; return the tombstones by their kb_id."""
    named = {match.place.name for match in answer.matches if match.place and match.place.is_kb}
    purge = runtime.desk().purge
    try:
        stones = (*purge.tombstones(named), *purge.erased_as(answer.question.typed.strip()))
    except StoreError as exc:
        unreadable.draw("Whether any of it was erased", exc)
        return {}
    erased = tables.erasures(stones)
    if erased:
        words = tables.erased_words(erased.values())
        st.warning(f"{escaped(words)}.", icon=":material/history:")
        _links(tuple(erased.values()))
    return erased


def _links(stones: Sequence[Tombstone]) -> None:
    """Lead to the receipts, newest first, where they may be seen."""
    if permits.why_not(Action.SEE_PURGES):
        return
    newest = sorted(stones, key=lambda stone: stone.erased_at, reverse=True)
    with st.container(horizontal=True):
        for job in list(dict.fromkeys(stone.job_id for stone in newest))[:_LINKS]:
            permits.link("purge", f"Receipt of purge {escaped(job)}", {state_keys.JOB: job})

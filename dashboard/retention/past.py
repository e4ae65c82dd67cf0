"""What policies would have come to in the last 90 days."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.app import read, rule_keys, runtime, unreadable
from dashboard.draw.formatting import escaped, number, size, unseen, visible
from dashboard.retention import tables
from services.retention.models import Bound, Kept, bound_of
from services.retention.simulate import DAYS, Sense, Simulated
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot


@unreadable.calmly()
def draw(snapshot: Snapshot, kept: Sequence[Kept]) -> None:
    """Draw it for one tenant, closed until somebody opens it."""
    if not any(each.policy.most is not None for each in kept):
        return
    section = st.expander(f"The last {DAYS} days, as policies would have had them",
                          icon=":material/history:", on_change="rerun",
                          key=f"{rule_keys.RETENTION_TENANT}_open")  # fmt: skip
    if not section.open:
        return
    with section:
        st.caption("By usage over time, which knows how many there were and not when each was "
                   "written: of a bound by number or bytes how many would have gone at least, "
                   "of one by time how many at most.")  # fmt: skip
        names = read.sorted_names(snapshot)
        name = st.selectbox("Tenant", names, index=None, key=rule_keys.RETENTION_TENANT,
                            filter_mode="contains", placeholder="tenant/acme")  # fmt: skip
        if name:
            tenant = TenantKey.written(unseen(name))
            found = runtime.desk().retention.simulate([tenant])
            if not found:
                st.caption("No policy of predictions, sessions or patterns holds for it.")
            for each in found:
                _one(each)


def _one(each: Simulated) -> None:
    st.markdown(f"**{tables.label(each.quantity)}**, by the policy of "
                f"{escaped(visible(str(each.source)))}")  # fmt: skip
    if each.sense is Sense.UNKNOWN:
        st.caption(f"Unknown: {escaped(each.reason)}.")
        return
    known = [day for day in each.days if day.gone is not None and day.there is not None]
    last = known[-1]
    write = size if bound_of(each.quantity) is Bound.BYTES else number
    st.caption(f"On {last.day:%Y-%m-%d} {each.sense.value} {write(last.gone)} of "
               f"{write(last.there)}.")  # fmt: skip
    stays = [(day.there or 0) - (day.gone or 0) for day in known]
    word = "Would have stayed, " + ("at most" if each.sense is Sense.AT_LEAST else "at least")
    frame = pd.DataFrame(
        {"There": [day.there for day in known], word: stays},
        index=pd.DatetimeIndex([day.day for day in known], name="Day"),
    )  # fmt: skip
    st.line_chart(frame, height=220, alt="How many there were, and would have been, day by day")

"""Where tenants stand to their limits, as words and columns of tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.app import state_keys
from dashboard.draw.formatting import escaped, few, number, plural, size, visible
from dashboard.draw.measures import OVER_TIME
from dashboard.draw.notices import Level, Notice
from dashboard.draw.usage_tables import NONE
from services.access.viewer import TenantPattern
from services.cards.scope import LabelScope, Scope
from services.history.models import BYTES
from services.limits.models import Standing, Standings, State
from services.limits.written import state_words
from services.tenancy.kb_ids import TenantKey

LIMIT, STATE = "Of limit", "State"
"""The columns of a tenant's limits: how full the fullest is, and where it stands to the gravest."""

ICON = ":material/speed:"
UNKNOWN = "Who is over a limit is unknown: this product's own records did not answer."
SHOWN = (State.OVER, State.NEAR, State.UNKNOWN)
"""What asks for attention."""

_COLORS = {State.OVER: "red", State.NEAR: "orange"}
_LABELS = {column.quantity: name for name, column in OVER_TIME.items()}
_SIZES = {"vectors_bytes": "Vector size", "sessions_bytes": "Session memory"}


def columns(frame: pd.DataFrame) -> dict[str, Any]:
    """Return how a table draws the columns of limits that it has."""
    drawn = {
        LIMIT: st.column_config.ProgressColumn(
            format="percent", min_value=0, max_value=1, width=112,
            help="How full the fullest of its limits is, of those where that is known",
        ),
        STATE: st.column_config.TextColumn(
            width=150, help="Where it stands to the limit that asks most for attention"
        ),
    }  # fmt: skip
    return {name: column for name, column in drawn.items() if name in frame}


def label(quantity: str) -> str:
    """Return what a quantity is called on pages: as its column, where it has one."""
    name = _LABELS.get(quantity) or _SIZES.get(quantity)
    return name or f"{quantity.partition(':')[2].capitalize()} keys"


def amount(quantity: str, count: int) -> str:
    """Write so much of a quantity."""
    return size(count) if quantity.endswith(BYTES) else number(count)


def used(standing: Standing) -> str:
    """Write how much is used, as well as that is known."""
    if standing.used is None:
        return "unknown"
    figure, quantity = standing.used, standing.quantity
    least = "at least " if standing.at_least else ""
    margin = f" ± {amount(quantity, figure.margin)}" if figure.margin else ""
    return f"{least}{'≈ ' if margin else ''}{amount(quantity, figure.value)}{margin}"


def words(standing: Standing) -> str:
    """Say how much of a limit is used, and what that limit is set for; visible."""
    most, whose = amount(standing.quantity, standing.most), of_whom(standing.source)
    return f"{label(standing.quantity)}: {used(standing)} of {most} ({whose})"


def source(scope: Scope) -> str:
    """Say whom a limit is set for; visible."""
    if isinstance(scope, LabelScope):
        return f"label {visible(str(scope.label))}"
    return "every tenant" if scope.kind == "*" else visible(str(scope))


def of_whom(scope: Scope) -> str:
    """Say of the limit of a tenant that is named beside whom it is set for; visible."""
    one = isinstance(scope, TenantPattern) and scope.id != "*"
    return "its own limit" if one else f"limit for {source(scope)}"


def state(standing: Standing | None) -> str:
    """Say a tenant's state and of what, in a cell."""
    if standing is None:
        return ""
    return f"{state_words(standing)}: {label(standing.quantity)}"


def with_limits(
    frame: pd.DataFrame, tenants: Sequence[TenantKey], standings: Standings
) -> pd.DataFrame:
    """Return tenants' rows, which are these tenants, with the gravest limit of each."""
    found = frame.copy(deep=False)
    found[LIMIT] = pd.Series(map(_fullest, map(standings.of, tenants)), frame.index, "Float64")
    found[STATE] = [state(standings.worst(tenant)) for tenant in tenants]
    return found


def _fullest(mine: Iterable[Standing]) -> float | None:
    shares = [share for each in mine if (share := each.share) is not None]
    return round(max(shares), 3) if shares else None


def among(
    frame: pd.DataFrame, states: Collection[str], standings: Standings
) -> pd.DataFrame:  # fmt: skip
    """Return the rows of the tenants of whom one of these states is the gravest."""
    names = {
        visible(str(tenant)) for each in states for tenant in standings.tenants(State(each))
    }  # fmt: skip
    return frame[frame["Tenant"].isin(names)]


def notices(standings: Standings | None) -> Iterator[Notice]:
    """Yield what needs attention, each with the way to the tenants."""
    if standings is None:
        yield Notice(Level.WARNING, UNKNOWN, "system")
        return
    for state, level in ((State.OVER, Level.WARNING), (State.NEAR, Level.INFO)):
        tenants = standings.tenants(state)
        if tenants:
            names = few([visible(str(tenant)) for tenant in tenants])
            verb = "is" if len(tenants) == 1 else "are"
            text = f"{plural(len(tenants), 'tenant')} {verb} {state.value} a limit: {names}."
            yield Notice(level, text, "tenants", {state_keys.LIMITS: [state.value]})


def draw_head(standings: Standings | None, tenant: TenantKey) -> None:
    """Draw over which limits a tenant is, and near which; nothing where there is none."""
    if standings is None:
        st.caption(f":material/cloud_off: {UNKNOWN}")
        return
    mine = standings.of(tenant)
    over, near = (_told(mine, state) for state in (State.OVER, State.NEAR))
    if over:
        st.warning(f"**Over a limit.** {over}.", icon=ICON)
    if near:
        st.info(f"**Near a limit.** {near}.", icon=ICON)


def draw_line(mine: Sequence[Standing]) -> None:
    """Draw the same in a line beside other things."""
    for state, color in _COLORS.items():
        if told := _told(mine, state):
            st.markdown(f":{color}[{ICON}] {state.value.capitalize()} a limit. {told}.")


def _told(mine: Iterable[Standing], state: State) -> str:
    return "; ".join(escaped(words(each)) for each in mine if each.shown is state)


ONE = ("Measure", "Used", "Limit", "State", "Share", "Since", "Limit for")


ONE_COLUMNS: dict[str, Any] = {
    "Share": st.column_config.ProgressColumn(
        format="percent",
        min_value=0,
        max_value=1,
        width=140,
        help="How much of the limit is used",
    ),
    "Since": st.column_config.DatetimeColumn(
        format="YYYY-MM-DD HH:mm:ss", timezone="UTC", help="In UTC: when it was first seen so"
    ),
    "Limit for": st.column_config.TextColumn(
        help="Whom the limit is set for: org/* is every one of a kind, label … who has it"
    ),
}
"""How a table of one tenant's limits is drawn."""


def standings_frame(standings: Iterable[Standing]) -> pd.DataFrame:
    """Return one row a limit of one tenant, the gravest first."""
    rows = [
        {
            "Measure": label(each.quantity),
            "Used": used(each) if each.used is not None else NONE,
            "Limit": amount(each.quantity, each.most),
            "State": state_words(each),
            "Share": None if each.share is None else round(each.share, 3),
            "Since": each.since,
            "Limit for": source(each.source),
        }
        for each in standings
    ]
    frame = pd.DataFrame(rows, columns=list(ONE))
    frame["Share"] = frame["Share"].astype("Float64")
    frame["Since"] = pd.to_datetime(frame["Since"], utc=True)
    return frame

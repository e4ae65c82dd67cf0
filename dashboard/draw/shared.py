"""What several tenants write says so where it stands, with the finding that explains it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import streamlit as st

from dashboard.app import permits, read, runtime, state_keys
from dashboard.draw import taken_apart
from dashboard.draw.formatting import escaped, plural, short, visible
from services.isolation.models import Report
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState, Ownership

MOST = 3
"""Most kb_ids that are said one by one."""

_NODES = 3


@dataclass(frozen=True, slots=True)
class Holders:
    """Who else holds a kb_id: each tenant with the node_ids of it that were seen there.

    `hidden` is whether others do who are not in the viewer's scope, `also` whether it is said on a
    page about one who does.
    """

    others: Mapping[TenantKey, tuple[str, ...]]
    hidden: bool = False
    also: bool = True

    @property
    def words(self) -> str:
        """Say who it is; a tenant of whom no node_id was seen there is only thought to."""
        seen = {tenant: nodes for tenant, nodes in self.others.items() if nodes}
        thought = [visible(str(tenant)) for tenant in self.others if tenant not in seen]
        parts, first = list[str](), "Also written" if self.also else "Written"
        if seen:
            names = [f"{visible(str(t))} ({_few(nodes)})" for t, nodes in seen.items()]
            parts.append(f"{first} by {' and '.join(names)}")
        if thought:
            begin = "perhaps also" if parts else f"Perhaps {first[0].lower()}{first[1:]}"
            parts.append(f"{begin} by {' and '.join(thought)}, whose name fits it")
        if self.hidden:
            parts.append("also written by tenants out of your scope" if parts else
                         "Also written by tenants out of your scope")  # fmt: skip
        return f"{'; '.join(parts)}."


def _few(nodes: tuple[str, ...]) -> str:
    more = len(nodes) - _NODES
    shown = ", ".join(short(node, 80) for node in nodes[:_NODES])
    return f"{shown} and {more:,} more" if more > 0 else shown


def holders(kb_id: str, own: TenantKey | None, ownership: Ownership) -> Holders | None:
    """Return who else than `own` holds a kb_id; None where nobody does. Pure."""
    claim = ownership.kb(kb_id)
    if claim.state is not ClaimState.SHARED:
        return None
    nodes = ownership.nodes_by_kb.get(kb_id, ())
    others = {
        tenant: tuple(node for node in nodes if ownership.tenant_of(node) == tenant)
        for tenant in claim.tenants
        if tenant != own
    }
    return Holders(others, hidden=not claim.tenants, also=own is not None)


def finding_of(report: Report | None, kb_id: str) -> str:
    """Return the id of the gravest finding about several tenants on a kb_id, or nothing. Pure."""
    found = [
        record.finding
        for record in (report.records if report else ())
        if record.resolved_at is None
        and kb_id in record.finding.kb_ids
        and len(record.finding.tenants) > 1
    ]
    gravest = min(found, key=lambda finding: finding.severity.rank, default=None)
    return gravest.id if gravest else ""


def finding_link(kb_id: str) -> None:
    """Draw a link to the finding about a kb_id that tenants share, where there is one."""
    id_ = finding_of(runtime.desk().isolation.report_or_none(), kb_id)
    if id_:
        permits.link("isolation", "The finding", {state_keys.FINDING: id_})


def say(kb_id: str, own: TenantKey | None, effect: str, *, named: bool = False) -> bool:
    """Draw who else writes a kb_id, and what comes of it; return whether anybody does.

    With `named` it says which kb_id. Raises StoreError.
    """
    found = holders(kb_id, own, read.ownership())
    if found is None:
        return False
    name = f"{escaped(short(kb_id))}: " if named else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(f"{name}{escaped(found.words)} {escaped(effect)}", icon=":material/group_work:",
                   width="stretch")  # fmt: skip
        finding_link(kb_id)
    taken_apart.say(kb_id, own)
    return True


def say_each(kb_ids: Collection[str], own: TenantKey | None, effect: str) -> None:
    """Draw the same of several kb_ids, the first ones by name. Raises StoreError."""
    for kb_id in sorted(kb_ids)[:MOST]:
        say(kb_id, own, effect, named=True)
    more = len(kb_ids) - MOST
    if more > 0:
        st.caption(f"So {'is' if more == 1 else 'are'} {plural(more, 'more kb_id')}.")

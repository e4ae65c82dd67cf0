"""What the Purge page says of plans: table rows and texts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

import pandas as pd

from dashboard.draw.formatting import UNKNOWN, number, size, unseen, visible
from dashboard.draw.measures import WORDS
from services.errors import NamingError
from services.figures import Measure
from services.purge.job import Outcome
from services.purge.models import Item, LeftKind, LeftOut, Plan, Request
from services.tenancy.claims import CLAIM_WORDS, ClaimState
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot

COUNTED = tuple(measure for measure in Measure if measure is not Measure.SESSIONS)
"""What is counted of a kb_id that is left out; its sessions are told apart by their node_ids."""

OUTCOME_WORDS = {
    Outcome.ERASED: "erased", Outcome.ERASED_EXCEPT: "erased, except what was left out",
    Outcome.PARTIAL: "partly erased", Outcome.UNKNOWN: UNKNOWN,
}  # fmt: skip


LEFT_WORDS = {
    LeftKind.SHARED: CLAIM_WORDS[ClaimState.SHARED],
    LeftKind.INFERRED: CLAIM_WORDS[ClaimState.INFERRED],
    LeftKind.NOT_ERASABLE: "not erasable",
}


def tenants_of(snapshot: Snapshot, ownership: Ownership, asked: str) -> Mapping[str, TenantKey]:
    """Return every tenant that has data or of which a node_id was seen, by its visible name.

    And the one that the address asks for, as `visible`: it may have gone, or not been read yet.
    """
    found = {usage.tenant for usage in snapshot.tenants} | ownership.tenants
    named = ((visible(str(tenant)), tenant) for tenant in found)
    return with_asked(dict(sorted(named)), asked)


def with_asked(named: Mapping[str, TenantKey], asked: str) -> Mapping[str, TenantKey]:
    """Return tenants by their visible names, with the one that the address asks for among them."""
    with suppress(NamingError):
        tenant = TenantKey.parse(unseen(asked))
        if visible(str(tenant)) not in named:
            return dict(sorted({**named, visible(str(tenant)): tenant}.items()))
    return named


def nodes_of(tenant: TenantKey, snapshot: Snapshot, ownership: Ownership) -> dict[str, str]:
    """Return a tenant's node_ids, and its kb_ids without one, by their visible names."""
    usage = snapshot.tenant(tenant)
    parts = [part for part in usage.parts if part.is_kb] if usage else []
    names = {node for node in ownership.nodes if ownership.tenant_of(node) == tenant}
    names |= {part.name for part in parts if not part.nodes}
    return {visible(name): name for name in sorted(names)}


def takes(request: Request) -> frozenset[str]:
    """Return the stores that have to answer for a purge, as they are called."""
    return frozenset(WORDS[store].store for store in request.stores)


def total_words(plan: Plan, store: Measure) -> tuple[str, str]:
    """Return how much of a store would go, and how many bytes, or why that is not known."""
    if store in plan.problems:
        return UNKNOWN, "did not answer"
    if store in plan.absent:
        return "none", "not configured"
    if store not in plan.request.stores:
        return "none", "not chosen"
    return number(plan.total(store)), _bytes_words(plan.counted(store))


def _bytes_words(items: Iterable[Item]) -> str:
    sizes = [item.bytes for item in items]
    known = [one for one in sizes if one is not None]
    if not known:
        return "size not available" if sizes else "nothing found"
    return ("at least " if len(known) < len(sizes) else "") + size(sum(known))


def called(plan: Plan) -> str:
    """Say whose data a plan erases, in words: of a user of all tenants, in how many that is."""
    target = plan.request.target
    everywhere = target.user is not None and target.tenant is None
    return plan.confirmation if everywhere else str(target)


def by_tenant(plan: Plan) -> dict[str, tuple[Item, ...]]:
    """Return what would go of each tenant; what is not told whose it is stands for itself."""
    found: dict[str, list[Item]] = {}
    for item in plan.items:
        found.setdefault(plan.whose.get(item.owner, item.owner), []).append(item)
    return {tenant: tuple(found[tenant]) for tenant in sorted(found)}


def entries(plan: Plan) -> int:
    """Return how many rows, keys, points and sessions would go."""
    return sum(map(plan.total, Measure))


def items_frame(items: Iterable[Item]) -> pd.DataFrame:
    """Return one row for each thing that would go."""
    rows = [
        (
            WORDS[item.store].rows, visible(item.owner), visible(item.kind), item.count,
            item.bytes, visible(item.how),
        )
        for item in items
    ]  # fmt: skip
    columns = ["Store", "Owner", "What", "Count", "Size", "How"]
    return pd.DataFrame(rows, columns=columns).astype({"Count": "Int64", "Size": "Int64"})


def samples_frame(items: Iterable[Item]) -> pd.DataFrame:
    """Return the samples of names that the looks brought along."""
    rows = [
        (WORDS[item.store].rows, visible(item.owner), visible(item.kind), visible(sample))
        for item in items
        for sample in item.samples
    ]
    return pd.DataFrame(rows, columns=["Store", "Owner", "What", "For example"])


def left_frame(left: Iterable[LeftOut]) -> pd.DataFrame:
    """Return one row for each part that is not touched, with how much of it is there."""
    rows = [
        (
            visible(one.kb_id), visible(one.place) or LEFT_WORDS[one.kind], visible(one.why),
            [visible(str(loser)) for loser in one.losers],
            *(one.counts.get(store) for store in COUNTED),
        )
        for one in left
    ]  # fmt: skip
    counts = [WORDS[store].rows for store in COUNTED]
    columns = ["kb_id", "What it is", "Why", "Who else would lose data", *counts]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(counts, "Int64"))


def tenants_frame(plan: Plan) -> pd.DataFrame:
    """Return one row for each tenant whose data would go, with how much of each store."""
    sums: dict[str, dict[Measure, int]] = {tenant: {} for tenant in plan.tenants}
    for tenant, items in by_tenant(plan).items():
        of = sums.setdefault(tenant, {})
        for item in items:
            of[item.store] = of.get(item.store, 0) + item.count
    rows = [(visible(t), *(of.get(store, 0) for store in WORDS)) for t, of in sums.items()]
    return pd.DataFrame(rows, columns=["Tenant", *(each.rows for each in WORDS.values())])


def losers_words(taken: Iterable[LeftOut], targets: Collection[TenantKey]) -> str:
    """Name the other tenants that lose data by what was included, visible; empty when none do."""
    found = dict.fromkeys(loser for one in taken for loser in one.losers if loser not in targets)
    return " and ".join(visible(str(loser)) for loser in found)


def way_out(plan: Plan) -> str:
    """Say what has to be done before a plan that cannot run can: only of what is in its way."""
    said = []
    if plan.problems:
        said.append("A store that cannot be asked has to answer first: the System page says what "
                    "is wrong.")  # fmt: skip
    if plan.held:
        said.append("Lift the legal hold first, on the tenant's card, and plan again.")
    if plan.blockers:
        said.append("What cannot be erased or told apart has to be dealt with in the store itself.")
    if plan.problems or plan.blockers:
        said.append("Skipping one would make the receipt wrong.")
    return " ".join(said)


def confirming(plan: Plan, typed: str) -> str:
    """Return what was typed; a name that cannot be typed may be typed as it is shown."""
    name = plan.confirmation
    return name if typed == visible(name) else typed


def missing(plan: Plan, *, typed: str, reason: str) -> tuple[str, ...]:
    """Say what is still to be entered before a purge can be confirmed."""
    wanted = {
        "what is to be erased": confirming(plan, typed) == plan.confirmation,
        "a reason or ticket": bool(reason.strip()),
    }
    return tuple(words for words, there in wanted.items() if not there)

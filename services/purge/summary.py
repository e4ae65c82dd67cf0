"""What came of a purge in a sentence or two, for whoever is handed its receipt. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.figures import Measure
from services.purge.job import LaterLook, Outcome, Receipt

_NOUNS = {
    Measure.PATTERNS: "patterns", Measure.KEYS: "Redis keys", Measure.VECTORS: "vectors",
    Measure.SESSIONS: "sessions",
}  # fmt: skip


def summary_of(
    receipt: Receipt, looks: Sequence[LaterLook] = (), *, tenant: str | None = None
) -> str:
    """Say what came of it, what stays, and whether data came back since; of one tenant alone."""
    words = [_result(receipt)]
    if receipt.disclosed and receipt.outcome is not Outcome.UNKNOWN:
        words.append("What cannot be told apart by tenant was not erased, and is named below.")
    since = back_since(looks, tenant=tenant)
    if since is not None:
        words.append(f"Data has been there again since {_day(since)}.")
    return " ".join(words)


def back_since(looks: Sequence[LaterLook], *, tenant: str | None = None) -> datetime | None:
    """Return since when data is there again, by the newest look; None where it is not.

    Where it is not known of one tenant, it is not said either.
    """
    since = None
    for look in reversed(looks):
        if not look.back_of(tenant):
            break
        since = look.first_at or look.at
    return since


def _result(receipt: Receipt) -> str:
    target, day = receipt.target, _day(receipt.ended_at)
    match receipt.outcome:
        case Outcome.ERASED:
            return (
                f"All data of {target} that was found was erased by {day}: {_counts(receipt)}. "
                "Every store was looked at again at the end, and nothing of it was found."
            )
        case Outcome.ERASED_EXCEPT:
            return (
                f"Data of {target} was erased by {day}: {_counts(receipt)}. It was looked for "
                "again at the end. What was left out is still there."
            )
        case Outcome.PARTIAL:
            left = sum(line.left or 0 for line in receipt.lines)
            if not left:
                return (
                    f"Not all of the purge of {target} could be done by {day}: {_counts(receipt)} "
                    "were erased, and no entry was counted at the end. What could not be done is "
                    "named below."
                )
            return (
                f"Not all data of {target} was erased by {day}: {_counts(receipt)} were, and "
                f"{left:,} {'entry was' if left == 1 else 'entries were'} left."
            )
        case _:
            return (
                f"Whether all data of {target} was erased is not known: not everything could "
                f"be looked at by {day}. Known to be erased: {_counts(receipt)}."
            )


def _counts(receipt: Receipt) -> str:
    sums = {store: receipt.sums(store).deleted for store in receipt.stores}
    words = [f"{number:,} {_NOUNS[store]}" for store, number in sums.items()]
    return ", ".join(words[:-1]) + (" and " if words[1:] else "") + (words[-1] if words else "")


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

"""Changes of rules that are for tenants, a kind or a label, as the gate decides and logs them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager

from services.access.gate import Doing, Gate, digest_of_words
from services.access.viewer import Action, Viewer
from services.approvals.models import WHY
from services.cards.models import Label
from services.cards.scope import Scope
from services.cards.specific import named_by
from services.tenancy.kb_ids import TenantKey

LISTED = 100
"""So many things one by one the log names of a change."""

LabelsWithin = Callable[[Callable[[TenantKey], bool]], Collection[Label]]
"""Returns the labels that tenants have whom somebody sees."""


def few(lines: Iterable[str]) -> str:
    """Say so many of them one by one as the log takes, and how many more there are."""
    told = tuple(lines)
    more = len(told) - LISTED
    return "; ".join(told[:LISTED]) + (f"; and {more:,} more" if more > 0 else "")


def changing(
    gate: Gate, action: Action, lines: Sequence[str], *, scopes: Iterable[Scope], what: str,
    why: str,
) -> AbstractContextManager[Doing]:  # fmt: skip
    """Change rules: decided, approved and logged as one deed.

    `lines` say each change in words, `scopes` whom they are for; `what` they are is the name under
    which a second person is shown them. Raises as `Gate.doing`.
    """
    return gate.doing(
        action, whose=named_by(scopes), target=few(lines), reason=why,
        digest=digest_of_words(why, *sorted(lines)),
        details={what: few(lines), **({WHY: why} if why else {})},
    )  # fmt: skip


def labels_for(viewer: Viewer, within: LabelsWithin) -> Collection[Label]:
    """Return the labels in a viewer's scope; none is looked for where the viewer sees all."""
    return () if viewer.sees_all else within(viewer.sees)

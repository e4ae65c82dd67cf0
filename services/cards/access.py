"""Cards, as one viewer may see and change them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from services.access.gate import Doing as Deed, Gate, digest_of_words
from services.access.viewer import Action, Sight, Viewer
from services.approvals.models import REASON
from services.cards.changing import LISTED, few
from services.cards.confined import confined_card, confined_doing
from services.cards.labels import reason_of
from services.cards.models import Card, CardError, Doing, Edit
from services.cards.preview import Change, changes
from services.cards.service import Cards, CardService
from services.tenancy.kb_ids import TenantKey


class DeskCards:
    """Cards of tenants in scope.

    Labels are set by who sees all: limits and prices may go by them.
    """

    def __init__(self, gate: Gate, inner: Callable[[], CardService]) -> None:
        self._gate, self._inner = gate, inner

    def version(self) -> int | None:
        """Return a number that is another one whenever a card changed.

        None for who is confined: how often that was for others is not told.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        return self._inner().version() if viewer.sees_all else None

    def cards(self) -> Cards:
        """Return every card in scope on which anything stands. Raises StoreUnavailable."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        sight = Sight(viewer)
        return {
            tenant: confined_card(card, viewer)
            for tenant, card in self._inner().cards().items()
            if sight.sees(tenant)
        }

    def card(self, tenant: TenantKey) -> Card:
        """Return one card, empty where nothing stands on it. Raises AccessDenied."""
        viewer = self._gate.allow(Action.SEE_FLEET, tenants=[tenant])
        return confined_card(self._inner().card(tenant), viewer)

    def doings(self) -> Mapping[TenantKey, tuple[Doing, ...]]:
        """Return what is being done with tenants in scope. Raises StoreUnavailable."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        return {
            tenant: tuple(confined_doing(each, viewer) for each in doings)
            for tenant, doings in self._inner().doings().items()
            if viewer.sees(tenant)
        }

    def preview(self, edits: Sequence[Edit]) -> tuple[Change, ...]:
        """Return what of edits is a change. Raises AccessDenied as changing would."""
        viewer = self._may(edits)
        return _confined(changes(edits, self._inner().cards()), viewer)

    def change(self, edits: Sequence[Edit]) -> tuple[Change, ...]:
        """Change cards and return what was a change: texts, all or none, and then labels.

        Each is decided, approved and logged by itself. Nothing is logged that is so already, and
        of texts only that they changed: the log is for ever. Raises AccessDenied, ApprovalNeeded,
        StoreUnavailable.
        """
        viewer = self._may(edits)
        found = changes(edits, self._inner().cards())
        texts = [each for each in found if each.fields != ("labels",)]
        labels = [each for each in found if "labels" in each.fields]
        if texts:
            target = (f"{each.after.tenant}: {_named(each)}" for each in texts)
            with self._changing(Action.EDIT_CARD, texts, target, [e.texts for e in texts]) as who:
                self._inner().change([each.edit.of_texts for each in texts], by=who.id)
        if labels:
            lines = [each.labels for each in labels]
            with self._changing(Action.LABEL, labels, lines, lines) as who:
                self._inner().change([each.edit.of_labels for each in labels], by=who.id)
        return _confined(found, viewer)

    def hold(self, tenants: Sequence[TenantKey], *, reason: str) -> None:
        """Put tenants on legal hold: nothing of them is erased from now on.

        Raises CardError without a reason, or where each is on hold, AccessDenied, ApprovalNeeded,
        StoreUnavailable.
        """
        self._gate.allow(Action.HOLD, tenants=tenants)
        reason, cards = reason_of(reason), self._inner().cards()
        new = [each for each in tenants if _hold_of(cards, each) is None]
        if not new:
            raise CardError(f"{few(map(str, tenants))} is on hold already: lift that first"
                            if tenants else "name a tenant")  # fmt: skip
        with self._deciding(Action.HOLD, new, reason):
            self._inner().hold(new, reason=reason, by=self._gate.viewer().id)

    def lift(self, tenants: Sequence[TenantKey], *, why: str) -> None:
        """Lift the legal holds of tenants.

        Raises CardError without a reason, or where none is on hold, AccessDenied, ApprovalNeeded,
        StoreUnavailable.
        """
        self._gate.allow(Action.LIFT_HOLD, tenants=tenants)
        why, cards = reason_of(why), self._inner().cards()
        held = [each for each in tenants if _hold_of(cards, each) is not None]
        if not held:
            raise CardError(f"{few(map(str, tenants))} is not on hold"
                            if tenants else "name a tenant")  # fmt: skip
        with self._deciding(Action.LIFT_HOLD, held, why):
            self._inner().lift(held, by=self._gate.viewer().id)

    def _may(self, edits: Sequence[Edit]) -> Viewer:
        """Return the viewer, or raise AccessDenied where one of these edits may not be made."""
        if any(edit.labels or edit.only for edit in edits):
            self._gate.allow(Action.LABEL)
        return self._gate.allow(Action.EDIT_CARD, tenants=[edit.tenant for edit in edits])

    @contextmanager
    def _changing(
        self, action: Action, found: Sequence[Change], target: Iterable[str], says: Sequence[str]
    ) -> Iterator[Viewer]:
        with self._gate.doing(
            action, tenants=_whose([each.after.tenant for each in found]), target=few(target),
            digest=digest_of_words(*sorted(says)), details={"Cards": few(says)},
        ):  # fmt: skip
            yield self._gate.viewer()

    def _deciding(
        self, action: Action, tenants: Sequence[TenantKey], reason: str
    ) -> AbstractContextManager[Deed]:
        names = sorted(map(str, tenants))
        return self._gate.doing(
            action, tenants=tenants, target=few(names), reason=reason,
            digest=digest_of_words(reason, *names), details={REASON: reason},
        )  # fmt: skip


def _confined(found: Iterable[Change], viewer: Viewer) -> tuple[Change, ...]:
    """Return changes of cards in scope, as a viewer may see these."""
    return tuple(
        replace(
            each,
            before=confined_card(each.before, viewer),
            after=confined_card(each.after, viewer),
        )
        for each in found
    )


def _hold_of(cards: Cards, tenant: TenantKey) -> object:
    card = cards.get(tenant)
    return None if card is None else card.hold


def _whose(tenants: Collection[TenantKey]) -> Collection[TenantKey] | None:
    """Return whom a change concerns; None where these are so many that it is the whole fleet.

    Each of them was decided about before.
    """
    return None if len(tenants) > LISTED else tenants


def _named(change: Change) -> str:
    return ", ".join(name for name in change.fields if name != "labels")

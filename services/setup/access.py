"""Setting up a tenant, as one viewer may: each step through the gate that it has by itself.

Limits and the first session are set and created as on their own pages, with those pages' rights
and second persons; what is made in Qdrant is decided and logged here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from services.access.gate import Gate, digest_of_words
from services.access.holders import Holders, each_of, holders_of_collection
from services.access.viewer import Action
from services.cards.access import DeskCards
from services.cards.models import Edit
from services.errors import Problem, StoreError
from services.limits.access import DeskLimits
from services.limits.preview import Changes
from services.sessions.access import DeskSessions, holders_of_landing
from services.sessions.landing import Landing
from services.setup.advice import Place, advise, fleet_of
from services.setup.clashes import clashes
from services.setup.models import (
    Order,
    Preview,
    SetupRefused,
    Step,
    StepName,
    StepState,
    Vectors,
    rules_of,
)
from services.setup.ports import CollectionFacts, VectorPlaces
from services.setup.service import LookedOnce, VectorSteps, wanted
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot

_EVERY = "a tenant that is called * cannot have a limit of its own: * stands for every tenant"


class DeskSetup:
    """Sets tenants up."""

    def __init__(
        self, gate: Gate, *, sessions: DeskSessions, limits: DeskLimits, cards: DeskCards,
        places: Callable[[], VectorPlaces], ownership: Callable[[], Ownership],
    ) -> None:  # fmt: skip
        self._gate, self._sessions, self._limits = gate, sessions, limits
        self._cards, self._places, self._ownership = cards, places, ownership

    def preview(self, order: Order, snapshot: Snapshot | None) -> Preview:
        """Return what setting up would do and what stands near the name; nothing is changed.

        `snapshot` is what the viewer sees of the fleet. Raises AccessDenied for a tenant out of
        scope, NamingError for values that make no node_id, SetupRefused, StoreUnavailable.
        """
        self._gate.allow(Action.SET_UP)
        landing = self._sessions.landing(order.scheme, order.values)
        self._gate.allow(Action.SET_UP, tenants=[landing.tenant], target=landing.node_id)
        if order.limits and order.tenant.id == "*":
            raise SetupRefused(_EVERY)
        looked = LookedOnce(self._places())
        return Preview(
            order, landing, clashes(landing, snapshot),
            tuple(self._planned(order, landing, looked)),
            advise(wanted(order, self._shared(order, looked)), fleet_of(snapshot)),
            {} if snapshot is None else snapshot.unread,
        )  # fmt: skip

    def do(self, order: Order, step: Step) -> None:
        """Do one step of an order; what is there already is left as it is.

        Raises what `preview` raises, SetupRefused for a name that may not be used and for a step
        that is refused or not the order's, ApprovalNeeded, StoreError, and what setting limits,
        writing a card or creating a session raises.
        """
        preview = self.preview(order, None)
        if preview.refusal:
            raise SetupRefused(preview.refusal)
        asked = (each for each in preview.steps if (each.name, each.what) == (step.name, step.what))
        planned = next(asked, None)
        if planned is None or planned.state is StepState.REFUSED:
            why = planned and planned.problem
            raise SetupRefused(str(why or "it is no step of this order"))
        if planned.state is StepState.TO_DO:
            self._doing(planned, order, preview.landing)()

    def _planned(self, order: Order, landing: Landing, looked: LookedOnce) -> list[Step]:
        name = str(landing.tenant)
        steps = []
        if order.card is not None:
            steps.append(self._card_step(order.card, name))
        if order.limits:
            steps.append(self._limit_step(order, name))
        if order.vectors is not None:
            off = self._gate.why_not(Action.SET_UP, tenants=self._holders(order.vectors, landing))
            found = VectorSteps(order.vectors, landing)
            steps += _refused(found.collection, off) if off else found.planned(looked)
        if order.session is not None:
            steps.append(self._allowed(Step(StepName.SESSION, landing.node_id),
                                       Action.CREATE_SESSION))  # fmt: skip
        return steps

    def _card_step(self, edit: Edit, name: str) -> Step:
        step = self._allowed(Step(StepName.CARD, name), Action.EDIT_CARD)
        if edit.labels:
            step = self._allowed(step, Action.LABEL)
        if step.problem is None and not self._cards.preview([edit]):
            return replace(step, state=StepState.THERE)
        return step

    def _limit_step(self, order: Order, name: str) -> Step:
        step = self._allowed(Step(StepName.LIMITS, name), Action.SET_LIMITS)
        rules = [each.rule for each in self._limits.rules()]
        changed = Changes(rules_of(order)).but(rules)
        return step if changed else replace(step, state=StepState.THERE, problem=None)

    def _allowed(self, step: Step, action: Action = Action.SET_UP) -> Step:
        off = self._gate.why_not(action)
        return replace(step, state=StepState.REFUSED, problem=Problem(off)) if off else step

    def _shared(self, order: Order, looked: LookedOnce) -> CollectionFacts | None:
        """Return the collection that the tenant could share, for who may know of it.

        Where Qdrant does not answer, its step says so, and the advice does without.
        """
        vectors = order.vectors
        if vectors is None or not vectors.collection:
            return None
        if self._gate.why_not(Action.SET_UP, tenants=()):
            return None
        with suppress(StoreError):
            return looked.facts(vectors.collection)
        return None

    def _holders(self, vectors: Vectors, landing: Landing) -> Holders:
        """Return whose it is: what several share is for those who see all."""
        if vectors.place is not Place.OWN:
            return ()
        named = holders_of_collection(vectors.name(landing), self._ownership())
        return each_of(holders_of_landing(landing), named)

    def _doing(self, step: Step, order: Order, landing: Landing) -> Callable[[], object]:
        match step.name:
            case StepName.CARD:
                return lambda: self._cards.change([] if order.card is None else [order.card])
            case StepName.LIMITS:
                why = f"set up {landing.tenant}"
                return lambda: self._limits.change(Changes(rules_of(order)), why=why)
            case StepName.SESSION:
                return lambda: self._create(order)
        return lambda: self._make(step, order, landing)

    def _create(self, order: Order) -> None:
        session = order.session
        assert session is not None  # noqa: S101 - there is a step for it
        self._sessions.create(
            order.scheme, order.values, ttl_seconds=session.ttl_seconds,
            metadata=session.metadata, word=session.word, again=session.again, over=session.over,
        )  # fmt: skip

    def _make(self, step: Step, order: Order, landing: Landing) -> None:
        vectors = order.vectors
        assert vectors is not None  # noqa: S101 - there is a step for it
        target = f"{step.name.value}: {step.what} ({landing.tenant})"
        with self._gate.doing(
            Action.SET_UP, tenants=self._holders(vectors, landing), whose=(landing.tenant,),
            target=target, digest=digest_of_words(target, str(vectors.size), vectors.distance),
            details=_details(step, vectors, order),
        ):  # fmt: skip
            VectorSteps(vectors, landing).do(step.name, self._places())


def _refused(collection: str, off: str) -> list[Step]:
    return [Step(StepName.COLLECTION, collection, StepState.REFUSED, Problem(off))]


def _details(step: Step, vectors: Vectors, order: Order) -> dict[str, str]:
    said = {"Tenant": str(order.tenant), step.name.value.capitalize(): step.what}
    if step.name is StepName.COLLECTION:
        said["Vectors"] = f"{vectors.size} numbers, {vectors.distance}"
    return said

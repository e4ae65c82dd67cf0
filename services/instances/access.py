"""Instances, as one viewer may see, plan, register and run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from services.access.gate import Doing, Gate, digest_of_words
from services.access.viewer import Action, Viewer
from services.approvals.models import REASON
from services.errors import AccessDenied
from services.instances.confined import confined_instance, confined_plan, confined_vital
from services.instances.models import Instance, InstanceRefused, Plan, Ran, Vital, Wish
from services.instances.render import Files
from services.instances.run import Running
from services.instances.service import InstanceService
from services.tenancy.kb_ids import TenantKey


class DeskInstances:
    """Instances of tenants in scope. Every method raises AccessDenied and StoreUnavailable."""

    def __init__(
        self, gate: Gate, inner: Callable[[], InstanceService], *, running: Callable[[], Running]
    ) -> None:
        self._gate, self._inner, self._runs = gate, inner, running

    def every(self) -> tuple[Instance, ...]:
        """Return the instances of tenants in scope, also those that ended, the newest first."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        return tuple(
            confined_instance(each, viewer)
            for each in self._inner().every() if viewer.sees(each.tenant)
        )  # fmt: skip

    def of(self, tenant: TenantKey) -> Instance | None:
        """Return where sessions of a tenant are created; None for the KATO that all share."""
        viewer = self._gate.allow(Action.SEE_FLEET, tenants=[tenant])
        found = self._inner().of(tenant)
        return None if found is None else confined_instance(found, viewer)

    def vitals(self, names: Iterable[str]) -> Mapping[str, Vital]:
        """Ask those of these instances how they are that are of tenants in scope."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        wanted = frozenset(names)
        asked = [e for e in self._inner().every() if e.name in wanted and viewer.sees(e.tenant)]
        found = self._inner().vitals(asked) if asked else {}
        return {name: confined_vital(vital, viewer) for name, vital in found.items()}

    def plan(self, wish: Wish) -> Plan:
        """Return what would be made for a tenant; nothing is written, and no port is taken."""
        with self._gate.doing(
            Action.PLAN_INSTANCE, tenants=[wish.tenant], target=str(wish.tenant)
        ):  # fmt: skip
            viewer = self._gate.viewer()
            return confined_plan(self._inner().plan(wish, by=viewer.id), viewer)

    def record(self, wish: Wish) -> Instance:
        """Keep an instance as planned: its name and ports are its own. Logged.

        Raises ApprovalNeeded, InstanceRefused.
        """
        viewer = self._gate.allow(Action.SET_INSTANCE, tenants=[wish.tenant])
        plan = self._inner().plan(wish, by=viewer.id)
        if plan.obstacles:  # before a second person is asked for
            raise InstanceRefused(plan.obstacles[0])
        with self._setting(
            wish.tenant, "plan", wish.tool, wish.stores, wish.service, why=wish.why,
            sent=repr((wish.resources, wish.kb_id)),
        ):  # fmt: skip
            return self._seen(self._inner().record(wish, by=viewer.id), viewer)

    def files(self, name: str) -> Files:
        """Return the files of an instance. Logged. Raises InstanceRefused."""
        known = self._known(name, Action.PLAN_INSTANCE)
        with self._gate.doing(
            Action.PLAN_INSTANCE, tenants=[known.tenant], target=f"files of {name}"
        ):  # fmt: skip
            return self._inner().files(name)

    def register(
        self, name: str, *, why: str = "", url: str = "", beside: bool = False
    ) -> Instance:
        """Have sessions of its tenant created there from now on. Logged.

        Raises ApprovalNeeded, InstanceRefused.
        """
        known = self._known(name, Action.SET_INSTANCE)
        deed = "register beside others" if beside else "register"
        with self._setting(known.tenant, deed, name, url or known.url, why=why):
            viewer = self._gate.viewer()
            done = self._inner().register(name, by=viewer.id, why=why, url=url, beside=beside)
        return self._seen(done, viewer)

    def adopt(
        self, tenant: TenantKey, url: str, *, name: str = "", service: str = "",
        database: str = "", why: str = "", beside: bool = False,
    ) -> Instance:  # fmt: skip
        """Register a KATO that somebody else runs. Logged.

        Raises ApprovalNeeded, InstanceRefused.
        """
        deed = "register beside others" if beside else "register"
        with self._setting(tenant, deed, name, url, service, database, why=why):
            viewer = self._gate.viewer()
            done = self._inner().adopt(
                tenant, url, by=viewer.id, name=name, service=service, database=database, why=why,
                beside=beside,
            )  # fmt: skip
        return self._seen(done, viewer)

    def end(self, name: str, *, why: str = "") -> Instance:
        """Have no more sessions created there. Logged. Raises ApprovalNeeded, InstanceRefused."""
        known = self._known(name, Action.SET_INSTANCE)
        with self._setting(known.tenant, "end", name, why=why):
            viewer = self._gate.viewer()
            return self._seen(self._inner().end(name, by=viewer.id, why=why), viewer)

    def forget(self, name: str, *, anyway: bool = False) -> None:
        """Keep nothing more of one. Logged. Raises ApprovalNeeded, InstanceRefused."""
        known = self._known(name, Action.SET_INSTANCE)
        with self._setting(known.tenant, "forget anyway" if anyway else "forget", name):
            self._inner().forget(name, anyway=anyway)

    def up(self, name: str) -> tuple[Instance, tuple[Ran, ...], Vital | None]:
        """Start one, and say how it is. Logged. Raises ApprovalNeeded, InstanceRefused."""
        with self._running(name, "start") as (doing, viewer):
            instance, ran, vital = self._runs().up(name)
            doing.failure = _failure(ran)
        return self._seen(instance, viewer), ran, vital

    def down(self, name: str, *, anyway: bool = False) -> tuple[Instance, tuple[Ran, ...]]:
        """Stop one; with `anyway` also where it is needed. Logged.

        Raises ApprovalNeeded, InstanceRefused.
        """
        known = self._known(name, Action.RUN_INSTANCE)
        why = [] if anyway else self._runs().needed(known)
        if why:  # before a second person is asked for
            raise InstanceRefused(f"{name} is needed: {'; '.join(why)}")
        deed = "stop, needed or not," if anyway else "stop"
        with self._running(name, deed) as (doing, viewer):
            instance, ran = self._runs().down(name, anyway=anyway)
            doing.failure = _failure(ran)
        return self._seen(instance, viewer), ran

    def status(self, name: str) -> tuple[Instance, tuple[Ran, ...], Vital | None]:
        """Show the parts of one as its tool tells of them, and how its API is. Logged."""
        known = self._known(name, Action.PLAN_INSTANCE)
        with self._gate.doing(
            Action.PLAN_INSTANCE, tenants=[known.tenant], target=f"status of {name}"
        ):  # fmt: skip
            viewer = self._gate.viewer()
            instance, ran, vital = self._runs().status(name)
        return self._seen(instance, viewer), ran, vital

    # --- what these share ---

    def _known(self, name: str, action: Action) -> Instance:
        """Return one of a tenant in scope; whether there is one of another's is not told."""
        viewer = self._gate.allow(action)
        found = self._inner().instance(name)
        if not viewer.sees(found.tenant):
            with suppress(AccessDenied):  # which has logged it
                self._gate.allow(action, tenants=[found.tenant], target=name)
            raise InstanceRefused("there is no such instance")
        return found

    @contextmanager
    def _setting(
        self, tenant: TenantKey, deed: str, *about: str, why: str = "", sent: str = ""
    ) -> Iterator[None]:
        """Do it, logged; an approval is of exactly what is said `about` it, and `sent` with it."""
        target = f"{deed}: {' '.join(filter(None, (*about, str(tenant))))}"
        with self._gate.doing(
            Action.SET_INSTANCE, tenants=[tenant], target=target, reason=why,
            digest=digest_of_words("instance", deed, str(tenant), *about, sent),
            details={REASON: why},
        ):  # fmt: skip
            yield

    @contextmanager
    def _running(self, name: str, deed: str) -> Iterator[tuple[Doing, Viewer]]:
        known = self._known(name, Action.RUN_INSTANCE)
        with self._gate.doing(
            Action.RUN_INSTANCE, tenants=[known.tenant],
            target=f"{deed} {name} of {known.tenant}", digest=digest_of_words(deed, name),
        ) as doing:  # fmt: skip
            yield doing, self._gate.viewer()

    def _seen(self, instance: Instance, viewer: Viewer) -> Instance:
        return confined_instance(instance, viewer)


def _failure(ran: Iterable[Ran]) -> str:
    """Say what was not done; empty where all was, or was only told."""
    for each in ran:
        if each.failed:
            return f"{each.command[0]} ended with {each.code}"
        if each.why_not:
            return f"nothing was run: {each.why_not}"
    return ""
